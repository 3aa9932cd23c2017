#include "agent/realtime.h"

#include <errno.h>
#include <sched.h>

enum { PRIORITY = 10 };

int realtime_policy(void) {
        struct sched_param p = { .sched_priority = PRIORITY };

        return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) < 0 ? -errno : 0;
}
