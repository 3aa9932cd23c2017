#include "vrrp/wait.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

int64_t vrrp_deadline_ms(unsigned ms) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + ms;
}

int vrrp_wait_readable(int fd, int64_t deadline_ms) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left;
        int r;

        while ((left = deadline_ms - vrrp_deadline_ms(0)) > 0) {
                r = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
                if (r > 0)
                        return 1;
                if (r < 0 && errno != EINTR)
                        return -errno;
        }
        return 0;
}
