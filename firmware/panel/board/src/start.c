/* From the vector table to main(), and the three functions that the compiler may call by itself. */
#include <stddef.h>
#include <stdint.h>

#include "board.h"

extern uint32_t image_stack_top, image_data_load, image_data_start, image_data_end, image_bss_start, image_bss_end;

int main(void);
void start_here(void);
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);

void start_here(void)
{
    const uint32_t *from = &image_data_load;
    for (uint32_t *to = &image_data_start; to < &image_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = &image_bss_start; to < &image_bss_end; to++) {
        *to = 0;
    }
    main();
}

/* Nothing here is meant to happen: the chip's watchdog restarts the panel two seconds later, the reset line let go. */
static void stopped(void)
{
    for (;;) {
    }
}

struct vectors {
    uint32_t *stack;
    void (*exceptions[15])(void);
    void (*interrupts[26])(void);
};

__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    .stack = &image_stack_top,
    .exceptions = { start_here, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped,
                    stopped, stopped, stopped },
    .interrupts = { board_on_wake_up },
};

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *next = to;
    const uint8_t *byte = from;
    while (count-- > 0) {
        *next++ = *byte++;
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *next = to;
    while (count-- > 0) {
        *next++ = (uint8_t)value;
    }
    return to;
}
