/* The calls that are handed over, set up: a socket, where to send, SRTP keys, and how far it has come. */

#ifndef FLOOR_CALLS_H
#define FLOOR_CALLS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <srtp2/srtp.h>

enum { PACKET_MAX = 1500, PAYLOADS_MAX = 4096 };

/* The sample, as Opus packets; every call says it over and over. */
struct payload {
    unsigned char *bytes;
    size_t length;
};

struct call {
    int fd;
    struct sockaddr_in remote;
    uint32_t ssrc;
    uint16_t sequence;
    uint32_t timestamp;
    size_t position; /* in the sample */
    srtp_t sending, receiving;
    /* Packets that were protected before the clock started; NULL when each is protected as it is sent. */
    unsigned char **ahead;
    size_t *ahead_length;
    size_t ahead_count, ahead_next;
    uint64_t sent, received;
};

struct calls {
    struct call *all;
    size_t count;
    struct payload payloads[PAYLOADS_MAX];
    size_t payload_count;
};

/* Read them: lines "payload HEX" and "call FD ADDRESS PORT SSRC SENDING_KEY RECEIVING_KEY", keys with their salts
 * in hexadecimal. Ends the process with a sentence when a line cannot be read. */
void read_calls(int fd, struct calls *calls);

/* The call's next RTP packet, not protected; returns its length. There is room for PACKET_MAX bytes. */
size_t next_packet(const struct calls *calls, struct call *call, unsigned char *packet);

/* Protect so many packets of every call now. */
void protect_ahead(struct calls *calls, size_t packets);

#endif
