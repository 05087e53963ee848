#include "panel.h"

#include "span.h"

static const uint8_t firmware[3] = PANEL_FIRMWARE;

void panel_start(struct panel *panel, const uint32_t *kept, const uint8_t serial[PANEL_SERIAL_LENGTH])
{
    *panel = (struct panel){ .asked = SCENE_STARTING, .cause = CAUSE_POWER };
    if (kept == NULL) {
        watchdog_cold(&panel->watchdog);
    } else if (watchdog_recall(&panel->watchdog, kept)) {
        panel->cause = CAUSE_RESTART;
    }
    for (uint32_t i = 0; i < PANEL_SERIAL_LENGTH; i++) {
        panel->serial[i] = serial[i];
    }
}

void panel_keep(const struct panel *panel, uint32_t kept[WATCHDOG_KEPT])
{
    watchdog_keep(&panel->watchdog, kept);
}

/* What does not fit is not sent: whoever wants it asks again. */
static void send(struct panel *panel, const struct frame *frame)
{
    uint8_t wire[FRAME_MOST_WIRE];
    const size_t count = frame_encode(frame, wire, sizeof wire);
    if (count > (size_t)(PANEL_OUT - panel->out_used)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        panel->out[(panel->out_first + panel->out_used) % PANEL_OUT] = wire[i];
        panel->out_used++;
    }
}

bool panel_send(struct panel *panel, uint8_t *byte)
{
    if (panel->out_used == 0u) {
        return false;
    }
    *byte = panel->out[panel->out_first];
    panel->out_first = (uint8_t)((panel->out_first + 1u) % PANEL_OUT);
    panel->out_used--;
    return true;
}

static uint8_t next_sequence(struct panel *panel)
{
    panel->sequence = (uint8_t)((panel->sequence + 1u) | PANEL_SEQUENCES);
    return panel->sequence;
}

static void send_hello(struct panel *panel, uint8_t sequence)
{
    struct frame frame = { .protocol = FRAME_PROTOCOL, .type = MESSAGE_HELLO, .sequence = sequence };
    uint8_t *next = frame.payload;
    for (uint32_t i = 0; i < sizeof firmware; i++) {
        *next++ = firmware[i];
    }
    *next++ = panel->cause;
    for (int shift = 24; shift >= 0; shift -= 8) {
        *next++ = (uint8_t)(panel->up_s >> shift);
    }
    *next++ = panel->watchdog.armed ? 1u : 0u;
    *next++ = watchdog_allowed(&panel->watchdog);
    *next++ = panel->watchdog.resets;
    for (uint32_t i = 0; i < PANEL_SERIAL_LENGTH; i++) {
        *next++ = panel->serial[i];
    }
    frame.length = (uint8_t)(next - frame.payload);
    send(panel, &frame);
}

static void send_press(struct panel *panel)
{
    struct frame frame = { .protocol = FRAME_PROTOCOL, .type = MESSAGE_BUTTON, .sequence = panel->press_sequence, .length = 1 };
    frame.payload[0] = (uint8_t)panel->press;
    panel->again_ms = PANEL_AGAIN_MS;
    send(panel, &frame);
}

static uint8_t take_led(struct panel *panel, const struct frame *frame)
{
    if (frame->length != 2u) {
        return REFUSAL_LENGTH;
    }
    if (frame->payload[0] >= SCENE_ASKED || (frame->payload[1] & ~LED_PAIRING) != 0u) {
        return REFUSAL_VALUE;
    }
    const bool pairing = frame->payload[1] != 0u;
    if (panel->spoken && panel->asked == (enum scene)frame->payload[0] && panel->pairing == pairing) {
        return 0; /* told again by whoever holds the line: no sign that the gateway lives */
    }
    panel->asked = (enum scene)frame->payload[0];
    panel->pairing = pairing;
    panel->spoken = true;
    panel->silence_ms = 0;
    if (panel->asked == SCENE_UPDATE) {
        watchdog_update(&panel->watchdog);
    } else {
        watchdog_update_over(&panel->watchdog);
    }
    return 0;
}

static uint8_t take_watchdog(struct panel *panel, const struct frame *frame)
{
    if (frame->length != 3u) {
        return REFUSAL_LENGTH;
    }
    const uint32_t seconds = (uint32_t)frame->payload[1] << 8 | frame->payload[2];
    if (frame->payload[0] == 0u && seconds == 0u) {
        watchdog_disarm(&panel->watchdog);
        return 0;
    }
    return frame->payload[0] == 1u && watchdog_arm(&panel->watchdog, seconds) ? 0u : REFUSAL_VALUE;
}

static uint8_t take_heartbeat(struct panel *panel, const struct frame *frame)
{
    if (frame->length != 0u) {
        return REFUSAL_LENGTH;
    }
    panel->silence_ms = 0;
    watchdog_feed(&panel->watchdog);
    if (panel->asked == SCENE_UPDATE) {
        watchdog_update(&panel->watchdog);
    }
    return 0;
}

static void take_ack(struct panel *panel, uint8_t sequence)
{
    if (panel->press != PRESS_NONE && sequence == panel->press_sequence) {
        panel->press = PRESS_NONE;
    } else if (!panel->greeted && sequence == panel->hello_sequence) {
        panel->greeted = true;
    }
}

static uint8_t take(struct panel *panel, const struct frame *frame)
{
    if (frame->protocol != FRAME_PROTOCOL) {
        return REFUSAL_PROTOCOL;
    }
    switch (frame->type) {
    case MESSAGE_LED:
        return take_led(panel, frame);
    case MESSAGE_HEARTBEAT:
        return take_heartbeat(panel, frame);
    case MESSAGE_WATCHDOG:
        return take_watchdog(panel, frame);
    case MESSAGE_HELLO:
        return frame->length == 0u ? 0u : REFUSAL_LENGTH;
    default:
        return REFUSAL_TYPE;
    }
}

void panel_receive(struct panel *panel, uint8_t byte)
{
    struct frame frame;
    if (frame_push(&panel->reader, byte, &frame) != FRAME_GOOD) {
        return;
    }
    panel->quiet_ms = 0;
    if (frame.type == MESSAGE_ACK || frame.type == MESSAGE_NAK) {
        if (frame.type == MESSAGE_ACK && frame.protocol == FRAME_PROTOCOL) {
            take_ack(panel, frame.sequence);
        }
        return;
    }
    const uint8_t refusal = take(panel, &frame);
    if (refusal == 0u && frame.type == MESSAGE_HELLO) {
        send_hello(panel, frame.sequence);
        return;
    }
    struct frame answer = { .protocol = FRAME_PROTOCOL, .type = MESSAGE_ACK, .sequence = frame.sequence };
    if (refusal != 0u) {
        answer.type = MESSAGE_NAK;
        answer.length = 1;
        answer.payload[0] = refusal;
    }
    send(panel, &answer);
}

static void step_press(struct panel *panel, uint32_t elapsed, enum press press)
{
    if (press != PRESS_NONE) {
        panel->press = press;
        panel->press_ms = 0;
        panel->press_sequence = next_sequence(panel);
        panel->told = SCENE_CONFIRMED;
        panel->told_ms = press == PRESS_HELD ? PANEL_CONFIRMED_MS : 0u;
        send_press(panel);
        return;
    }
    if (panel->press == PRESS_NONE) {
        return;
    }
    panel->press_ms = span_add(panel->press_ms, elapsed);
    panel->again_ms = span_left(panel->again_ms, elapsed);
    if (panel->press_ms >= PANEL_PRESS_MS) {
        panel->press = PRESS_NONE;
        panel->told = SCENE_UNHEARD;
        panel->told_ms = PANEL_CONFIRMED_MS;
    } else if (panel->again_ms == 0u) {
        send_press(panel);
    }
}

static void step_hello(struct panel *panel, uint32_t elapsed)
{
    panel->quiet_ms = span_add(panel->quiet_ms, elapsed);
    panel->hello_ms = span_left(panel->hello_ms, elapsed);
    if (panel->quiet_ms >= PANEL_QUIET_MS) {
        panel->greeted = false;
    }
    if (!panel->greeted && panel->hello_ms == 0u) {
        panel->hello_ms = PANEL_HELLO_MS;
        panel->hello_sequence = next_sequence(panel);
        send_hello(panel, panel->hello_sequence);
    }
}

void panel_step(struct panel *panel, uint32_t elapsed, bool button_down)
{
    panel->up_ms += elapsed;
    while (panel->up_ms >= 1000u) {
        panel->up_ms -= 1000u;
        panel->up_s++;
    }
    panel->scene_ms += elapsed;
    while (panel->scene_ms >= 2000u) {
        panel->scene_ms -= 2000u; /* the processor divides slowly */
    }
    panel->silence_ms = span_add(panel->silence_ms, elapsed);
    panel->told_ms = span_left(panel->told_ms, elapsed);
    step_press(panel, elapsed, button_step(&panel->button, elapsed, button_down));
    step_hello(panel, elapsed);
    panel->pulled = watchdog_step(&panel->watchdog, elapsed);
}

static enum scene of_the_box(const struct panel *panel)
{
    if (!panel->spoken) {
        return panel->silence_ms < PANEL_STARTING_MS ? SCENE_STARTING : SCENE_LOST;
    }
    if (panel->silence_ms >= PANEL_LOST_MS && panel->watchdog.update_ms == 0u) {
        return SCENE_LOST;
    }
    return panel->asked;
}

uint8_t panel_lamps(const struct panel *panel)
{
    const uint32_t down_ms = panel->button.down ? panel->button.down_ms : 0u;
    if (down_ms >= BUTTON_HELD_MS && down_ms < BUTTON_STUCK_MS) {
        return lamps_of(SCENE_CONFIRMED, panel->scene_ms);
    }
    if (down_ms >= BUTTON_SHORT_MS && down_ms < BUTTON_HELD_MS) {
        return lamps_of_hold(down_ms);
    }
    if (panel->told_ms > 0u) {
        return lamps_of(panel->told, panel->scene_ms);
    }
    if (panel->cause == CAUSE_POWER && panel->up_s < PANEL_TEST_MS / 1000u) {
        return LAMP_ALL;
    }
    const enum scene scene = of_the_box(panel);
    const uint8_t lamps = lamps_of(scene, panel->scene_ms);
    if (panel->pairing && scene == panel->asked) {
        return (uint8_t)((lamps & ~LAMP_BLUE) | lamps_of(SCENE_PAIRING, panel->scene_ms));
    }
    return lamps;
}

bool panel_reset_pulled(const struct panel *panel)
{
    return panel->pulled;
}
