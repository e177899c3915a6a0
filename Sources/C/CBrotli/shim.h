#pragma once
// Brotli 1.0.9 and newer.
#include <brotli/decode.h>
#include <brotli/encode.h>
