/* chronyd's command protocol, version 6: the TRACKING request and reply (chrony candm.h; checked
 * against 4.3). The codec is pure; chrony_query() does one exchange over UDP. */
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
/* One blocking exchange with 127.0.0.1:port, for commands (the daemon uses the codec on its own
 * socket). -ETIMEDOUT, -ECONNREFUSED: no chronyd. */
int chrony_query(uint16_t port, unsigned timeout_ms, struct chrony_tracking *ret);

/* The verdict, pure (facts: chrony.md 6). */
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
/* Ask chronyd, or where none answers the kernel (adjtimex), and judge. Blocking, at most timeout_ms.
 * Never fails: no evidence is CLOCK_UNKNOWN. */
void clock_read(uint16_t port, unsigned timeout_ms, double max_offset, struct clock_state *ret);
/* "system clock 2026-11-23T10:00:00.000Z, time source says 2026-11-23T10:00:01.204Z" */
void clock_both_times(const struct clock_state *s, struct timespec now, char *out, size_t size);

#endif
