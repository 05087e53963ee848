#include "button.h"

#include "span.h"

static enum press release(const struct button *button)
{
    if (button->down_ms < BUTTON_SHORT_MS) {
        return PRESS_SHORT;
    }
    if (button->down_ms >= BUTTON_HELD_MS && button->down_ms < BUTTON_STUCK_MS) {
        return PRESS_HELD;
    }
    return PRESS_NONE;
}

enum press button_step(struct button *button, uint32_t elapsed, bool down)
{
    if (button->down) {
        button->down_ms = span_add(button->down_ms, elapsed);
    }
    if (down != button->level) {
        button->level = down;
        button->level_ms = 0;
        return PRESS_NONE;
    }
    button->level_ms = span_add(button->level_ms, elapsed);
    if (down == button->down || button->level_ms < BUTTON_SETTLE_MS) {
        return PRESS_NONE;
    }
    button->down = down;
    if (down) {
        button->down_ms = button->level_ms;
        return PRESS_NONE;
    }
    button->down_ms -= button->level_ms < button->down_ms ? button->level_ms : button->down_ms;
    return release(button);
}
