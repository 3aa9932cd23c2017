#include "agent/monotonic.h"
#include "agent/paths.h"
#include "agent/reconcile.h"
#include "agent/reset.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <time.h>

enum { LIMIT_S = 30, PAUSE_MS = 300 };

/* The agent still runs: it gives the address up as soon as it is not in the list, and tells the others the
 * list. */
static int leave(struct reset *r, struct error *e) {
        int64_t end_us = monotonic_us() + LIMIT_S * INT64_C(1000000);
        struct reconcile x;
        int k = reconcile_init(&x, r->root, r->config, NULL, e);

        if (k < 0)
                return k;
        x.agent = true;
        while ((k = reconcile_leave(&x, e)) == 0) {
                if (monotonic_us() >= end_us)
                        return -ETIMEDOUT;
                nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
        }
        return k;
}

void reset_vip_member(struct reset *r) {
        char path[PATH_MAX];
        struct error e = { 0 };

        if (!r->config || root_path(path, r->root, TRIARCH_MEMBERS_FILE) < 0 || access(path, F_OK) < 0)
                return;
        if (config_resolve(r->config, &e) == 0 && leave(r, &e) == 1)
                puts("[reset] this machine has no vote on the virtual address any more");
        else
                reset_warn(r,
                           "this machine could not be taken out of the list of the virtual address's "
                           "members: %s; the "
                           "others take it out when etcd has lost it",
                           e.message);
}
