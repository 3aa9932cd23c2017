/* chronyd's reply, from whoever sits on the port; the captured replies carry this sequence number. */
#include "agent/chrony.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct timespec now = { .tv_sec = 1795408722 };
        struct chrony_tracking t;
        struct clock_state s;
        char times[128];
        uint16_t status;

        if (chrony_parse_tracking(data, size, 0x01020304, &t, &status) < 0)
                return 0;
        if (t.leap > 3 || !isfinite(t.correction) || strlen(t.source) >= sizeof t.source)
                abort();
        clock_judge(&t, now, 0.1, &s);
        if (!*s.reason)
                abort();
        clock_both_times(&s, now, times, sizeof times);
        return 0;
}
