/* Throws rubbish at the codec and at the whole panel, a bounded number of times, for the sanitizers to judge: fuzz SEED ROUNDS.
 *
 * Buffers are as long as what they hold, so that one byte too far is seen. What the panel may never do is checked with counts of our own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "panel.h"

static uint64_t state;

static uint32_t drawn(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "broken: %s\n", what);
        exit(1);
    }
}

static uint8_t *rubbish(size_t count)
{
    uint8_t *bytes = malloc(count > 0 ? count : 1);
    must(bytes != NULL, "memory");
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(drawn(4) == 0 ? drawn(3) : drawn(256));
    }
    return bytes;
}

static void try_codec(void)
{
    const size_t count = drawn(600);
    uint8_t *plain = rubbish(count);
    const size_t room = count + 1 + count / 254;
    uint8_t *wire = malloc(room);
    uint8_t *back = malloc(count > 0 ? count : 1);
    must(wire != NULL && back != NULL, "memory");
    size_t made = 0;
    const size_t stuffed = cobs_encode(plain, count, wire, room);
    must(stuffed > 0 && memchr(wire, 0, stuffed) == NULL, "stuffing without zero, within its bound");
    must(cobs_decode(wire, stuffed, back, count, &made) && made == count && memcmp(plain, back, count) == 0, "what was stuffed comes back");
    must(count == 0 || !cobs_decode(wire, stuffed, back, count - 1, &made), "too little room is told");
    must(cobs_encode(plain, count, wire, drawn((uint32_t)stuffed)) == 0, "too little room is told");
    (void)cobs_decode(plain, count, back, count, &made);
    struct frame frame;
    (void)frame_decode(plain, drawn((uint32_t)count + 1), &frame);
    free(plain);
    free(wire);
    free(back);
}

static void try_frame(void)
{
    struct frame frame = { .protocol = (uint8_t)drawn(256), .type = (uint8_t)drawn(256), .sequence = (uint8_t)drawn(256) };
    struct frame back;
    uint8_t wire[FRAME_MOST_WIRE];
    frame.length = (uint8_t)drawn(FRAME_MOST_PAYLOAD + 1);
    for (uint8_t i = 0; i < frame.length; i++) {
        frame.payload[i] = (uint8_t)drawn(256);
    }
    const size_t count = frame_encode(&frame, wire, sizeof wire);
    must(count > 0, "every frame fits");
    must(frame_encode(&frame, wire, count - 1) == 0, "too little room is told");
    must(frame_encode(&frame, wire, count) == count, "just enough room is enough");
    must(frame_decode(wire, count - 1, &back) == FRAME_GOOD, "a frame is read back");
    must(back.length == frame.length && memcmp(back.payload, frame.payload, frame.length) == 0 && back.type == frame.type, "unchanged");
    struct frame_reader reader = { .used = 0 };
    for (uint32_t noise = drawn(100); noise > 0; noise--) {
        (void)frame_push(&reader, (uint8_t)drawn(256), &back);
    }
    (void)frame_push(&reader, 0, &back);
    for (size_t i = 0; i + 1 < count; i++) {
        must(frame_push(&reader, wire[i], &back) == FRAME_NOTHING, "nothing before the end");
    }
    must(frame_push(&reader, 0, &back) == FRAME_GOOD, "a frame behind noise is read");
    frame.length = (uint8_t)(FRAME_MOST_PAYLOAD + 1 + drawn(200));
    must(frame_encode(&frame, wire, sizeof wire) == 0, "too long a payload is refused");
}

static void order(struct panel *panel, uint8_t type, const uint8_t *payload, uint8_t length)
{
    struct frame frame = { .protocol = FRAME_PROTOCOL, .type = type, .sequence = (uint8_t)drawn(256), .length = length };
    uint8_t wire[FRAME_MOST_WIRE];
    memcpy(frame.payload, payload, length);
    const size_t count = frame_encode(&frame, wire, sizeof wire);
    for (size_t i = 0; i < count; i++) {
        panel_receive(panel, wire[i]);
    }
}

struct watched {
    bool armed;
    bool update;
    uint8_t asked[2];
    uint64_t now;
    uint64_t updated;
    uint64_t resets[3];
    bool pulled;
};

static void step(struct panel *panel, struct watched *seen, uint32_t elapsed, bool down)
{
    panel_step(panel, elapsed, down);
    seen->now += elapsed;
    const bool pulled = panel_reset_pulled(panel);
    if (pulled && !seen->pulled) {
        must(seen->armed, "a reset only when armed");
        must(!seen->update || seen->now - seen->updated >= WATCHDOG_UPDATE_MS, "no reset during an update");
        must(seen->resets[0] == 0 || seen->now - seen->resets[0] >= WATCHDOG_HOUR_MS, "three resets an hour at most");
        seen->resets[0] = seen->resets[1];
        seen->resets[1] = seen->resets[2];
        seen->resets[2] = seen->now;
        seen->armed = false;
    }
    seen->pulled = pulled;
    seen->update = seen->update && seen->now - seen->updated < WATCHDOG_UPDATE_MS;
    must((panel_lamps(panel) & ~LAMP_ALL) == 0, "four lamps");
}

static void act(struct panel *panel, struct watched *seen)
{
    const uint8_t scene[2] = { (uint8_t)drawn(6), (uint8_t)drawn(3) };
    const uint8_t arm[3] = { 1, 0, (uint8_t)drawn(40) };
    const uint8_t disarm[3] = { 0, 0, 0 };
    uint8_t *noise;
    uint32_t count;
    switch (drawn(8)) {
    case 0:
        order(panel, MESSAGE_LED, scene, 2);
        if (scene[0] < SCENE_ASKED && scene[1] < 2 && memcmp(scene, seen->asked, 2) != 0) {
            seen->update = scene[0] == SCENE_UPDATE;
            seen->updated = seen->now;
            memcpy(seen->asked, scene, 2);
        }
        break;
    case 1:
        order(panel, MESSAGE_WATCHDOG, arm, 3);
        seen->armed = seen->armed || arm[2] >= WATCHDOG_LEAST_S;
        break;
    case 2:
        if (drawn(4) == 0) {
            order(panel, MESSAGE_WATCHDOG, disarm, 3);
            seen->armed = false;
        }
        break;
    case 3:
        order(panel, MESSAGE_HEARTBEAT, disarm, 0);
        seen->update = seen->asked[0] == SCENE_UPDATE;
        seen->updated = seen->now;
        break;
    case 4:
        order(panel, (uint8_t)drawn(9), scene, (uint8_t)(drawn(2) == 0 ? 1 : 0));
        break;
    default:
        count = drawn(60);
        noise = rubbish(count);
        for (uint32_t i = 0; i < count; i++) {
            panel_receive(panel, noise[i]);
        }
        panel_receive(panel, 0);
        free(noise);
    }
}

static void live(uint32_t rounds)
{
    static const uint8_t serial[PANEL_SERIAL_LENGTH] = "FUZZ";
    struct panel panel;
    struct watched seen = { .now = 1, .asked = { 255, 255 } };
    uint32_t kept[WATCHDOG_KEPT];
    panel_start(&panel, NULL, serial);
    for (uint32_t round = 0; round < rounds; round++) {
        if (drawn(3) == 0) {
            act(&panel, &seen);
        }
        step(&panel, &seen, drawn(20) == 0 ? drawn(200000) : drawn(3000), drawn(3) == 0);
        uint8_t byte;
        must(panel.out_used <= PANEL_OUT, "no more bytes wait than there is room for");
        while (drawn(3) != 0 && panel_send(&panel, &byte)) {
        }
        if (drawn(500) == 0) {
            panel_keep(&panel, kept);
            panel_start(&panel, kept, serial);
            seen.armed = false;
            seen.update = false;
            seen.asked[0] = 255;
            seen.pulled = false;
        }
    }
    must(seen.resets[2] != 0 || rounds < 100000, "resets did happen");
}

int main(int count, char **arguments)
{
    must(count == 3, "usage: fuzz SEED ROUNDS");
    state = strtoull(arguments[1], NULL, 10) * 2654435761u + 88172645463325252u;
    const uint32_t rounds = (uint32_t)strtoul(arguments[2], NULL, 10);
    for (uint32_t round = 0; round < rounds; round++) {
        try_codec();
        try_frame();
    }
    live(rounds * 50);
    printf("%u rounds\n", rounds);
    return 0;
}
