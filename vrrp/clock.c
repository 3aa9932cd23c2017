#include "vrrp/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t id) {
        struct timespec t;

        clock_gettime(id, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t vrrp_now_us(void) {
        return read_us(CLOCK_MONOTONIC_RAW);
}

int64_t vrrp_suspended_us(void) {
        /* Between the two reads the thread may be preempted: only a large change means anything. */
        uint64_t awake = read_us(CLOCK_MONOTONIC);

        return (int64_t)(read_us(CLOCK_BOOTTIME) - awake);
}

void vrrp_clock_arm(sd_event_source *timer, uint64_t at_us) {
        uint64_t now = vrrp_now_us();

        if (at_us == VRRP_NEVER) {
                sd_event_source_set_enabled(timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(timer, read_us(CLOCK_MONOTONIC) + (at_us > now ? at_us - now : 0));
        sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT); /* one that has fired is off */
}
