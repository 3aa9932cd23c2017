#include "agent/config.h"
#include "agent/paths.h"
#include "agent/reconcile.h"
#include "agent/vip_rotate.h"
#include <errno.h>

static void print_line(void *userdata, const char *text) {
        (void)userdata;
        puts(text);
        fflush(stdout);
}

/* All masters at once: etcd hands the keys on, each agent tells that it has them. */
static int in_cluster(const char *root, struct config *c, struct error *e) {
        struct reconcile x;
        int r;

        if ((r = config_resolve(c, e)) < 0 || (r = reconcile_init(&x, root, c, NULL, e)) < 0)
                return r;
        x.say = print_line;
        x.agent = true;
        return reconcile_rotate_keys(&x, e);
}

/* The one file of all sealed groups. */
static int key_file(const struct config *c, const char **ret, struct error *e) {
        *ret = NULL;
        for (size_t i = 0; i < c->vips.n; i++) {
                const struct vip_config *v = &c->vips.items[i];

                if (v->transport != VIP_TRANSPORT_SEALED)
                        continue;
                if (*ret && strcmp(*ret, v->key_file) != 0)
                        return error_set(e, EXIT_INPUT,
                                         "the groups have several key files (%s, %s); change these by hand",
                                         *ret, v->key_file);
                *ret = v->key_file;
        }
        return *ret ? 0
                    : error_set(e, EXIT_INPUT,
                                "no group has a key: only the sealed transport does (vip.transport, "
                                "vip.keyFile)");
}

static int step_of(const struct vip_rotate_options *o, enum vip_rotate_step *ret, struct error *e) {
        *ret = o->new_key    ? VIP_ROTATE_NEW
               : o->send     ? VIP_ROTATE_SEND
               : o->drop_old ? VIP_ROTATE_DROP
                             : VIP_ROTATE_NONE;
        if (o->new_key + o->send + o->drop_old > 1)
                return error_set(e, EXIT_INPUT,
                                 "vip rotate-key: one step at a time: --new, --send or --drop-old");
        return 0;
}

int vip_rotate_command(const struct vip_rotate_options *o, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        enum vip_rotate_step step;
        const char *path;
        int r;

        if ((r = step_of(o, &step, e)) < 0 || (r = config_load(o->config_file, NULL, &c, e)) < 0)
                return r;
        if (c->cluster && step != VIP_ROTATE_NONE)
                return error_set(e, EXIT_INPUT,
                                 "vip rotate-key: in a cluster it takes all steps on all masters itself");
        if (c->cluster)
                return in_cluster(o->root, c, e);
        if (step == VIP_ROTATE_NONE)
                return error_set(
                        e, EXIT_INPUT,
                        "vip rotate-key: which step? --new, then --send on each member, then --drop-old on "
                        "each");
        if ((r = key_file(c, &path, e)) < 0)
                return r;
        return vip_rotate(step, path, o->socket_path ? o->socket_path : c->socket_path, e);
}
