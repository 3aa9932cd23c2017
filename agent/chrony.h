/* chronyd's command protocol, version 6: the TRACKING request and reply (chrony's candm.h, checked
 * against chronyd 4.3), and what they are worth. Codec and verdict are pure. */
#ifndef AGENT_CHRONY_H
#define AGENT_CHRONY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { CHRONY_REQUEST_SIZE = 104, CHRONY_REPLY_MAX = 512 };

struct chrony_tracking {
        uint32_t ref_id;
        char source[46];          /* address of the source, "" when none */
        uint16_t stratum, leap;   /* leap 3: not synchronised */
        struct timespec ref_time; /* last processed update, wall clock */
        double correction;        /* s; positive: the system clock is slow of NTP time */
        double last_offset, rms_offset, frequency_ppm, skew_ppm;
        double root_delay, root_dispersion, update_interval; /* s */
};

void chrony_request_tracking(uint8_t out[CHRONY_REQUEST_SIZE], uint32_t sequence, uint16_t attempt);
/* 0; -EBADMSG: not a reply to `sequence` or malformed (keep reading); -EPROTO: chronyd refused, *ret_status.
 */
int chrony_parse_tracking(const uint8_t *data, size_t size, uint32_t sequence, struct chrony_tracking *ret,
                          uint16_t *ret_status);
/* The exchange in steps that do not block, for the daemon: a socket connected to 127.0.0.1:port (owned by
 * the caller), one request, one reply. chrony_receive: -EAGAIN: none yet; -ECONNREFUSED: no chronyd;
 * -EPROTO: chronyd refused; replies to other requests are dropped. */
int chrony_open(uint16_t port);
int chrony_send(int fd, uint16_t attempt, uint32_t *ret_sequence);
int chrony_receive(int fd, uint32_t sequence, struct chrony_tracking *ret);
/* One blocking exchange with 127.0.0.1:port, for commands. -ETIMEDOUT, -ECONNREFUSED: no chronyd. */
int chrony_query(uint16_t port, unsigned timeout_ms, struct chrony_tracking *ret);

/* The verdict, pure (docs/decisions.md: the clock). */
enum clock_verdict { CLOCK_GOOD, CLOCK_OFFSET, CLOCK_UNSYNCHRONISED, CLOCK_STALE, CLOCK_UNKNOWN };
struct clock_state {
        enum clock_verdict verdict;
        double correction;  /* s, positive: system clock slow */
        double error_bound; /* |correction| + dispersion + delay / 2, s */
        double age;         /* of the last update, s */
        char reason[160];   /* for people: offset, limit, source */
};
void clock_judge(const struct chrony_tracking *t, struct timespec now, double max_offset,
                 struct clock_state *ret);
/* The kernel's word, where chronyd does not answer: the judgement, pure, and one
 * system call with it. Does not block. */
struct timex;
void clock_judge_kernel(const struct timex *tx, double max_offset, struct clock_state *ret);
void clock_read_kernel(double max_offset, struct clock_state *ret);
/* Ask chronyd, or where none answers the kernel (adjtimex), and judge. Blocking, at most timeout_ms.
 * Never fails: no evidence is CLOCK_UNKNOWN. */
void clock_read(uint16_t port, unsigned timeout_ms, double max_offset, struct clock_state *ret);
/* "system clock 2026-11-23T10:00:00.000Z, time source says 2026-11-23T10:00:01.204Z" */
void clock_both_times(const struct clock_state *s, struct timespec now, char *out, size_t size);

#endif
