#include "agent/chrony.h"
#include "agent/monotonic.h"
#include "pki/util.h"
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

enum {
        VERSION = 6,
        TYPE_REQUEST = 1,
        TYPE_REPLY = 2,
        COMMAND_TRACKING = 33,
        REPLY_TRACKING = 5,
        REPLY_HEADER = 28,
        STATUS_SUCCESS = 0,
        FAMILY_IPV4 = 1,
        FAMILY_IPV6 = 2,
        LEAP_LAST = 3,
};
#define HIGH_SECONDS_ABSENT 0x7fffffffU

/* Every read checks the bound; after the first failure all reads give 0 and `bad` stays set. */
struct reader {
        const uint8_t *data;
        size_t size, at;
        bool bad;
};

static const uint8_t *take(struct reader *r, size_t n) {
        if (r->bad || r->size - r->at < n) {
                r->bad = true;
                return NULL;
        }
        r->at += n;
        return r->data + r->at - n;
}

static uint8_t take_u8(struct reader *r) {
        const uint8_t *p = take(r, 1);

        return p ? *p : 0;
}

static uint16_t take_u16(struct reader *r) {
        const uint8_t *p = take(r, 2);

        return p ? (uint16_t)((unsigned)p[0] << 8 | p[1]) : (uint16_t)0;
}

static uint32_t take_u32(struct reader *r) {
        uint32_t hi = take_u16(r);

        return hi << 16 | take_u16(r);
}

/* Signed 7-bit exponent, signed 25-bit coefficient without a hidden bit. */
static double take_float(struct reader *r) {
        uint32_t x = take_u32(r);
        int32_t exponent = (int32_t)(x >> 25), coefficient = (int32_t)(x & 0x1ffffff);

        if (exponent >= 64)
                exponent -= 128;
        if (coefficient >= 1 << 24)
                coefficient -= 1 << 25;
        return ldexp(coefficient, exponent - 25);
}

static struct timespec take_timespec(struct reader *r) {
        uint32_t high = take_u32(r), low = take_u32(r), ns = take_u32(r);

        if (high == HIGH_SECONDS_ABSENT)
                high = 0;
        if (ns > 999999999)
                r->bad = true;
        return (struct timespec){ .tv_sec = (time_t)((uint64_t)high << 32 | low), .tv_nsec = (long)ns };
}

static void take_address(struct reader *r, char out[46]) {
        const uint8_t *p = take(r, 16);
        uint16_t family = take_u16(r);

        take_u16(r);
        out[0] = '\0';
        if (p && family == FAMILY_IPV4)
                inet_ntop(AF_INET, p, out, 46);
        else if (p && family == FAMILY_IPV6)
                inet_ntop(AF_INET6, p, out, 46);
}

static void put_u16(uint8_t *p, uint16_t v) {
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

/* Padded to the length of the reply: chronyd answers no request that is shorter than its answer. */
void chrony_request_tracking(uint8_t out[CHRONY_REQUEST_SIZE], uint32_t sequence, uint16_t attempt) {
        memset(out, 0, CHRONY_REQUEST_SIZE);
        out[0] = VERSION;
        out[1] = TYPE_REQUEST;
        put_u16(out + 4, COMMAND_TRACKING);
        put_u16(out + 6, attempt);
        put_u16(out + 8, (uint16_t)(sequence >> 16));
        put_u16(out + 10, (uint16_t)sequence);
}

/* Leaves the reader at the reply's data. */
static int parse_header(struct reader *r, uint32_t sequence, uint16_t *ret_reply, uint16_t *ret_status) {
        uint8_t version = take_u8(r), type = take_u8(r);
        uint16_t reserved = take_u16(r), command = take_u16(r), reply = take_u16(r), status = take_u16(r);
        uint32_t echoed;

        take(r, 6);
        echoed = take_u32(r);
        take(r, 8);
        if (r->bad || version != VERSION || type != TYPE_REPLY || reserved != 0 ||
            command != COMMAND_TRACKING || echoed != sequence)
                return -EBADMSG;
        *ret_reply = reply;
        *ret_status = status;
        return 0;
}

static void parse_data(struct reader *r, struct chrony_tracking *t) {
        t->ref_id = take_u32(r);
        take_address(r, t->source);
        t->stratum = take_u16(r);
        t->leap = take_u16(r);
        t->ref_time = take_timespec(r);
        t->correction = take_float(r);
        t->last_offset = take_float(r);
        t->rms_offset = take_float(r);
        t->frequency_ppm = take_float(r);
        take_float(r); /* residual frequency */
        t->skew_ppm = take_float(r);
        t->root_delay = take_float(r);
        t->root_dispersion = take_float(r);
        t->update_interval = take_float(r);
}

int chrony_parse_tracking(const uint8_t *data, size_t size, uint32_t sequence, struct chrony_tracking *ret,
                          uint16_t *ret_status) {
        struct reader r = { .data = data, .size = size };
        struct chrony_tracking t = { 0 };
        uint16_t reply, status;

        if (parse_header(&r, sequence, &reply, &status) < 0)
                return -EBADMSG;
        *ret_status = status;
        if (status != STATUS_SUCCESS)
                return -EPROTO;
        if (reply != REPLY_TRACKING)
                return -EBADMSG;
        parse_data(&r, &t);
        if (r.bad || t.leap > LEAP_LAST)
                return -EBADMSG;
        *ret = t;
        return 0;
}

int chrony_open(uint16_t port) {
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        CLEANUP(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r;

        if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
                return -errno;
        r = fd;
        fd = -1;
        return r;
}

int chrony_send(int fd, uint16_t attempt, uint32_t *ret_sequence) {
        uint8_t request[CHRONY_REQUEST_SIZE];
        uint32_t sequence = 0;

        if (getrandom(&sequence, sizeof sequence, GRND_NONBLOCK) != sizeof sequence)
                return -EAGAIN; /* early in the boot */
        chrony_request_tracking(request, sequence, attempt);
        if (send(fd, request, sizeof request, MSG_NOSIGNAL) < 0)
                return -errno;
        *ret_sequence = sequence;
        return 0;
}

int chrony_receive(int fd, uint32_t sequence, struct chrony_tracking *ret) {
        uint8_t reply[CHRONY_REPLY_MAX];
        uint16_t status;
        ssize_t n;
        int r;

        do {
                n = recv(fd, reply, sizeof reply, 0);
                if (n < 0)
                        return -errno;
                r = chrony_parse_tracking(reply, (size_t)n, sequence, ret, &status);
        } while (r == -EBADMSG);
        return r;
}

int chrony_query(uint16_t port, unsigned timeout_ms, struct chrony_tracking *ret) {
        int64_t left_us, end_us = monotonic_us() + (int64_t)timeout_ms * 1000;
        CLEANUP(closep) int fd = chrony_open(port);
        uint32_t sequence = 0;
        int r;

        if (fd < 0)
                return fd;
        if ((r = chrony_send(fd, 0, &sequence)) < 0)
                return r;
        while ((left_us = end_us - monotonic_us()) >= 0) {
                struct pollfd p = { .fd = fd, .events = POLLIN };

                if (poll(&p, 1, (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
                        return -errno;
                if ((r = chrony_receive(fd, sequence, ret)) != -EAGAIN)
                        return r;
        }
        return -ETIMEDOUT;
}
