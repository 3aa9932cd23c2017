#include "agent/time_text.h"
#include <stdio.h>

const char *time_text(struct timespec t, char out[TIME_TEXT_SIZE]) {
        struct tm tm;
        size_t n;

        if (!gmtime_r(&t.tv_sec, &tm)) {
                snprintf(out, TIME_TEXT_SIZE, "%lld s since 1970", (long long)t.tv_sec);
                return out;
        }
        n = strftime(out, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(out + n, TIME_TEXT_SIZE - n, ".%03uZ", (unsigned)(t.tv_nsec / 1000000) % 1000);
        return out;
}
