#include "agent/enroll_clock.h"
#include <stdio.h>
#include <time.h>

int64_t enroll_clock_now(double correction) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec + (int64_t)(correction * 1e9);
}

double enroll_clock_distance(int64_t theirs, int64_t sent, int64_t received) {
        if (theirs < sent)
                return ((double)theirs - (double)sent) / 1e9;
        if (theirs > received)
                return ((double)theirs - (double)received) / 1e9;
        return 0;
}

const char *enroll_time_text(int64_t ns, char out[ENROLL_TIME_SIZE]) {
        time_t s = (time_t)(ns / 1000000000);
        struct tm tm;
        char date[24];

        if (!gmtime_r(&s, &tm) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm))
                snprintf(date, sizeof date, "beyond the year 9999");
        snprintf(out, ENROLL_TIME_SIZE, "%s.%03dZ", date, (int)(ns / 1000000 % 1000));
        return out;
}
