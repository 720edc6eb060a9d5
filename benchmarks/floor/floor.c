/* The least that calls can cost: one epoll loop that sends a packet per call each 20 ms and reads what comes back.
 *
 *     floor CALLS_FD [AHEAD [shared]]
 *
 * Nothing is measured but how many packets there were, nothing is reported (RTCP), nothing is judged. With AHEAD, so
 * many packets of each call are protected before the clock starts, and what comes back is counted as it is: the same
 * packets on the same wire without the cost of their cipher, which leaves the cost of the system calls. AHEAD is 0 to
 * leave that out. With the word "shared", all calls send from the first one's socket, with one sendmmsg(2) for all that
 * are due: what a socket per call costs. What comes back comes to each call's own.
 *
 * Each line on standard input is answered by one with the packets so far; the end of standard input ends it. */

#define _GNU_SOURCE

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "calls.h"

enum { SLOTS = 10, SLOT_NS = 2 * 1000 * 1000, EVENTS = 256, BATCH = 64 };

/* What an event is about: a call's index, or one of these. */
static const uint64_t CLOCK = UINT64_MAX, QUESTION = UINT64_MAX - 1;

static void watch(int epoll, int fd, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        err(3, "epoll");
}

static int start_clock(void)
{
    struct itimerspec every = {{0, SLOT_NS}, {0, SLOT_NS}};
    int clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (clock < 0 || timerfd_settime(clock, 0, &every, NULL) != 0)
        err(3, "timerfd");
    return clock;
}

/* The packet to send now: returns where it is, in `room` or ahead; NULL when all that were ahead are used up. */
static unsigned char *due_packet(const struct calls *calls, struct call *call, unsigned char *room, size_t *size)
{
    if (call->ahead != NULL) {
        if (call->ahead_next == call->ahead_count)
            return NULL;
        *size = call->ahead_length[call->ahead_next];
        return call->ahead[call->ahead_next++];
    }
    int length = (int)next_packet(calls, call, room);
    if (srtp_protect(call->sending, room, &length) != srtp_err_status_ok)
        errx(3, "a packet could not be protected");
    *size = (size_t)length;
    return room;
}

static void send_one(const struct calls *calls, struct call *call)
{
    unsigned char room[PACKET_MAX];
    size_t size;
    unsigned char *packet = due_packet(calls, call, room, &size);
    if (packet == NULL)
        return;
    if (sendto(call->fd, packet, size, 0, (struct sockaddr *)&call->remote, sizeof call->remote) > 0)
        call->sent++;
}

/* The packets of the calls of one slot, in batches, over one socket. */
static void send_slot_shared(struct calls *calls, size_t slot)
{
    static unsigned char rooms[BATCH][PACKET_MAX];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct call *of[BATCH];
    size_t next = slot;
    while (next < calls->count) {
        int filled = 0;
        memset(messages, 0, sizeof messages);
        for (; next < calls->count && filled < BATCH; next += SLOTS) {
            struct call *call = &calls->all[next];
            unsigned char *packet = due_packet(calls, call, rooms[filled], &parts[filled].iov_len);
            if (packet == NULL)
                continue;
            parts[filled].iov_base = packet;
            messages[filled].msg_hdr.msg_name = &call->remote;
            messages[filled].msg_hdr.msg_namelen = sizeof call->remote;
            messages[filled].msg_hdr.msg_iov = &parts[filled];
            messages[filled].msg_hdr.msg_iovlen = 1;
            of[filled++] = call;
        }
        int sent = sendmmsg(calls->all[0].fd, messages, (unsigned int)filled, 0);
        for (int i = 0; i < sent; i++)
            of[i]->sent++;
    }
}

static void receive_one(struct call *call)
{
    unsigned char packet[PACKET_MAX];
    ssize_t size = recv(call->fd, packet, sizeof packet, MSG_DONTWAIT);
    /* RFC 7983: media begins with 128 to 191; RFC 5761: of it, RTCP has the types 192 to 223. */
    if (size < 12 || packet[0] < 128 || packet[0] > 191 || (packet[1] >= 192 && packet[1] <= 223))
        return;
    int length = (int)size;
    if (call->ahead != NULL || srtp_unprotect(call->receiving, packet, &length) == srtp_err_status_ok)
        call->received++;
}

/* Calls are spread over the 20 ms in slots of 2 ms, as loadkit's are. */
static void tick(struct calls *calls, int clock, uint64_t *slot, int shared)
{
    uint64_t times;
    if (read(clock, &times, sizeof times) != sizeof times)
        return;
    for (; times > 0; times--, ++*slot) {
        if (shared)
            send_slot_shared(calls, *slot % SLOTS);
        else
            for (size_t i = *slot % SLOTS; i < calls->count; i += SLOTS)
                send_one(calls, &calls->all[i]);
    }
}

/* Returns 0 at the end of standard input. */
static int answer(const struct calls *calls)
{
    char line[256];
    uint64_t sent = 0, received = 0;
    if (read(STDIN_FILENO, line, sizeof line) <= 0)
        return 0;
    for (size_t i = 0; i < calls->count; i++) {
        sent += calls->all[i].sent;
        received += calls->all[i].received;
    }
    printf("{\"sent\": %llu, \"received\": %llu}\n", (unsigned long long)sent, (unsigned long long)received);
    fflush(stdout);
    return 1;
}

static void run(struct calls *calls, int shared)
{
    struct epoll_event events[EVENTS];
    uint64_t slot = 0;
    int epoll = epoll_create1(0), clock = start_clock();
    if (epoll < 0)
        err(3, "epoll");
    watch(epoll, clock, CLOCK);
    watch(epoll, STDIN_FILENO, QUESTION);
    for (size_t i = 0; i < calls->count; i++)
        watch(epoll, calls->all[i].fd, i);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int k = 0; k < count; k++) {
            uint64_t what = events[k].data.u64;
            if (what == CLOCK)
                tick(calls, clock, &slot, shared);
            else if (what != QUESTION)
                receive_one(&calls->all[what]);
            else if (!answer(calls))
                return;
        }
    }
}

int main(int count, char **words)
{
    struct calls calls;
    if (count < 2 || srtp_init() != srtp_err_status_ok)
        errx(2, "floor CALLS_FD [AHEAD [shared]]");
    read_calls(atoi(words[1]), &calls);
    if (count > 2 && atoi(words[2]) > 0)
        protect_ahead(&calls, (size_t)atoi(words[2]));
    printf("{\"up\": %zu}\n", calls.count);
    fflush(stdout);
    run(&calls, count > 3 && strcmp(words[3], "shared") == 0);
    return 0;
}
