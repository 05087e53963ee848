/* What ctypes needs beside the logic of the panel: a panel on the heap, and the bytes it sends. */
#include <stdlib.h>

#include "panel.h"

struct panel *shim_new(const uint32_t *kept, const uint8_t *serial);
void shim_free(struct panel *panel);
size_t shim_sent(struct panel *panel, uint8_t *out, size_t room);
size_t shim_run(struct panel *panel, uint32_t steps, uint32_t step, bool down, uint8_t *shown, uint8_t *out, size_t room);
size_t shim_read(const uint8_t *line, size_t count, uint8_t *out, size_t room);

struct panel *shim_new(const uint32_t *kept, const uint8_t *serial)
{
    struct panel *panel = malloc(sizeof *panel);
    if (panel != NULL) {
        panel_start(panel, kept, serial);
    }
    return panel;
}

void shim_free(struct panel *panel)
{
    free(panel);
}

size_t shim_sent(struct panel *panel, uint8_t *out, size_t room)
{
    size_t used = 0;
    while (used < room && panel_send(panel, &out[used])) {
        used++;
    }
    return used;
}

/* So many steps of so many milliseconds: lamps and reset line (16) after each in `shown`, and what was sent. */
size_t shim_run(struct panel *panel, uint32_t steps, uint32_t step, bool down, uint8_t *shown, uint8_t *out, size_t room)
{
    size_t used = 0;
    for (uint32_t i = 0; i < steps; i++) {
        panel_step(panel, step, down);
        shown[i] = (uint8_t)(panel_lamps(panel) | (panel_reset_pulled(panel) ? 16u : 0u));
        used += shim_sent(panel, out + used, room - used);
    }
    return used;
}

/* The frames read from a line, each as protocol, type, sequence, length, payload. */
size_t shim_read(const uint8_t *line, size_t count, uint8_t *out, size_t room)
{
    struct frame_reader reader = { .used = 0 };
    struct frame frame;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (frame_push(&reader, line[i], &frame) != FRAME_GOOD || used + FRAME_HEADER + frame.length > room) {
            continue;
        }
        out[used++] = frame.protocol;
        out[used++] = frame.type;
        out[used++] = frame.sequence;
        out[used++] = frame.length;
        for (uint8_t j = 0; j < frame.length; j++) {
            out[used++] = frame.payload[j];
        }
    }
    return used;
}
