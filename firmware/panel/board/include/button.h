/* One push button: bounces left out, presses told by how long they lasted.
 *
 * A press is told when it ends, so that a button that is stuck, or leant upon, never asks for anything.
 */
#ifndef RELAIS_BUTTON_H
#define RELAIS_BUTTON_H

#include <stdbool.h>
#include <stdint.h>

#define BUTTON_SETTLE_MS 30u     /* a level counts once it has lasted so long */
#define BUTTON_SHORT_MS 2000u    /* released before: short */
#define BUTTON_HELD_MS 10000u    /* released from here on: held */
#define BUTTON_STUCK_MS 20000u   /* still down: a stuck button, nothing is told */

enum press { PRESS_NONE, PRESS_SHORT, PRESS_HELD };

struct button {
    bool level;             /* as last seen, true when down */
    bool down;              /* settled */
    uint32_t level_ms;      /* how long the level has not changed */
    uint32_t down_ms;       /* how long the button has been down */
};

/* Moves `elapsed` milliseconds on with the level seen now; tells the press that ends here, if any. */
enum press button_step(struct button *button, uint32_t elapsed, bool down);

#endif
