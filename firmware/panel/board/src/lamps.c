#include "lamps.h"

#include "button.h"

#include <stdbool.h>

static bool within(uint32_t at, uint32_t period, uint32_t lit)
{
    return at % period < lit;
}

uint8_t lamps_of(enum scene scene, uint32_t at)
{
    switch (scene) {
    case SCENE_READY:
        return LAMP_GREEN;
    case SCENE_BUSY:
        return within(at, 1000, 500) ? LAMP_GREEN | LAMP_BLUE : LAMP_GREEN;
    case SCENE_ATTENTION:
        return within(at, 1000, 500) ? LAMP_GREEN | LAMP_AMBER : LAMP_GREEN;
    case SCENE_FAULT:
        return within(at, 500, 250) ? LAMP_RED : 0u;
    case SCENE_UPDATE:
        return (uint8_t)(LAMP_GREEN << (at / 250u % 4u));
    case SCENE_STARTING:
        return within(at, 2000, 1000) ? LAMP_GREEN : 0u;
    case SCENE_LOST:
        return within(at, 2000, 100) || (at % 2000u >= 300u && at % 2000u < 400u) ? LAMP_AMBER : 0u;
    case SCENE_PAIRING:
        return within(at, 250, 125) ? LAMP_BLUE : 0u;
    case SCENE_CONFIRMED:
        return within(at, 200, 100) ? LAMP_ALL : 0u;
    case SCENE_UNHEARD:
        return within(at, 200, 100) ? LAMP_RED : 0u;
    }
    return 0;
}

uint8_t lamps_of_hold(uint32_t down_ms)
{
    const uint32_t quarters = down_ms / (BUTTON_HELD_MS / 4u);
    return (uint8_t)((1u << (quarters < 4u ? quarters : 4u)) - 1u);
}
