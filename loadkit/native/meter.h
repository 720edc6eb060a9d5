/* What arrived of one stream of RTP packets: the same arithmetic as loadkit/media/rtp.py, meter.py, bursts.py and
 * drift.py and playout.py, which explain it; tests/native/test_meter.py feeds both the same packets and compares
 * every figure.
 * Pure: values and `now` in, values out. Nothing here allocates.
 */
#ifndef LOADKIT_METER_H
#define LOADKIT_METER_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_RATE 48000.0
#define FRAME_SAMPLES 960
#define FRAME_S 0.02
/* RFC 3550 A.1: a jump further than this is a source that started anew, not loss. */
#define MAX_DROPOUT 3000
#define MAX_MISORDER 100
/* Duplicates are told from late packets within this many sequence numbers. */
#define WINDOW_WORDS 4
/* A packet that comes later than this many packets after its turn counts as lost in bursts. */
#define LATEST 64
/* When there are so many windows of drift, two at a time become one. */
#define MOST_POINTS 512
/* The simulated playout: after the least delay, its rise per packet, and packets in a row until it starts anew. */
#define PLAYOUT_S 0.06
#define PLAYOUT_RISE 0.96
#define PLAYOUT_PATIENCE 10

/* Headers */

struct rtp {
    uint8_t payload_type;
    uint8_t marker;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    size_t start; /* of the payload in the packet */
    size_t size;  /* of the payload */
};

static uint16_t get16(const unsigned char *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static uint32_t get32(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static void put16(unsigned char *at, uint16_t value) {
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static void put32(unsigned char *at, uint32_t value) {
    put16(at, (uint16_t)(value >> 16));
    put16(at + 2, (uint16_t)value);
}

/* Read one RTP packet; 0 when it is shorter than its own header says, or not version 2. */
static int rtp_parse(const unsigned char *data, size_t length, struct rtp *out) {
    if (length < 12 || data[0] >> 6 != 2) return 0;
    size_t start = 12 + 4 * (size_t)(data[0] & 0x0F), end = length;
    if (data[0] & 0x10) {
        if (end < start + 4) return 0;
        start += 4 + 4 * (size_t)get16(data + start + 2);
    }
    if (data[0] & 0x20) {
        size_t padding = data[length - 1];
        if (padding == 0 || padding > end) return 0;
        end -= padding;
    }
    if (start > end) return 0;
    out->payload_type = data[1] & 0x7F;
    out->marker = data[1] >> 7;
    out->sequence = get16(data + 2);
    out->timestamp = get32(data + 4);
    out->ssrc = get32(data + 8);
    out->start = start;
    out->size = end - start;
    return 1;
}

/* Packets too late for a listener's playout */

struct playout {
    int started, in_a_row;
    int64_t late;
    double floor;
};

static void playout_packet(struct playout *o, double transit) {
    double behind = transit - o->floor;
    if (!o->started || !(behind > -1073741824.0 && behind < 1073741824.0) || behind <= 0) {
        o->started = 1;
        o->floor = transit;
        o->in_a_row = 0;
        return;
    }
    o->floor += PLAYOUT_RISE;
    if (behind <= PLAYOUT_S * CLOCK_RATE) {
        o->in_a_row = 0;
        return;
    }
    o->late++;
    if (++o->in_a_row >= PLAYOUT_PATIENCE) {
        o->floor = transit;
        o->in_a_row = 0;
    }
}

/* Loss, order, duplicates, jitter, gaps */

struct meter {
    int started, have_bad, have_transit, have_arrival;
    uint32_t ssrc;
    uint16_t bad_sequence;
    int64_t base, highest, received, expected_before;
    uint64_t seen[WINDOW_WORDS]; /* bit n: the packet n before the highest was there */
    double transit, jitter, first_arrival, last_arrival, longest_gap; /* longest_gap: NaN below two packets */
    int64_t bytes_received, reordered, duplicated;
    struct playout playout;
};

static int64_t meter_expected(const struct meter *m) {
    return m->started ? m->expected_before + m->highest - m->base + 1 : 0;
}

static void meter_start(struct meter *m, uint32_t ssrc, uint16_t sequence) {
    if (m->started) m->expected_before = meter_expected(m);
    m->started = 1;
    m->ssrc = ssrc;
    m->base = m->highest = sequence;
    m->seen[0] = 1;
    m->seen[1] = m->seen[2] = m->seen[3] = 0;
    m->have_bad = m->have_transit = 0;
    m->playout.started = 0;
}

static void seen_advance(uint64_t *seen, int by) {
    int words = by / 64, bits = by % 64;
    for (int i = WINDOW_WORDS - 1; i >= 0; i--) {
        uint64_t value = 0;
        if (i - words >= 0) value = seen[i - words] << bits;
        if (bits && i - words - 1 >= 0) value |= seen[i - words - 1] >> (64 - bits);
        seen[i] = value;
    }
    seen[0] |= 1;
}

/* Note a packet `delta` after the highest so far; 0 when it was there already. */
static int meter_place(struct meter *m, int delta) {
    if (delta > 0) {
        m->highest += delta;
        seen_advance(m->seen, delta);
        return 1;
    }
    int back = -delta; /* below MAX_MISORDER, so within the window */
    uint64_t bit = (uint64_t)1 << (back % 64);
    if (m->seen[back / 64] & bit) return 0;
    m->seen[back / 64] |= bit;
    m->reordered++;
    if (m->highest + delta < m->base) m->base = m->highest + delta;
    return 1;
}

/* Signed distance from the highest number so far, modulo 2^16. */
static int sequence_delta(uint16_t sequence, int64_t highest) {
    int delta = (uint16_t)(sequence - (uint16_t)(uint64_t)highest);
    return delta < 0x8000 ? delta : delta - 0x10000;
}

/* Count one packet; 0 when it is a duplicate. */
static int meter_packet(struct meter *m, const struct rtp *p, double now) {
    if (!m->have_arrival) {
        m->have_arrival = 1;
        m->first_arrival = now;
        m->longest_gap = NAN;
    } else if (isnan(m->longest_gap) || now - m->last_arrival > m->longest_gap) {
        m->longest_gap = now - m->last_arrival;
    }
    m->last_arrival = now;
    if (!m->started || p->ssrc != m->ssrc) {
        meter_start(m, p->ssrc, p->sequence);
    } else {
        int delta = sequence_delta(p->sequence, m->highest);
        if (-MAX_MISORDER < delta && delta < MAX_DROPOUT) {
            if (!meter_place(m, delta)) {
                m->duplicated++;
                return 0;
            }
        } else if (m->have_bad && p->sequence == m->bad_sequence) {
            meter_start(m, p->ssrc, p->sequence);
            m->base--;
        } else {
            m->have_bad = 1;
            m->bad_sequence = (uint16_t)(p->sequence + 1);
            m->received++;
            m->bytes_received += (int64_t)p->size;
            return 1;
        }
    }
    m->received++;
    m->bytes_received += (int64_t)p->size;
    /* RFC 3550 A.8, in timestamp units; the transit's own offset falls out. */
    double transit = now * CLOCK_RATE - (double)p->timestamp;
    if (m->have_transit) {
        double difference = fmod(fabs(transit - m->transit), 4294967296.0);
        if (difference > 2147483648.0) difference = 4294967296.0 - difference;
        m->jitter += (difference - m->jitter) / 16;
    }
    m->have_transit = 1;
    m->transit = transit;
    playout_packet(&m->playout, transit);
    return 1;
}

/* Packets lost in a row */

struct bursts {
    int started, have_last, count;
    uint32_t ssrc;
    int64_t highest, last_lost, lost, bursts;
    int64_t missing[LATEST + 1]; /* numbers that were passed over and may still come, ascending */
};

static void bursts_lose(struct bursts *b, int64_t number) {
    b->bursts += !b->have_last || number != b->last_lost + 1;
    b->lost++;
    b->last_lost = number;
    b->have_last = 1;
}

/* Numbers below this one do not come any more. */
static void bursts_give_up(struct bursts *b, int64_t before) {
    int late = 0;
    while (late < b->count && b->missing[late] < before) bursts_lose(b, b->missing[late++]);
    for (int i = late; i < b->count; i++) b->missing[i - late] = b->missing[i];
    b->count -= late;
}

static void bursts_start(struct bursts *b, uint32_t ssrc, uint16_t sequence) {
    bursts_give_up(b, b->highest);
    b->started = 1;
    b->ssrc = ssrc;
    b->highest = sequence;
    b->have_last = 0;
}

static void bursts_packet(struct bursts *b, uint32_t ssrc, uint16_t sequence) {
    if (!b->started || ssrc != b->ssrc) {
        bursts_start(b, ssrc, sequence);
        return;
    }
    int delta = sequence_delta(sequence, b->highest);
    if (delta <= 0) {
        int at = 0;
        while (at < b->count && b->missing[at] != b->highest + delta) at++;
        if (at == b->count) return;
        for (b->count--; at < b->count; at++) b->missing[at] = b->missing[at + 1];
        return;
    }
    if (delta > MAX_DROPOUT) {
        bursts_start(b, ssrc, sequence);
        return;
    }
    int64_t before = b->highest + delta - LATEST;
    bursts_give_up(b, before);
    for (int64_t number = b->highest + 1; number < b->highest + delta; number++) {
        if (number < before)
            bursts_lose(b, number);
        else if (b->count <= LATEST) /* always: all of them lie within LATEST of the highest */
            b->missing[b->count++] = number;
    }
    b->highest += delta;
}

/* Packets lost and bursts, with those that may still come. */
static void bursts_count(const struct bursts *b, int64_t *lost, int64_t *bursts) {
    struct bursts all = *b;
    for (int i = 0; i < all.count; i++) bursts_lose(&all, all.missing[i]);
    *lost = all.lost;
    *bursts = all.bursts;
}

/* The other side's media clock */

struct drift {
    int started, count;
    uint32_t ssrc, timestamp;
    int64_t ticks;
    double start, window, window_end, least, window_at;
    double points[MOST_POINTS][2]; /* (arrival, transit) of the least transit of each window that is over */
};

/* Make windows of twice the length; of two least transits the least stays, with its time. */
static void drift_widen(struct drift *d) {
    for (int i = 0; i < d->count / 2; i++) {
        const double *one = d->points[2 * i], *other = d->points[2 * i + 1];
        const double *least = other[1] < one[1] ? other : one;
        double at = least[0], transit = least[1];
        d->points[i][0] = at;
        d->points[i][1] = transit;
    }
    d->count /= 2;
    d->window *= 2;
}

static void drift_packet(struct drift *d, const struct rtp *p, double now) {
    if (!d->started || p->ssrc != d->ssrc) {
        d->started = 1;
        d->ssrc = p->ssrc;
        d->start = now;
        d->timestamp = p->timestamp;
        d->ticks = 0;
        d->window = 1.0;
        d->count = 0;
        d->window_end = now + 1.0;
        d->least = INFINITY;
    }
    /* Modulo 2^32 and signed: timestamps wrap, and packets may come out of order. */
    uint32_t step = p->timestamp - d->timestamp;
    d->ticks += step < 0x80000000u ? (int64_t)step : (int64_t)step - 0x100000000;
    d->timestamp = p->timestamp;
    if (now >= d->window_end) {
        if (d->least < INFINITY) {
            d->points[d->count][0] = d->window_at;
            d->points[d->count][1] = d->least;
            if (++d->count >= MOST_POINTS) drift_widen(d);
        }
        d->window_end = now + d->window;
        d->least = INFINITY;
    }
    double elapsed = now - d->start, transit = elapsed - (double)d->ticks / CLOCK_RATE;
    if (transit < d->least) {
        d->least = transit;
        d->window_at = elapsed;
    }
}

#endif
