#pragma once
// Zstandard 1.5.0 and newer; nothing of its experimental part.
#include <zstd.h>
#include <zstd_errors.h>
