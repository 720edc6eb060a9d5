/* The media of many calls, a batch per call from Python: datagrams in, SRTP, metering; RTP packets out.
 *
 * loadkit/native/library.py is the only caller and declares the same functions. Rules that keep memory whole:
 *   - Sockets, streams and samples are known to Python by numbers only, each used once; a number that is not, or no
 *     longer, known is refused, so nothing can be used after it was closed.
 *   - No pointer into Python's memory outlives a call. The two exceptions are SRTP sessions, which library.py keeps
 *     alive until the stream is closed.
 *   - What goes back to Python is written into a buffer whose size is checked before each event.
 *   - One thread: the caller holds Python's lock (ctypes.PyDLL).
 * libsrtp is not linked: its functions come from the copy that pylibsrtp brings, with the sessions that aiortc made.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "meter.h"

#define ABI 2
#define SLOTS 64
#define MOST_EVENTS 64
#define MOST_DATAGRAM 65536
/* pylibsrtp's buffer, and what it keeps free for the authentication tag. */
#define MOST_SRTP 1500
#define TRAILER 144
#define MOST_PAYLOAD (MOST_SRTP - TRAILER - 12)
#define REPLAY_FAIL 9 /* srtp_err_status_replay_fail: an index that was seen, before authenticity is looked at */
#define MOST_FRAMES 16
#define LATE_S 0.010
#define LONGEST_WAIT_S 2.0 /* a packet that is said to have waited longer is the work of a clock that was set */

typedef int (*srtp_function)(void *session, void *packet, int *length); /* libsrtp 2 */

enum kind { DATAGRAM = 1, RTCP, PAYLOAD, FIRST_PACKET, SPEECH_BEGAN, SPEECH_SENT, SAMPLE_OVER, OUTGOING };

struct event {
    uint32_t kind;
    uint32_t size; /* of the data that follow, padded to 8 */
    uint64_t number; /* of the socket (DATAGRAM) or the stream */
    double at; /* CLOCK_MONOTONIC in seconds */
    uint32_t family; /* DATAGRAM: where it came from */
    uint32_t port;
    uint32_t scope;
    uint32_t reserved;
    unsigned char address[16];
};

struct events {
    unsigned char *buffer;
    size_t capacity, used;
};

struct sample {
    int count, first_speech, last_speech; /* -1: no speech */
    const uint32_t *offsets; /* count + 1 of them */
    const unsigned char *sounding; /* per packet */
    const unsigned char *packets;
};

struct stream {
    uint64_t number;
    void *receiving, *sending;
    int slot, place; /* in which slot of the clock and where in it; slot -1 while nothing is sent */
    int hears, echoes;
    uint8_t payload_type;
    /* out */
    int target; /* descriptor; -1: packets are handed to Python */
    int has_target;
    struct sockaddr_storage address;
    socklen_t address_length;
    uint32_t ssrc, timestamp;
    uint16_t sequence;
    int64_t packets_sent, bytes_sent, send_failed, frames_late, frames_skipped;
    double late_max, speech_since, speech_last;
    const struct sample *sample;
    int index, loop, speaking;
    /* in */
    int64_t refused, repeated, malformed;
    struct meter meter;
    struct bursts bursts;
    struct drift drift;
};

struct udp_socket {
    uint64_t number;
    int descriptor;
    int quiet; /* in which epoll object it is */
    uint64_t stream; /* 0: everything goes to Python */
};

struct table { /* number -> entry; a number is index | generation << 24 */
    void **entries;
    uint32_t size;
    uint32_t used; /* entries in use, to know when to grow */
};

struct slot {
    struct stream **streams;
    int count, size;
};

struct poll {
    /* Loud sockets wake the loop; quiet ones are read when their stream's slot of the clock is due, as nobody waits for
     * what comes to them: the kernel says when it came. */
    int loud, quiet;
    double read_before[2]; /* when the loud and the quiet ones were read last */
    srtp_function protect, unprotect;
    struct table sockets, streams;
    struct sample **samples;
    int sample_count;
    uint64_t generation;
    unsigned char silence[MOST_PAYLOAD]; /* sent while nothing is played */
    size_t silence_size;
    struct slot slots[SLOTS];
    _Alignas(16) unsigned char packet[MOST_DATAGRAM + TRAILER];
};

struct figures { /* as in library.py */
    int64_t ssrc, packets_received, packets_expected, bytes_received, reordered, duplicated, highest;
    int64_t refused, repeated, malformed, burst_lost, bursts;
    int64_t packets_sent, bytes_sent, sequence, timestamp, send_failed, frames_late, frames_skipped;
    int64_t playing, speaking, drift_points, playout_late;
    double first_arrival, last_arrival, longest_gap, jitter, late_max, speech_since, speech_last;
};

/* SRTP that leaves packets as they are: for tests. */
int lk_plain(void *session, void *packet, int *length) {
    (void)session;
    (void)packet;
    (void)length;
    return 0;
}

int lk_abi(void) { return ABI; }
int lk_slots(void) { return SLOTS; }
size_t lk_figures_size(void) { return sizeof(struct figures); }
size_t lk_event_size(void) { return sizeof(struct event); }

static double clock_s(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Tables: every entry begins with its number. */

#define INDEX_BITS 24

static void *table_get(const struct table *t, uint64_t number) {
    uint64_t index = number & ((1u << INDEX_BITS) - 1);
    if (number == 0 || index >= t->size) return NULL;
    void *entry = t->entries[index];
    return entry && *(uint64_t *)entry == number ? entry : NULL;
}

/* A zeroed entry with a number of its own; NULL when memory is short. */
static void *table_add(struct poll *p, struct table *t, size_t bytes) {
    uint32_t index = 0;
    if (t->used == t->size) {
        uint32_t size = t->size ? 2 * t->size : 64;
        if (size > 1u << INDEX_BITS) return NULL;
        void **entries = realloc(t->entries, size * sizeof *entries);
        if (!entries) return NULL;
        memset(entries + t->size, 0, (size - t->size) * sizeof *entries);
        t->entries = entries;
        index = t->size;
        t->size = size;
    }
    while (t->entries[index]) index++;
    void *entry = calloc(1, bytes);
    if (!entry) return NULL;
    *(uint64_t *)entry = ++p->generation << INDEX_BITS | index;
    t->entries[index] = entry;
    t->used++;
    return entry;
}

static void table_remove(struct table *t, void *entry) {
    t->entries[*(uint64_t *)entry & ((1u << INDEX_BITS) - 1)] = NULL;
    t->used--;
    free(entry);
}

/* The poll */

struct poll *lk_open(void *protect, void *unprotect) {
    if (!protect || !unprotect) return NULL;
    struct poll *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    /* POSIX: a pointer to data holds one to a function. */
    memcpy(&p->protect, &protect, sizeof protect);
    memcpy(&p->unprotect, &unprotect, sizeof unprotect);
    p->loud = epoll_create1(EPOLL_CLOEXEC);
    p->quiet = epoll_create1(EPOLL_CLOEXEC);
    if (p->loud < 0 || p->quiet < 0) {
        if (p->loud >= 0) close(p->loud);
        if (p->quiet >= 0) close(p->quiet);
        free(p);
        return NULL;
    }
    return p;
}

int lk_descriptor(const struct poll *p) { return p->loud; }

void lk_close(struct poll *p) {
    for (uint32_t i = 0; i < p->sockets.size; i++) free(p->sockets.entries[i]);
    for (uint32_t i = 0; i < p->streams.size; i++) free(p->streams.entries[i]);
    for (int i = 0; i < p->sample_count; i++) free(p->samples[i]);
    for (int i = 0; i < SLOTS; i++) free(p->slots[i].streams);
    free(p->sockets.entries);
    free(p->streams.entries);
    free(p->samples);
    close(p->loud);
    close(p->quiet);
    free(p);
}

/* The packet that is sent while nothing is played; -1 when it does not fit. */
int lk_silence(struct poll *p, const unsigned char *packet, size_t size) {
    if (size > MOST_PAYLOAD) return -1;
    memcpy(p->silence, packet, size);
    p->silence_size = size;
    return 0;
}

/* Copy a sample; its number from 0, or -1 when it does not fit or makes no sense. */
int lk_sample_add(struct poll *p, int count, const uint32_t *sizes, const unsigned char *sounding,
                  const unsigned char *packets, size_t total, int first_speech, int last_speech) {
    if (count < 1 || first_speech >= count || last_speech >= count) return -1;
    size_t sum = 0;
    for (int i = 0; i < count; i++) {
        if (sizes[i] > MOST_PAYLOAD) return -1;
        sum += sizes[i];
    }
    if (sum != total || sum > UINT32_MAX) return -1;
    size_t offsets_size = ((size_t)count + 1) * sizeof(uint32_t);
    struct sample *s = malloc(sizeof *s + offsets_size + (size_t)count + total);
    struct sample **samples = realloc(p->samples, ((size_t)p->sample_count + 1) * sizeof *samples);
    if (samples) p->samples = samples;
    if (!s || !samples) {
        free(s);
        return -1;
    }
    uint32_t *offsets = (uint32_t *)(s + 1);
    unsigned char *flags = (unsigned char *)offsets + offsets_size;
    offsets[0] = 0;
    for (int i = 0; i < count; i++) offsets[i + 1] = offsets[i] + sizes[i];
    memcpy(flags, sounding, (size_t)count);
    memcpy(flags + count, packets, total);
    *s = (struct sample){count, first_speech, last_speech, offsets, flags, flags + count};
    p->samples[p->sample_count] = s;
    return p->sample_count++;
}

/* Sockets */

static int watch(const struct poll *p, const struct udp_socket *s) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = s->number};
    return epoll_ctl(s->quiet ? p->quiet : p->loud, EPOLL_CTL_ADD, s->descriptor, &event);
}

static void unwatch(const struct poll *p, const struct udp_socket *s) {
    epoll_ctl(s->quiet ? p->quiet : p->loud, EPOLL_CTL_DEL, s->descriptor, NULL);
}

uint64_t lk_socket_add(struct poll *p, int descriptor) {
    struct udp_socket *s = table_add(p, &p->sockets, sizeof *s);
    if (!s) return 0;
    s->descriptor = descriptor;
    if (watch(p, s) < 0) {
        table_remove(&p->sockets, s);
        return 0;
    }
    /* Where it cannot be had, a packet arrives when it is read. */
    int on = 1;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    return s->number;
}

/* A socket is quiet while its stream sends by the clock and nobody hears what comes. */
static void settle_socket(const struct poll *p, struct udp_socket *s) {
    const struct stream *stream = s->stream ? table_get(&p->streams, s->stream) : NULL;
    int quiet = stream && stream->slot >= 0 && !stream->hears && !stream->echoes;
    if (quiet == s->quiet) return;
    unwatch(p, s);
    s->quiet = quiet;
    if (watch(p, s) == 0) return;
    s->quiet = !quiet; /* no memory: as it was */
    watch(p, s);
}

static void settle_sockets(const struct poll *p, uint64_t stream) {
    for (uint32_t i = 0; i < p->sockets.size; i++) {
        struct udp_socket *s = p->sockets.entries[i];
        if (s && s->stream == stream) settle_socket(p, s);
    }
}

/* Before the descriptor is closed. Streams that send on it no longer do. */
int lk_socket_remove(struct poll *p, uint64_t number) {
    struct udp_socket *s = table_get(&p->sockets, number);
    if (!s) return -1;
    unwatch(p, s);
    for (uint32_t i = 0; i < p->streams.size; i++) {
        struct stream *stream = p->streams.entries[i];
        if (stream && stream->target == s->descriptor) {
            stream->target = -1;
            stream->has_target = 0;
        }
    }
    table_remove(&p->sockets, s);
    return 0;
}

/* Media that come to the socket are this stream's; 0: Python's. */
int lk_socket_stream(struct poll *p, uint64_t number, uint64_t stream) {
    struct udp_socket *s = table_get(&p->sockets, number);
    if (!s) return -1;
    s->stream = stream;
    settle_socket(p, s);
    return 0;
}

/* Streams */

uint64_t lk_stream_open(struct poll *p, void *receiving, void *sending, uint32_t ssrc, uint8_t payload_type,
                        uint16_t sequence, uint32_t timestamp) {
    struct stream *s = table_add(p, &p->streams, sizeof *s);
    if (!s) return 0;
    s->receiving = receiving;
    s->sending = sending;
    s->ssrc = ssrc;
    s->payload_type = payload_type & 0x7F;
    s->sequence = sequence;
    s->timestamp = timestamp;
    s->slot = s->target = -1;
    s->late_max = s->speech_since = s->speech_last = NAN;
    return s->number;
}

static void leave_slot(struct poll *p, struct stream *s) {
    if (s->slot < 0) return;
    struct slot *slot = &p->slots[s->slot];
    struct stream *last = slot->streams[--slot->count];
    slot->streams[s->place] = last;
    last->place = s->place;
    s->slot = -1;
}

/* From now on neither of its SRTP sessions is touched. */
int lk_stream_close(struct poll *p, uint64_t number) {
    struct stream *s = table_get(&p->streams, number);
    if (!s) return -1;
    leave_slot(p, s);
    settle_sockets(p, number);
    table_remove(&p->streams, s);
    return 0;
}

/* Where packets go. Without a socket (0) they are handed to Python; without an address they are dropped. */
int lk_stream_target(struct poll *p, uint64_t number, uint64_t socket, int family, const unsigned char *address,
                     uint16_t port, uint32_t scope) {
    struct stream *s = table_get(&p->streams, number);
    if (!s) return -1;
    s->has_target = 0;
    s->target = -1;
    if (!address) return 0;
    if (socket) {
        struct udp_socket *out = table_get(&p->sockets, socket);
        if (!out) return -1;
        s->target = out->descriptor;
    }
    memset(&s->address, 0, sizeof s->address);
    if (family == AF_INET) {
        struct sockaddr_in *to = (struct sockaddr_in *)&s->address;
        to->sin_family = AF_INET;
        to->sin_port = htons(port);
        memcpy(&to->sin_addr, address, 4);
        s->address_length = sizeof *to;
    } else {
        struct sockaddr_in6 *to = (struct sockaddr_in6 *)&s->address;
        to->sin6_family = AF_INET6;
        to->sin6_port = htons(port);
        to->sin6_scope_id = scope;
        memcpy(&to->sin6_addr, address, 16);
        s->address_length = sizeof *to;
    }
    s->has_target = 1;
    return 0;
}

/* Send each 20 ms, when this slot of the clock is due; -1: no more. */
int lk_stream_slot(struct poll *p, uint64_t number, int slot) {
    struct stream *s = table_get(&p->streams, number);
    if (!s || slot >= SLOTS) return -1;
    leave_slot(p, s);
    if (slot < 0) {
        settle_sockets(p, number);
        return 0;
    }
    struct slot *to = &p->slots[slot];
    if (to->count == to->size) {
        int size = to->size ? 2 * to->size : 16;
        struct stream **streams = realloc(to->streams, (size_t)size * sizeof *streams);
        if (!streams) {
            settle_sockets(p, number); /* quiet ones are read when its slot is due, and it has none now */
            return -1;
        }
        to->streams = streams;
        to->size = size;
    }
    s->slot = slot;
    s->place = to->count;
    to->streams[to->count++] = s;
    settle_sockets(p, number);
    return 0;
}

/* Start a sample with the next packet; -1: fall silent with it. */
int lk_stream_play(struct poll *p, uint64_t number, int sample, int loop) {
    struct stream *s = table_get(&p->streams, number);
    if (!s || sample >= p->sample_count) return -1;
    s->sample = sample < 0 ? NULL : p->samples[sample];
    s->index = 0;
    s->loop = loop;
    if (sample < 0) s->speaking = 0;
    return 0;
}

/* Whether payloads that arrive are handed to Python. */
int lk_stream_hear(struct poll *p, uint64_t number, int hears) {
    struct stream *s = table_get(&p->streams, number);
    if (!s) return -1;
    s->hears = hears;
    settle_sockets(p, number);
    return 0;
}

/* Whether what arrives is sent back. */
int lk_stream_echo(struct poll *p, uint64_t number, int echoes) {
    struct stream *s = table_get(&p->streams, number);
    if (!s) return -1;
    s->echoes = echoes;
    settle_sockets(p, number);
    return 0;
}

/* Sound came back: speech that is sent from now on waits for an echo of its own. */
int lk_stream_answered(struct poll *p, uint64_t number) {
    struct stream *s = table_get(&p->streams, number);
    if (!s) return -1;
    s->speech_since = NAN;
    return 0;
}

int lk_stream_figures(struct poll *p, uint64_t number, struct figures *out) {
    const struct stream *s = table_get(&p->streams, number);
    if (!s) return -1;
    const struct meter *m = &s->meter;
    memset(out, 0, sizeof *out);
    out->ssrc = m->started ? (int64_t)m->ssrc : -1;
    out->packets_received = m->received;
    out->packets_expected = meter_expected(m);
    out->bytes_received = m->bytes_received;
    out->reordered = m->reordered;
    out->duplicated = m->duplicated;
    out->highest = m->highest;
    out->refused = s->refused;
    out->repeated = s->repeated;
    out->malformed = s->malformed;
    bursts_count(&s->bursts, &out->burst_lost, &out->bursts);
    out->packets_sent = s->packets_sent;
    out->bytes_sent = s->bytes_sent;
    out->sequence = s->sequence;
    out->timestamp = s->timestamp;
    out->send_failed = s->send_failed;
    out->frames_late = s->frames_late;
    out->frames_skipped = s->frames_skipped;
    out->playing = s->sample != NULL;
    out->speaking = s->speaking;
    out->drift_points = s->drift.count;
    out->playout_late = m->playout.late;
    out->first_arrival = m->have_arrival ? m->first_arrival : NAN;
    out->last_arrival = m->have_arrival ? m->last_arrival : NAN;
    out->longest_gap = m->have_arrival ? m->longest_gap : NAN;
    out->jitter = m->jitter;
    out->late_max = s->late_max;
    out->speech_since = s->speech_since;
    out->speech_last = s->speech_last;
    return 0;
}

/* (arrival, transit) of the drift's windows, two doubles each; how many were written. */
int lk_stream_drift(struct poll *p, uint64_t number, double *out, int most) {
    const struct stream *s = table_get(&p->streams, number);
    if (!s || most < 0) return -1;
    int count = s->drift.count < most ? s->drift.count : most;
    memcpy(out, s->drift.points, (size_t)count * sizeof s->drift.points[0]);
    return count;
}

/* Events */

static size_t padded(size_t size) { return (size + 7) & ~(size_t)7; }

static int room(const struct events *e, size_t size) {
    return e->capacity - e->used >= sizeof(struct event) + padded(size);
}

/* The caller has seen to the room. */
static struct event *event_add(struct events *e, enum kind kind, uint64_t number, double at,
                               const unsigned char *data, size_t size) {
    struct event *event = (struct event *)(e->buffer + e->used);
    memset(event, 0, sizeof *event);
    event->kind = kind;
    event->size = (uint32_t)size;
    event->number = number;
    event->at = at;
    if (size) memcpy(event + 1, data, size);
    e->used += sizeof *event + padded(size);
    return event;
}

/* Out */

/* Protect what stands in p->packet, `length` bytes of RTP, and send it. The caller has seen to the room. */
static void send_packet(struct poll *p, struct stream *s, unsigned char *packet, size_t length, double now,
                        struct events *e) {
    int protected_length = (int)length;
    if (!s->has_target) return;
    if (p->protect(s->sending, packet, &protected_length) != 0 || protected_length < 0) {
        s->send_failed++;
        return;
    }
    if (s->target < 0) {
        event_add(e, OUTGOING, s->number, now, packet, (size_t)protected_length);
        return;
    }
    /* One that is lost here is lost as on the network: nothing that a socket says ends a call. */
    if (sendto(s->target, packet, (size_t)protected_length, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&s->address, s->address_length) < 0)
        s->send_failed++;
}

/* What Speaker.next_packet does, and CallMedia with it. */
static void send_frame(struct poll *p, struct stream *s, double now, struct events *e) {
    const unsigned char *payload = p->silence;
    size_t size = p->silence_size;
    int was_playing = s->sample != NULL, was_speaking = s->speaking, sounding = 0, ended = 0;
    const struct sample *sample = s->sample;
    s->speaking = 0;
    if (sample) {
        int index = s->index++;
        payload = sample->packets + sample->offsets[index];
        size = sample->offsets[index + 1] - sample->offsets[index];
        sounding = sample->sounding[index];
        if (sample->first_speech < 0) {
            ended = index == sample->count - 1 && !s->loop;
        } else {
            s->speaking = s->loop || (sample->first_speech <= index && index <= sample->last_speech);
            ended = index == sample->last_speech && !s->loop;
        }
        if (s->index >= sample->count) {
            s->index = 0;
            if (!s->loop) s->sample = NULL;
        }
    }
    unsigned char *packet = p->packet;
    packet[0] = 0x80;
    packet[1] = (unsigned char)(s->payload_type | (s->packets_sent == 0 ? 0x80 : 0));
    put16(packet + 2, s->sequence++);
    put32(packet + 4, s->timestamp);
    put32(packet + 8, s->ssrc);
    memcpy(packet + 12, payload, size);
    s->timestamp += FRAME_SAMPLES;
    s->packets_sent++;
    s->bytes_sent += (int64_t)size;
    send_packet(p, s, packet, 12 + size, now, e);
    if (sounding) {
        if (isnan(s->speech_since)) s->speech_since = now;
        s->speech_last = now;
    }
    if (s->speaking && !was_speaking) event_add(e, SPEECH_BEGAN, s->number, now, NULL, 0);
    if (ended) event_add(e, SPEECH_SENT, s->number, now, NULL, 0);
    if (was_playing && !s->sample) event_add(e, SAMPLE_OVER, s->number, now, NULL, 0);
}

/* Send `frames` packets of every stream of a slot that is `late` seconds late, from the stream at `place` on; the
 * place to go on from when the buffer is full, -1 when all is done. Bytes of events are left in *used. */
int lk_send(struct poll *p, int slot, int frames, int skipped, double late, int place, unsigned char *buffer,
            size_t capacity, size_t *used) {
    struct events e = {buffer, capacity, 0};
    *used = 0;
    if (slot < 0 || slot >= SLOTS || frames < 0 || frames > MOST_FRAMES || skipped < 0 || place < 0) return -1;
    int frames_late = 0;
    for (int frame = 0; frame < frames; frame++) frames_late += late - ((double)skipped + frame) * FRAME_S > LATE_S;
    struct slot *due = &p->slots[slot];
    for (; place < due->count; place++) {
        struct stream *s = due->streams[place];
        if (!room(&e, (size_t)frames * (4 * sizeof(struct event) + MOST_SRTP))) {
            *used = e.used;
            return place;
        }
        if (isnan(s->late_max) || late > s->late_max) s->late_max = late;
        s->frames_late += frames_late;
        s->frames_skipped += skipped;
        s->timestamp += (uint32_t)skipped * FRAME_SAMPLES;
        double now = clock_s(CLOCK_MONOTONIC);
        for (int frame = 0; frame < frames; frame++) send_frame(p, s, now, &e);
    }
    *used = e.used;
    return -1;
}

/* In */

/* Send a packet's payload back with its number, timestamp and marker, under our own SSRC. */
static void echo_packet(struct poll *p, struct stream *s, const struct rtp *rtp, double now, struct events *e) {
    if (rtp->size > MOST_PAYLOAD) {
        s->refused++;
        return;
    }
    unsigned char *packet = p->packet;
    memmove(packet + 12, packet + rtp->start, rtp->size);
    packet[0] = 0x80;
    packet[1] = (unsigned char)(s->payload_type | rtp->marker << 7);
    put16(packet + 2, rtp->sequence);
    put32(packet + 4, rtp->timestamp);
    put32(packet + 8, s->ssrc);
    s->timestamp = rtp->timestamp;
    s->packets_sent++;
    s->bytes_sent += (int64_t)rtp->size;
    send_packet(p, s, packet, 12 + rtp->size, now, e);
}

/* Media of a stream, in p->packet. The caller has seen to the room. */
static void take(struct poll *p, struct stream *s, size_t length, double now, struct events *e) {
    /* RFC 5761 section 4: payload types 64 to 95 are taken by RTCP's 192 to 223. */
    if (length > 1 && 192 <= p->packet[1] && p->packet[1] <= 223) {
        event_add(e, RTCP, s->number, now, p->packet, length);
        return;
    }
    int plain_length = (int)length;
    int status = length > MOST_SRTP ? -1 : p->unprotect(s->receiving, p->packet, &plain_length);
    if (status != 0 || plain_length < 0 || (size_t)plain_length > length) {
        if (status == REPLAY_FAIL)
            s->repeated++;
        else
            s->refused++;
        return;
    }
    struct rtp rtp;
    if (!rtp_parse(p->packet, (size_t)plain_length, &rtp) || rtp.payload_type != s->payload_type) {
        s->malformed++;
        return;
    }
    int first = !s->meter.have_arrival;
    int fresh = meter_packet(&s->meter, &rtp, now);
    if (fresh) {
        bursts_packet(&s->bursts, rtp.ssrc, rtp.sequence);
        drift_packet(&s->drift, &rtp, now);
        if (first) event_add(e, FIRST_PACKET, s->number, now, NULL, 0);
        if (s->hears) event_add(e, PAYLOAD, s->number, now, p->packet + rtp.start, rtp.size);
    }
    if (s->echoes) echo_packet(p, s, &rtp, now, e);
}

/* The most that one datagram can leave behind: itself, heard and echoed. */
static int room_for_datagram(const struct events *e) {
    return room(e, MOST_DATAGRAM + 4 * sizeof(struct event) + MOST_SRTP + TRAILER);
}

/* Media that came another way than by a socket of this poll; -1 when the stream is not known. */
int lk_take(struct poll *p, uint64_t number, const unsigned char *data, size_t size, double arrival,
            unsigned char *buffer, size_t capacity, size_t *used) {
    struct events e = {buffer, capacity, 0};
    *used = 0;
    struct stream *s = table_get(&p->streams, number);
    if (!s || size > MOST_DATAGRAM || !room_for_datagram(&e)) return -1;
    memcpy(p->packet, data, size);
    take(p, s, size, arrival, &e);
    *used = e.used;
    return 0;
}

static void hand_over(struct poll *p, const struct udp_socket *s, size_t size, double now,
                      const struct sockaddr_storage *from, struct events *e) {
    struct event *event = event_add(e, DATAGRAM, s->number, now, p->packet, size);
    event->family = from->ss_family;
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        event->port = ntohs(in->sin_port);
        memcpy(event->address, &in->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
        event->port = ntohs(in->sin6_port);
        event->scope = in->sin6_scope_id;
        memcpy(event->address, &in->sin6_addr, 16);
    }
}

/* When a datagram came, by the kernel's stamp of the wall clock; `now` when it has none or cannot be right. */
static double arrival(const struct msghdr *message, double now, double wall, double earliest) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR((struct msghdr *)message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec stamp;
        memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
        double at = now - (wall - ((double)stamp.tv_sec + (double)stamp.tv_nsec * 1e-9));
        /* The wall clock may have been set meanwhile. */
        return at < earliest || at > now ? now : at;
    }
    return now;
}

/* Read one datagram of a socket; an error of the socket, ECONNREFUSED for instance, is read and forgotten. 1 when it
 * was no media. */
static int read_socket(struct poll *p, const struct udp_socket *s, struct events *e) {
    struct sockaddr_storage from;
    from.ss_family = AF_UNSPEC; /* should the system say nothing */
    struct iovec into = {p->packet, MOST_DATAGRAM};
    union {
        char space[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = &into,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(s->descriptor, &message, MSG_DONTWAIT);
    if (size <= 0) return 0;
    double now = clock_s(CLOCK_MONOTONIC);
    double earliest = fmax(p->read_before[s->quiet] - FRAME_S, now - LONGEST_WAIT_S);
    double at = arrival(&message, now, clock_s(CLOCK_REALTIME), earliest);
    struct stream *stream = s->stream ? table_get(&p->streams, s->stream) : NULL;
    if (stream && 127 < p->packet[0] && p->packet[0] < 192) {
        take(p, stream, (size_t)size, at, e);
        return 0;
    }
    hand_over(p, s, (size_t)size, at, &from, e);
    return 1;
}

/* Read what has come to the loud or the quiet sockets, `most` datagrams at most; how many were read. */
int lk_receive(struct poll *p, int which, int most, unsigned char *buffer, size_t capacity, size_t *used) {
    struct events e = {buffer, capacity, 0};
    struct epoll_event ready[MOST_EVENTS];
    int done = 0, full = 0, quiet = which != 0;
    /* Each turn reads one datagram of each socket that has any. After a while a socket may have several, and those of a
     * handshake come in flights: the next of a flight must not wait for all else that the loop has to do. */
    int again = clock_s(CLOCK_MONOTONIC) - p->read_before[quiet] > FRAME_S;
    *used = 0;
    while (done < most && !full) {
        int want = most - done < MOST_EVENTS ? most - done : MOST_EVENTS;
        int count = epoll_wait(quiet ? p->quiet : p->loud, ready, want, 0);
        for (int i = 0; i < count && !full; i++) {
            const struct udp_socket *s = table_get(&p->sockets, ready[i].data.u64);
            if (!s) continue;
            full = !room_for_datagram(&e);
            if (full) break;
            again |= read_socket(p, s, &e);
            done++;
        }
        /* Fewer than asked for: none is left, or what came since is read the next time. */
        if (count < 1 || (count < want && !again)) break;
    }
    p->read_before[quiet] = clock_s(CLOCK_MONOTONIC);
    *used = e.used;
    return done;
}
