#pragma once
// zlib 1.2.11 and newer. The inline functions stand in for macros, which Swift cannot import; they add no logic.
#include <zlib.h>

static inline int leo_inflateInit2(z_stream *stream, int window_bits) { return inflateInit2(stream, window_bits); }
static inline int leo_deflateInit2(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
