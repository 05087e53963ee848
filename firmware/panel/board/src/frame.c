#include "frame.h"

uint16_t crc16(const uint8_t *bytes, size_t count)
{
    uint32_t crc = 0xFFFFu;
    for (size_t i = 0; i < count; i++) {
        crc ^= (uint32_t)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000u) != 0u ? (crc << 1) ^ 0x1021u : crc << 1;
        }
        crc &= 0xFFFFu;
    }
    return (uint16_t)crc;
}

size_t cobs_encode(const uint8_t *bytes, size_t count, uint8_t *out, size_t room)
{
    size_t code_at = 0;
    size_t used = 1;
    uint8_t code = 1;
    if (room == 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0u) {
            if (used == room) {
                return 0;
            }
            out[used++] = bytes[i];
            code++;
        }
        /* A full block says by its code that no zero follows: after the last byte it opens no other. */
        if (bytes[i] == 0u || (code == 0xFFu && i + 1 < count)) {
            out[code_at] = code;
            if (used == room) {
                return 0;
            }
            code_at = used++;
            code = 1;
        }
    }
    out[code_at] = code;
    return used;
}

bool cobs_decode(const uint8_t *bytes, size_t count, uint8_t *out, size_t room, size_t *made)
{
    size_t used = 0;
    size_t at = 0;
    while (at < count) {
        const uint8_t code = bytes[at++];
        if (code == 0u || (size_t)(code - 1u) > count - at) {
            return false;
        }
        for (uint8_t i = 1; i < code; i++) {
            if (bytes[at] == 0u || used == room) {
                return false;
            }
            out[used++] = bytes[at++];
        }
        if (code != 0xFFu && at < count) {
            if (used == room) {
                return false;
            }
            out[used++] = 0;
        }
    }
    *made = used;
    return count > 0;
}

size_t frame_encode(const struct frame *frame, uint8_t *out, size_t room)
{
    uint8_t raw[FRAME_MOST_RAW];
    size_t count = 0;
    if (frame->length > FRAME_MOST_PAYLOAD || room == 0) {
        return 0;
    }
    raw[count++] = frame->protocol;
    raw[count++] = frame->type;
    raw[count++] = frame->sequence;
    raw[count++] = frame->length;
    for (uint8_t i = 0; i < frame->length; i++) {
        raw[count++] = frame->payload[i];
    }
    const uint16_t crc = crc16(raw, count);
    raw[count++] = (uint8_t)(crc >> 8);
    raw[count++] = (uint8_t)(crc & 0xFFu);
    const size_t made = cobs_encode(raw, count, out, room - 1);
    if (made == 0) {
        return 0;
    }
    out[made] = 0;
    return made + 1;
}

enum frame_verdict frame_decode(const uint8_t *wire, size_t count, struct frame *frame)
{
    uint8_t raw[FRAME_MOST_RAW];
    size_t made = 0;
    if (!cobs_decode(wire, count, raw, sizeof raw, &made)) {
        return FRAME_STUFFING;
    }
    if (made < FRAME_HEADER + 2u) {
        return FRAME_LENGTH;
    }
    const uint16_t said = (uint16_t)(((uint32_t)raw[made - 2] << 8) | raw[made - 1]);
    if (crc16(raw, made - 2) != said) {
        return FRAME_CHECKSUM;
    }
    if (raw[3] != made - FRAME_HEADER - 2u) {
        return FRAME_LENGTH;
    }
    frame->protocol = raw[0];
    frame->type = raw[1];
    frame->sequence = raw[2];
    frame->length = raw[3];
    for (uint8_t i = 0; i < frame->length; i++) {
        frame->payload[i] = raw[FRAME_HEADER + i];
    }
    return FRAME_GOOD;
}

enum frame_verdict frame_push(struct frame_reader *reader, uint8_t byte, struct frame *frame)
{
    enum frame_verdict verdict = FRAME_NOTHING;
    if (byte != 0u) {
        if (reader->used == sizeof reader->bytes) {
            reader->spoilt = true;
        } else {
            reader->bytes[reader->used++] = byte;
        }
        return FRAME_NOTHING;
    }
    if (reader->spoilt) {
        verdict = FRAME_STUFFING;
    } else if (reader->used > 0u) {
        verdict = frame_decode(reader->bytes, reader->used, frame);
    }
    reader->used = 0;
    reader->spoilt = false;
    return verdict;
}
