#include "agent/join.h"
#include "agent/members.h"
#include "agent/monotonic.h"
#include "agent/paths.h"
#include "agent/reconcile.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <time.h>

enum { LIMIT_S = 120, PAUSE_MS = 300, REPORT_S = 10 };

static void say(void *userdata, const char *text) {
        (void)userdata;
        printf("[vip] %s\n", text);
        fflush(stdout);
}

/* Who is asked: this machine's own etcd (NULL), or, while that does not serve yet, the others in turn. */
static const char *ask_whom(const struct join *j, bool others, unsigned turn) {
        if (!others || j->config->etcd_external.endpoints.n > 0 || j->state.n_endpoints == 0)
                return NULL;
        return j->state.endpoints[turn % j->state.n_endpoints];
}

static int try_once(struct join *j, const char *endpoint, int (*try)(struct reconcile *x, struct error *e),
                    struct error *e) {
        struct reconcile x;
        int r = reconcile_init(&x, j->root, j->config, endpoint, e);

        if (r < 0)
                return r;
        x.say = say;
        x.agent = true;
        return try(&x, e);
}

/* Until `try` says 1, with its reasons. */
static int until(struct join *j, const char *what, bool others,
                 int (*try)(struct reconcile *x, struct error *e), struct error *e) {
        int64_t now, said_us = 0, end_us = monotonic_us() + LIMIT_S * INT64_C(1000000);
        unsigned turn = 0;
        int r;

        if (!config_by_majority(j->config))
                return 0;
        if ((r = config_resolve(j->config, e)) < 0)
                return r;
        while ((r = try_once(j, ask_whom(j, others, turn++), try, e)) == 0) {
                if ((now = monotonic_us()) >= end_us) {
                        char why[sizeof e->message];

                        memcpy(why, e->message, sizeof why);
                        error_set(e, EXIT_FAILED,
                                  "gave up after %d s waiting %s: %.600s; `triarch join` goes on from here",
                                  LIMIT_S, what, why);
                        return -ETIMEDOUT;
                }
                if (now - said_us > REPORT_S * INT64_C(1000000)) {
                        printf("[vip] waiting %s, %d s more at most: %s\n", what,
                               (int)((end_us - now) / 1000000), e->message);
                        fflush(stdout);
                        said_us = now;
                }
                nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
        }
        return r < 0 ? r : 0;
}

static int fetch(struct reconcile *x, struct error *e) {
        int r = reconcile_fetch(x, e);

        if (r == 0)
                r = reconcile_note_id(x, e);
        return r == -ENOENT || r == -EAGAIN ? 0 : r < 0 ? r : 1;
}

int join_members_fetch(struct join *j, struct error *e) {
        return until(j, "for the list of the virtual address's members", true, fetch, e);
}

/* The list with this machine in it, as it was just stored. */
static void warn_size(const struct join *j) {
        const struct vip_config *v = config_vip(j->config);
        struct vrrp_list list;
        char path[PATH_MAX], text[256];
        size_t witnesses = 0;
        struct error unused;

        if (!v || root_path(path, j->root, TRIARCH_MEMBERS_FILE) < 0 ||
            members_load(path, &list, &unused) < 0)
                return;
        for (size_t i = 0; i < list.n; i++)
                witnesses += list.v[i].witness;
        if (config_size_warning(v->election, list.n, witnesses, text, sizeof text))
                fprintf(stderr, "triarch: warning: %s\n", text);
}

int join_members_enter(struct join *j, struct error *e) {
        int r = until(j, "to have a vote on the virtual address", false, reconcile_enter, e);

        if (r == 0)
                warn_size(j);
        return r;
}
