#include "watchdog.h"

#include "span.h"

#define KEPT_MARK 0x5EA70000u

void watchdog_cold(struct watchdog *watchdog)
{
    *watchdog = (struct watchdog){ .armed = false };
    for (uint32_t i = 0; i < WATCHDOG_RESETS; i++) {
        watchdog->hour_ms[i] = (i + 1u) * (WATCHDOG_HOUR_MS / WATCHDOG_RESETS);
    }
}

/* Rounded up: what is kept never allows a reset sooner. */
static uint32_t seconds_of(uint32_t span_ms)
{
    return (span_ms + 999u) / 1000u;
}

static uint32_t mark_of(uint32_t first, uint32_t second)
{
    return KEPT_MARK ^ first ^ (second << 13 | second >> 19);
}

void watchdog_keep(const struct watchdog *watchdog, uint32_t kept[WATCHDOG_KEPT])
{
    kept[0] = seconds_of(watchdog->hour_ms[0]) << 16 | seconds_of(watchdog->hour_ms[1]);
    kept[1] = seconds_of(watchdog->hour_ms[2]) << 16 | watchdog->resets;
    kept[2] = mark_of(kept[0], kept[1]);
}

bool watchdog_recall(struct watchdog *watchdog, const uint32_t kept[WATCHDOG_KEPT])
{
    const uint32_t hour_s = WATCHDOG_HOUR_MS / 1000u;
    const uint32_t left_s[WATCHDOG_RESETS] = { kept[0] >> 16, kept[0] & 0xFFFFu, kept[1] >> 16 };
    watchdog_cold(watchdog);
    if (kept[2] != mark_of(kept[0], kept[1]) || left_s[0] > hour_s || left_s[1] > hour_s || left_s[2] > hour_s) {
        return false;
    }
    for (uint32_t i = 0; i < WATCHDOG_RESETS; i++) {
        watchdog->hour_ms[i] = left_s[i] * 1000u;
    }
    watchdog->resets = (uint8_t)(kept[1] & 0xFFu);
    return true;
}

bool watchdog_arm(struct watchdog *watchdog, uint32_t seconds)
{
    if (seconds < WATCHDOG_LEAST_S || seconds > WATCHDOG_MOST_S) {
        return false;
    }
    watchdog->armed = true;
    watchdog->timeout_ms = seconds * 1000u;
    watchdog->silence_ms = 0;
    return true;
}

void watchdog_disarm(struct watchdog *watchdog)
{
    watchdog->armed = false;
}

void watchdog_feed(struct watchdog *watchdog)
{
    watchdog->silence_ms = 0;
}

void watchdog_update(struct watchdog *watchdog)
{
    watchdog->update_ms = WATCHDOG_UPDATE_MS;
}

void watchdog_update_over(struct watchdog *watchdog)
{
    if (watchdog->update_ms > 0u) {
        watchdog->update_ms = 0;
        watchdog->silence_ms = 0;
    }
}

static void count_reset(struct watchdog *watchdog)
{
    for (uint32_t i = 0; i < WATCHDOG_RESETS; i++) {
        if (watchdog->hour_ms[i] == 0u) {
            watchdog->hour_ms[i] = WATCHDOG_HOUR_MS;
            break;
        }
    }
    if (watchdog->resets < UINT8_MAX) {
        watchdog->resets++;
    }
}

bool watchdog_step(struct watchdog *watchdog, uint32_t elapsed)
{
    for (uint32_t i = 0; i < WATCHDOG_RESETS; i++) {
        watchdog->hour_ms[i] = span_left(watchdog->hour_ms[i], elapsed);
    }
    watchdog->pulse_ms = span_left(watchdog->pulse_ms, elapsed);
    watchdog->silence_ms = span_add(watchdog->silence_ms, elapsed);
    watchdog->update_ms = span_left(watchdog->update_ms, elapsed);
    if (watchdog->armed && watchdog->update_ms == 0u && watchdog->silence_ms >= watchdog->timeout_ms && watchdog_allowed(watchdog) > 0u) {
        watchdog->armed = false;
        watchdog->pulse_ms = WATCHDOG_PULSE_MS;
        count_reset(watchdog);
    }
    return watchdog->pulse_ms > 0u;
}

uint8_t watchdog_allowed(const struct watchdog *watchdog)
{
    uint8_t allowed = 0;
    for (uint32_t i = 0; i < WATCHDOG_RESETS; i++) {
        allowed = (uint8_t)(allowed + (watchdog->hour_ms[i] == 0u ? 1u : 0u));
    }
    return allowed;
}
