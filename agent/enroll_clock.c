#include "agent/enroll_clock.h"
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

const char *enroll_time_text(int64_t ns, char out[TIME_TEXT_SIZE]) {
        return time_text((struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 }, out);
}
