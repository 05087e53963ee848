/* Frames of the panel's serial line: COBS between zero bytes, around version, type, sequence, length, payload and CRC-16.
 *
 * No register, no allocation: the same file runs on the board, on a workstation under sanitizers, and beside the Python codec.
 * Source: image.md section 9; CRC-16/CCITT-FALSE (polynomial 0x1021, from 0xFFFF, 0x29B1 for "123456789"), high byte first.
 */
#ifndef RELAIS_FRAME_H
#define RELAIS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_PROTOCOL 1u
#define FRAME_MOST_PAYLOAD 32u
#define FRAME_HEADER 4u
#define FRAME_MOST_RAW (FRAME_HEADER + FRAME_MOST_PAYLOAD + 2u)
/* One code byte (a raw frame is far under 254 bytes) and the zero that ends it. */
#define FRAME_MOST_WIRE (FRAME_MOST_RAW + 2u)

struct frame {
    uint8_t protocol;
    uint8_t type;
    uint8_t sequence;
    uint8_t length;
    uint8_t payload[FRAME_MOST_PAYLOAD];
};

enum frame_verdict {
    FRAME_GOOD,
    FRAME_NOTHING,    /* no frame ends here */
    FRAME_STUFFING,   /* not COBS, or too long */
    FRAME_CHECKSUM,
    FRAME_LENGTH,     /* shorter or longer than it says */
};

/* What has arrived since the last zero byte. */
struct frame_reader {
    uint8_t bytes[FRAME_MOST_WIRE];
    uint8_t used;
    bool spoilt; /* too long: nothing is kept up to the next zero byte */
};

uint16_t crc16(const uint8_t *bytes, size_t count);

/* Stuffs `count` bytes into `out`; 0 when they would not fit in `room`. Writes no zero byte, not even the ending one. */
size_t cobs_encode(const uint8_t *bytes, size_t count, uint8_t *out, size_t room);

/* False when `bytes` is not the stuffing of anything, or of more than `room` bytes; `*made` bytes are written otherwise. */
bool cobs_decode(const uint8_t *bytes, size_t count, uint8_t *out, size_t room, size_t *made);

/* The frame as it goes on the wire, ending zero byte included; 0 when it does not fit or its payload is too long. */
size_t frame_encode(const struct frame *frame, uint8_t *out, size_t room);

/* Reads what stood between two zero bytes. `frame` is written only when the verdict is FRAME_GOOD. */
enum frame_verdict frame_decode(const uint8_t *wire, size_t count, struct frame *frame);

/* Takes one byte of the line. FRAME_NOTHING until a zero byte ends something. */
enum frame_verdict frame_push(struct frame_reader *reader, uint8_t byte, struct frame *frame);

#endif
