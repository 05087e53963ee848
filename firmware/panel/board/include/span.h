/* Spans of time in milliseconds that neither wrap nor go under zero. */
#ifndef RELAIS_SPAN_H
#define RELAIS_SPAN_H

#include <stdint.h>

static inline uint32_t span_add(uint32_t span, uint32_t elapsed)
{
    return elapsed > UINT32_MAX - span ? UINT32_MAX : span + elapsed;
}

static inline uint32_t span_left(uint32_t span, uint32_t elapsed)
{
    return elapsed > span ? 0u : span - elapsed;
}

#endif
