#include "calls.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOAD_TYPE = 111, FRAME_SAMPLES = 960, KEY_BYTES = 44, HEADER_BYTES = 12 };

static size_t read_hex(const char *text, unsigned char *bytes, size_t room)
{
    size_t length = strlen(text) / 2;
    if (length > room)
        errx(2, "%zu bytes do not fit into %zu", length, room);
    for (size_t i = 0; i < length; i++)
        if (sscanf(text + 2 * i, "%2hhx", &bytes[i]) != 1)
            errx(2, "not hexadecimal: %.20s", text);
    return length;
}

/* AES-256-GCM with tags of 16 bytes: what DTLS negotiates as SRTP_AEAD_AES_256_GCM (RFC 7714). */
static srtp_t open_session(const char *key_text, srtp_ssrc_type_t direction)
{
    unsigned char key[KEY_BYTES];
    srtp_policy_t policy;
    srtp_t session;
    if (read_hex(key_text, key, sizeof key) != sizeof key)
        errx(2, "a key with its salt has %d bytes", KEY_BYTES);
    memset(&policy, 0, sizeof policy);
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
    policy.ssrc.type = direction;
    policy.key = key;
    policy.window_size = 1024;
    policy.allow_repeat_tx = 1;
    srtp_err_status_t status = srtp_create(&session, &policy);
    if (status != srtp_err_status_ok)
        errx(3, "this libsrtp2 has no AES-256-GCM (status %d)", status);
    return session;
}

static void read_call(struct calls *calls, const char *line)
{
    char address[64], sending[2 * KEY_BYTES + 1], receiving[2 * KEY_BYTES + 1];
    unsigned int port;
    struct call call = {0};
    if (sscanf(line, "call %d %63s %u %u %88s %88s", &call.fd, address, &port, &call.ssrc, sending, receiving) != 6)
        errx(2, "not a call: %.30s", line);
    call.remote.sin_family = AF_INET;
    call.remote.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, address, &call.remote.sin_addr) != 1)
        errx(2, "not an IPv4 address: %s", address);
    call.sending = open_session(sending, ssrc_any_outbound);
    call.receiving = open_session(receiving, ssrc_any_inbound);
    calls->all = realloc(calls->all, (calls->count + 1) * sizeof call);
    if (calls->all == NULL)
        err(3, "no memory");
    calls->all[calls->count++] = call;
}

static void read_payload(struct calls *calls, char *text)
{
    unsigned char bytes[PACKET_MAX];
    if (calls->payload_count == PAYLOADS_MAX)
        errx(2, "a sample has %d packets at most", PAYLOADS_MAX);
    text[strcspn(text, "\n")] = '\0';
    struct payload *payload = &calls->payloads[calls->payload_count++];
    payload->length = read_hex(text, bytes, PACKET_MAX - HEADER_BYTES - SRTP_MAX_TRAILER_LEN);
    payload->bytes = malloc(payload->length);
    if (payload->bytes == NULL)
        err(3, "no memory");
    memcpy(payload->bytes, bytes, payload->length);
}

void read_calls(int fd, struct calls *calls)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = fdopen(fd, "r");
    if (file == NULL)
        err(2, "calls");
    memset(calls, 0, sizeof *calls);
    while (getline(&line, &room, file) > 0) {
        if (strncmp(line, "payload ", 8) == 0)
            read_payload(calls, line + 8);
        else
            read_call(calls, line);
    }
    free(line);
    fclose(file);
    if (calls->count == 0 || calls->payload_count == 0)
        errx(2, "no calls, or no sample");
}

size_t next_packet(const struct calls *calls, struct call *call, unsigned char *packet)
{
    const struct payload *payload = &calls->payloads[call->position];
    uint16_t sequence = htons(call->sequence++);
    uint32_t timestamp = htonl(call->timestamp), ssrc = htonl(call->ssrc);
    packet[0] = 0x80; /* version 2; no padding, extension, CSRC (RFC 3550 section 5.1) */
    packet[1] = PAYLOAD_TYPE;
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    memcpy(packet + HEADER_BYTES, payload->bytes, payload->length);
    call->timestamp += FRAME_SAMPLES;
    call->position = (call->position + 1) % calls->payload_count;
    return HEADER_BYTES + payload->length;
}

void protect_ahead(struct calls *calls, size_t packets)
{
    for (size_t i = 0; i < calls->count; i++) {
        struct call *call = &calls->all[i];
        call->ahead = calloc(packets, sizeof *call->ahead);
        call->ahead_length = calloc(packets, sizeof *call->ahead_length);
        if (call->ahead == NULL || call->ahead_length == NULL)
            err(3, "no memory");
        call->ahead_count = packets;
        for (size_t k = 0; k < packets; k++) {
            unsigned char packet[PACKET_MAX];
            int length = (int)next_packet(calls, call, packet);
            if (srtp_protect(call->sending, packet, &length) != srtp_err_status_ok)
                errx(3, "a packet could not be protected");
            call->ahead[k] = malloc((size_t)length);
            if (call->ahead[k] == NULL)
                err(3, "no memory");
            memcpy(call->ahead[k], packet, (size_t)length);
            call->ahead_length[k] = (size_t)length;
        }
    }
}
