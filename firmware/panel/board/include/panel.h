/* The panel without its registers: bytes of the line, level of the button and time go in; lamps, reset line and bytes come out.
 *
 * Messages (frame.h): what is asked or told carries a sequence number of its sender, 0 to 127 for the box, 128 to 255 for the panel;
 * its answer carries the same. What the box sends may come twice without harm. A BUTTON is sent again until it is acknowledged, five seconds at most: an old press opens nothing.
 * HELLO is told once a second until the box acknowledges it, and again once the box has said nothing for three seconds: a box that
 * looks for its panel only has to listen.
 */
#ifndef RELAIS_PANEL_H
#define RELAIS_PANEL_H

#include "button.h"
#include "frame.h"
#include "lamps.h"
#include "watchdog.h"

#define PANEL_FIRMWARE { 1u, 0u, 0u }
#define PANEL_SERIAL_LENGTH 12u

enum message {
    MESSAGE_HELLO = 1,     /* box: empty, answered by the panel's own; panel: struct hello of panel.c */
    MESSAGE_LED = 2,       /* box: scene, flags */
    MESSAGE_BUTTON = 3,    /* panel: enum press */
    MESSAGE_HEARTBEAT = 4, /* box: empty */
    MESSAGE_WATCHDOG = 5,  /* box: 0 disarm or 1 arm, seconds (high byte first) */
    MESSAGE_ACK = 6,       /* both: empty */
    MESSAGE_NAK = 7,       /* panel: enum refusal */
};

enum refusal { REFUSAL_TYPE = 1, REFUSAL_LENGTH = 2, REFUSAL_VALUE = 3, REFUSAL_PROTOCOL = 4 };

enum cause { CAUSE_POWER = 0, CAUSE_RESTART = 1 };

#define LED_PAIRING 1u

#define PANEL_SEQUENCES 0x80u

#define PANEL_HELLO_MS 1000u
#define PANEL_QUIET_MS 3000u      /* without a word from the box: HELLO again */
#define PANEL_LOST_MS 10000u      /* without a heartbeat: the lamps say so */
#define PANEL_STARTING_MS 300000u /* a box that has not spoken since power is starting for so long, lost then */
#define PANEL_TEST_MS 1000u       /* all lamps at power-up */
#define PANEL_AGAIN_MS 400u
#define PANEL_PRESS_MS 5000u
#define PANEL_CONFIRMED_MS 2000u
#define PANEL_OUT 128u

struct panel {
    struct frame_reader reader;
    struct button button;
    struct watchdog watchdog;

    uint32_t up_ms;      /* within the second */
    uint32_t up_s;
    uint32_t scene_ms;   /* where the scenes are; one beat for all */
    uint32_t quiet_ms;   /* since the last good frame */
    uint32_t silence_ms; /* since the last sign of life of the gateway: HEARTBEAT, or another LED than before */
    uint32_t hello_ms;   /* until the next HELLO */
    uint32_t press_ms;   /* since the press that waits */
    uint32_t again_ms;   /* until it is sent again */
    uint32_t told_ms;    /* left of the scene that confirms or regrets a press */
    enum scene told;
    enum scene asked;
    enum press press;    /* that waits for its acknowledgement */
    uint8_t sequence;
    uint8_t press_sequence;
    uint8_t hello_sequence;
    bool pairing;
    bool spoken;         /* the box has asked for a scene since power */
    bool greeted;
    bool pulled;
    uint8_t cause;
    uint8_t serial[PANEL_SERIAL_LENGTH];

    uint8_t out[PANEL_OUT];
    uint8_t out_first;
    uint8_t out_used;
};

/* `kept` is what panel_keep wrote before a restart of the panel alone; NULL after a power cut. A chip that restarts because it has just
 * been flashed gives something else: that is told from its content. */
void panel_start(struct panel *panel, const uint32_t *kept, const uint8_t serial[PANEL_SERIAL_LENGTH]);
void panel_keep(const struct panel *panel, uint32_t kept[WATCHDOG_KEPT]);

void panel_receive(struct panel *panel, uint8_t byte);

/* Moves `elapsed` milliseconds on; to be called every ten or so. */
void panel_step(struct panel *panel, uint32_t elapsed, bool button_down);

/* What the hardware is to show now. */
uint8_t panel_lamps(const struct panel *panel);
bool panel_reset_pulled(const struct panel *panel);

/* The next byte for the line, if there is one. */
bool panel_send(struct panel *panel, uint8_t *byte);

#endif
