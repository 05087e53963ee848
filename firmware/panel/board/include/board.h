/* All that the panel asks of the RP2040; board.c is the only file that knows a register. */
#ifndef RELAIS_BOARD_H
#define RELAIS_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define BOARD_KEPT 3u

/* Clocks from the 12 MHz crystal, pins, serial line (19200 8N1), a wake-up every 10 ms, and the chip's own watchdog. */
void board_start(void);

/* False when this start follows a power cut; else `kept` is what board_keep wrote before the restart. */
bool board_restarted(uint32_t kept[BOARD_KEPT]);
void board_keep(const uint32_t kept[BOARD_KEPT]);

/* Milliseconds gone by since the last call; the rest is carried over. */
uint32_t board_elapsed(void);

/* The next byte received without a line error, if there is one. */
bool board_read(uint8_t *byte);
bool board_can_write(void);
void board_write(uint8_t byte);

bool board_button_down(void);

/* Bits of lamps.h. */
void board_lamps(uint8_t lamps);

/* The line that resets the box: pulled to ground, or let go. */
void board_reset_line(bool pulled);

/* The chip restarts two seconds after the last call. */
void board_alive(void);

/* Sleeps until the next wake-up. */
void board_wait(void);

/* Handler of the wake-up; named in the vector table. */
void board_on_wake_up(void);

#endif
