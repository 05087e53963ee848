/* What the four lamps show at an instant. Colours never say anything alone: place and rhythm do too. */
#ifndef RELAIS_LAMPS_H
#define RELAIS_LAMPS_H

#include <stdint.h>

#define LAMP_GREEN 1u
#define LAMP_BLUE 2u
#define LAMP_AMBER 4u
#define LAMP_RED 8u
#define LAMP_ALL 15u

/* The first five are asked for by the box (their number is the one of the LED message); the others are the panel's own. */
enum scene {
    SCENE_READY,      /* green */
    SCENE_BUSY,       /* green, blue once a second */
    SCENE_ATTENTION,  /* green, amber once a second */
    SCENE_FAULT,      /* red, twice a second */
    SCENE_UPDATE,     /* the four in turn */
    SCENE_ASKED,      /* how many can be asked for */
    SCENE_STARTING = SCENE_ASKED, /* green every other second: the box has not spoken yet */
    SCENE_LOST,       /* amber, two flashes every two seconds: the box has gone silent */
    SCENE_PAIRING,    /* blue, four times a second, instead of the blue of what the box asked for */
    SCENE_CONFIRMED,  /* the four together, five times a second */
    SCENE_UNHEARD,    /* red, five times a second: the box did not take the press */
};

/* The lamps lit `at` milliseconds into the scene. */
uint8_t lamps_of(enum scene scene, uint32_t at);

/* One lamp more for each quarter of the time a button must be held. */
uint8_t lamps_of_hold(uint32_t down_ms);

#endif
