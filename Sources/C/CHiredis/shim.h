#pragma once
// Only the formatter and the reader are used: leo's own streams carry the bytes.
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
