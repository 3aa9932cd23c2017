/* What chronyd's (or the kernel's) word about the clock is worth. */
#include "agent/chrony.h"
#include "agent/time_text.h"
#include "pki/util.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <sys/timex.h>

#define REF_LOCAL          0x7f7f0101U /* chronyd's "local": it follows only itself */
#define STALE_MIN_S        512.0       /* eight polls of 64 s */
#define FUTURE_SLACK_S     10.0
#define KERNEL_MAXERROR_US 16000000 /* NTP_PHASE_LIMIT: nothing disciplines the clock */
enum { LEAP_UNSYNCHRONISED = 3 };

/* Seconds as people read them: ms below one second. */
static const char *human(double s, char out[32]) {
        if (fabs(s) < 1.0)
                snprintf(out, 32, "%.3f ms", s * 1e3);
        else
                snprintf(out, 32, "%.3f s", s);
        return out;
}

/* The address of the source, or the four letters by which a reference clock is known. */
static const char *source_name(const struct chrony_tracking *t, char out[64]) {
        if (*t->source)
                snprintf(out, 64, "%s", t->source);
        else {
                size_t n = (size_t)snprintf(out, 64, "reference clock ");

                for (int shift = 24; shift >= 0; shift -= 8) {
                        int c = (int)(t->ref_id >> shift & 0xff);

                        if (isalnum(c))
                                out[n++] = (char)c;
                }
                out[n] = '\0';
        }
        return out;
}

static double seconds(struct timespec t) {
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool judge_unsynchronised(const struct chrony_tracking *t, struct clock_state *s) {
        if (t->leap != LEAP_UNSYNCHRONISED && t->ref_id != 0 && t->ref_id != REF_LOCAL)
                return false;
        s->verdict = CLOCK_UNSYNCHRONISED;
        snprintf(s->reason, sizeof s->reason, "%s",
                 t->ref_id == REF_LOCAL ? "chronyd follows only its own clock (local mode), no time source"
                                        : "chronyd is not synchronised to any time source");
        return true;
}

static bool judge_offset(const struct chrony_tracking *t, double limit, struct clock_state *s) {
        char a[32], b[32], source[64];

        if (fabs(t->correction) > limit)
                snprintf(s->reason, sizeof s->reason, "clock is %s %s of %s, limit %s",
                         human(fabs(t->correction), a), t->correction > 0 ? "slow" : "fast",
                         source_name(t, source), human(limit, b));
        else if (s->error_bound > limit)
                snprintf(s->reason, sizeof s->reason,
                         "clock may be off by %s (offset + root distance to %s), limit %s",
                         human(s->error_bound, a), source_name(t, source), human(limit, b));
        else
                return false;
        s->verdict = CLOCK_OFFSET;
        return true;
}

/* An old update says nothing about the clock of now; neither does one from the future, which means
 * that somebody set the clock back. */
static bool judge_stale(const struct chrony_tracking *t, struct clock_state *s) {
        double limit = 3 * t->update_interval > STALE_MIN_S ? 3 * t->update_interval : STALE_MIN_S;
        char a[32], b[32], source[64];

        if (s->age > limit)
                snprintf(s->reason, sizeof s->reason, "last time update from %s was %s ago, limit %s",
                         source_name(t, source), human(s->age, a), human(limit, b));
        else if (s->age < -FUTURE_SLACK_S - fabs(t->correction))
                snprintf(s->reason, sizeof s->reason,
                         "last time update from %s lies %s ahead: the clock was set back",
                         source_name(t, source), human(-s->age, a));
        else
                return false;
        s->verdict = CLOCK_STALE;
        return true;
}

void clock_judge(const struct chrony_tracking *t, struct timespec now, double max_offset,
                 struct clock_state *ret) {
        struct clock_state s = { .correction = t->correction };
        char a[32], b[32], source[64];

        s.error_bound = fabs(t->correction) + t->root_dispersion + t->root_delay / 2;
        s.age = seconds(now) - seconds(t->ref_time);
        if (!judge_unsynchronised(t, &s) && !judge_offset(t, max_offset, &s) && !judge_stale(t, &s)) {
                s.verdict = CLOCK_GOOD;
                snprintf(s.reason, sizeof s.reason, "clock is %s %s of %s, error at most %s",
                         human(fabs(t->correction), a), t->correction > 0 ? "slow" : "fast",
                         source_name(t, source), human(s.error_bound, b));
        }
        *ret = s;
}

/* maxerror alone tells whether somebody disciplines the clock: STA_UNSYNC stays set under a chronyd
 * without rtcsync. It is no error bound to hold against a limit (it grows by 500 ppm between updates). */
void clock_judge_kernel(const struct timex *tx, double max_offset, struct clock_state *ret) {
        struct clock_state s = { .error_bound = (double)tx->maxerror / 1e6 };
        char a[32], b[32];

        s.correction = (double)tx->offset / (tx->status & STA_NANO ? 1e9 : 1e6);
        if (tx->maxerror >= KERNEL_MAXERROR_US) {
                s.verdict = CLOCK_UNSYNCHRONISED;
                snprintf(s.reason, sizeof s.reason,
                         "chronyd does not answer and the kernel's clock is not synchronised");
        } else {
                s.verdict = fabs(s.correction) > max_offset ? CLOCK_OFFSET : CLOCK_GOOD;
                snprintf(s.reason, sizeof s.reason,
                         "chronyd does not answer; the kernel says the clock is %s %s, limit %s",
                         human(fabs(s.correction), a), s.correction > 0 ? "slow" : "fast",
                         human(max_offset, b));
        }
        *ret = s;
}

void clock_read_kernel(double max_offset, struct clock_state *ret) {
        struct timex tx = { .modes = 0 };

        if (adjtimex(&tx) >= 0) {
                clock_judge_kernel(&tx, max_offset, ret);
                return;
        }
        *ret = (struct clock_state){ .verdict = CLOCK_UNKNOWN };
        snprintf(ret->reason, sizeof ret->reason, "chronyd does not answer and adjtimex fails: %s",
                 strerror(errno));
}

void clock_read(uint16_t port, unsigned timeout_ms, double max_offset, struct clock_state *ret) {
        struct chrony_tracking t;
        struct timespec now;

        if (chrony_query(port, timeout_ms, &t) < 0) {
                clock_read_kernel(max_offset, ret);
                return;
        }
        clock_gettime(CLOCK_REALTIME, &now);
        clock_judge(&t, now, max_offset, ret);
}

static struct timespec add_seconds(struct timespec t, double s) {
        time_t whole = (time_t)s;

        t.tv_sec += whole;
        t.tv_nsec += (long)((s - (double)whole) * 1e9 + (s < 0 ? -0.5 : 0.5));
        if (t.tv_nsec < 0) {
                t.tv_sec--;
                t.tv_nsec += 1000000000;
        }
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        return t;
}

void clock_both_times(const struct clock_state *s, struct timespec now, char *out, size_t size) {
        char system[TIME_TEXT_SIZE], source[TIME_TEXT_SIZE];

        time_text(now, system);
        time_text(add_seconds(now, s->correction), source);
        if (s->verdict == CLOCK_UNSYNCHRONISED || s->verdict == CLOCK_UNKNOWN)
                snprintf(out, size, "system clock %s, no time source to compare with", system);
        else
                snprintf(out, size, "system clock %s, time source says %s", system, source);
}
