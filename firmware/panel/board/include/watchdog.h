/* When the panel may reset the box: armed, no heartbeat for the time agreed, no update under way, at most three times an hour.
 *
 * After a reset it is disarmed until the box arms it again. The hours of past resets outlive a restart of the panel; after a power cut
 * they are not known, and one reset becomes possible every twenty minutes, so that a panel that loses its power with each reset
 * cannot make more than three an hour either.
 */
#ifndef RELAIS_WATCHDOG_H
#define RELAIS_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#define WATCHDOG_LEAST_S 10u
#define WATCHDOG_MOST_S 3600u
#define WATCHDOG_HOUR_MS 3601000u    /* and a second, for what crystals and rounding take */
#define WATCHDOG_RESETS 3u
#define WATCHDOG_PULSE_MS 500u       /* how long the reset line is pulled */
#define WATCHDOG_UPDATE_MS 900000u   /* an update of which nothing is heard for so long is over */

struct watchdog {
    bool armed;
    uint32_t timeout_ms;
    uint32_t silence_ms;                    /* since the last heartbeat */
    uint32_t update_ms;                     /* left of the update under way; 0: none */
    uint32_t pulse_ms;                      /* left of the reset under way */
    uint32_t hour_ms[WATCHDOG_RESETS];      /* left of the hour of each reset counted; 0: one more is allowed */
    uint8_t resets;                         /* made since the panel has power; stays at 255 */
};

#define WATCHDOG_KEPT 3u

/* The state after a power cut. */
void watchdog_cold(struct watchdog *watchdog);

/* The state after a restart of the panel alone, from what watchdog_keep wrote, never armed; false, and cold, when it is not that. */
bool watchdog_recall(struct watchdog *watchdog, const uint32_t kept[WATCHDOG_KEPT]);
void watchdog_keep(const struct watchdog *watchdog, uint32_t kept[WATCHDOG_KEPT]);

/* False, and nothing changes, outside WATCHDOG_LEAST_S..WATCHDOG_MOST_S. Arming counts as a heartbeat. */
bool watchdog_arm(struct watchdog *watchdog, uint32_t seconds);
void watchdog_disarm(struct watchdog *watchdog);
void watchdog_feed(struct watchdog *watchdog);

/* An update begins, or is still under way; and is over. */
void watchdog_update(struct watchdog *watchdog);
void watchdog_update_over(struct watchdog *watchdog);

/* Moves `elapsed` milliseconds on. True while the reset line is to be pulled. */
bool watchdog_step(struct watchdog *watchdog, uint32_t elapsed);

/* How many resets it could make now. */
uint8_t watchdog_allowed(const struct watchdog *watchdog);

#endif
