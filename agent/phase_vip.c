#include "agent/jread.h"
#include "agent/members.h"
#include "agent/paths.h"
#include "agent/phase_dry.h"
#include "agent/reconcile.h"
#include "agent/rootpath.h"
#include "agent/vip_key.h"
#include "pki/file.h"
#include <errno.h>
#include <sys/random.h>
#include <time.h>

enum { FETCH_TRIES = 20, PAUSE_MS = 500 };

static bool exists(const struct phase_ctx *ctx, const char *path) {
        char real[PATH_MAX];

        return phase_path(ctx, path, real) && access(real, F_OK) == 0;
}

/* What is made twice in the life of a cluster would part its masters: two keys, or two lists of one member
 * each, who both had a majority. */
static bool has_etcd(const struct phase_ctx *ctx) {
        char path[PATH_MAX];

        return root_path_below(path, ctx->root, ctx->config->etcd_data_dir, "member") == 0 &&
               access(path, F_OK) == 0;
}

static int too_long(struct error *e, const char *path) {
        error_set(e, EXIT_FAILED, "the path is too long");
        snprintf(e->file, sizeof e->file, "%s", path);
        return -ENAMETOOLONG;
}

/* Who joins has the key from the master it asked. */
static int key_file(struct phase_ctx *ctx, struct error *e) {
        char path[PATH_MAX], dir[PATH_MAX];
        bool made = false;
        gid_t gid;
        int r;

        if (!ctx->join && has_etcd(ctx) && !exists(ctx, TRIARCH_VIP_KEY))
                return 0; /* lost: phase_vip_fetch() */
        if (phase_is_dry(ctx)) {
                if (!ctx->join || exists(ctx, TRIARCH_VIP_KEY))
                        phase_report(ctx, "certs", !exists(ctx, TRIARCH_VIP_KEY), TRIARCH_VIP_KEY);
                return 0;
        }
        if ((r = phase_agent_gid(ctx, &gid, e)) < 0)
                return r;
        if (!phase_path(ctx, TRIARCH_VIP_KEY, path) || !phase_path(ctx, TRIARCH_PKI_DIR, dir))
                return too_long(e, TRIARCH_VIP_KEY);
        if (!ctx->join && (r = pki_mkdir_p(dir, 0755)) < 0) {
                error_set(e, EXIT_FAILED, "%s cannot be made: %s", dir, strerror(-r));
                return r;
        }
        if ((r = ctx->join ? vip_key_check(path, gid, e) : vip_key_ensure(path, gid, &made, e)) < 0)
                return r;
        phase_report(ctx, "certs", made, TRIARCH_VIP_KEY);
        return 0;
}

static int list_of_one(const struct config *c, struct vrrp_list *ret, struct error *e) {
        struct vrrp_list_member *m = &ret->v[0];

        *ret = (struct vrrp_list){ .gen = 1, .n = 1 };
        if (!c->advertise_address || vrrp_ip_parse(c->advertise_address, &m->address) < 0)
                return error_set(e, EXIT_INPUT, "no address of this machine is known");
        if (getrandom(&m->id, sizeof m->id, 0) != sizeof m->id)
                return error_set(e, EXIT_FAILED, "there is no randomness for a member's id");
        m->id |= 1;                    /* never 0 */
        m->id &= ~(UINT64_C(1) << 63); /* never UINT64_MAX */
        snprintf(m->name, sizeof m->name, "%.*s", (int)sizeof m->name - 1, c->node_name);
        return 0;
}

/* What an agent of an earlier life has heard of is worth nothing now. */
static void forget_old_lists(const struct phase_ctx *ctx) {
        char path[PATH_MAX];

        if (root_path_below(path, ctx->root, ctx->config->state_dir, "members.json") == 0)
                pki_file_remove(path);
}

static int members_file(struct phase_ctx *ctx, struct error *e) {
        CLEANUP(jread_decref) json_t *o = NULL;
        CLEANUP(freep) char *text = NULL;
        struct vrrp_list list;
        int r;

        if (ctx->join || !config_by_majority(ctx->config) || exists(ctx, TRIARCH_MEMBERS_FILE) ||
            has_etcd(ctx))
                return 0;
        if ((r = list_of_one(ctx->config, &list, e)) < 0)
                return r;
        o = members_to_json(&list);
        if (!(text = o ? json_dumps(o, JSON_INDENT(2)) : NULL))
                return error_set(e, EXIT_FAILED, "out of memory");
        if (!phase_is_dry(ctx))
                forget_old_lists(ctx);
        return phase_put_file(ctx, "certs", TRIARCH_MEMBERS_FILE, 0644, (gid_t)-1, text, strlen(text), false,
                              e);
}

int phase_vip_files(struct phase_ctx *ctx, struct error *e) {
        int r = key_file(ctx, e);

        return r < 0 ? r : members_file(ctx, e);
}

static void say(void *userdata, const char *text) {
        (void)userdata;
        printf("[agent] %s\n", text);
}

static int fetch(struct phase_ctx *ctx, struct error *e) {
        struct reconcile x;
        int r = reconcile_init(&x, ctx->root, ctx->config, NULL, e);

        x.say = say;
        for (unsigned i = 0; r == 0 && i < FETCH_TRIES; i++) {
                if ((r = reconcile_fetch(&x, e)) != -EAGAIN)
                        return r;
                nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
                r = 0;
        }
        return r < 0 ? r : -EAGAIN;
}

int phase_vip_fetch(struct phase_ctx *ctx, struct error *e) {
        bool members = exists(ctx, TRIARCH_MEMBERS_FILE), key = exists(ctx, TRIARCH_VIP_KEY);
        int r;

        if (!config_by_majority(ctx->config) || (members && key))
                return 0;
        if ((r = fetch(ctx, e)) < 0)
                return r;
        phase_report(ctx, "agent", !members, TRIARCH_MEMBERS_FILE);
        phase_report(ctx, "agent", !key, TRIARCH_VIP_KEY);
        return 0;
}
