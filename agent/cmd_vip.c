#include "agent/agent_client.h"
#include "agent/command.h"
#include "agent/config.h"
#include "agent/daemon.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "agent/status_text.h"
#include "agent/vip_rotate.h"
#include "vrrp/address.h"
#include <errno.h>

static const char usage[] =
        "Usage: triarch vip status [-o text|json] [--socket PATH]\n"
        "       triarch vip flush [--config FILE]\n"
        "       triarch vip rotate-key [--new|--send|--drop-old] [--config FILE] [--socket PATH]\n\n"
        "status: who has the virtual address. flush: remove it from this machine's interfaces, with or\n"
        "without a running agent (which would put it back); nothing to remove is no error. rotate-key: "
        "another\n"
        "key for the sealed transport. In a cluster one call on any master does it for all. Elsewhere, step\n"
        "by step: --new on one member and its file to all, --send on each, --drop-old on each; a step that\n"
        "would leave a member unheard is refused.";

struct vip {
        struct common common;
        const char *socket_path, *config_file;
        bool new_key, send, drop_old;
};

static int status(const struct vip *v, struct error *e) {
        const char *socket_path = v->socket_path ? v->socket_path : TRIARCH_SOCKET;
        json_t *report = NULL, *part;
        int r = agent_status(socket_path, &report, e);

        if (r < 0)
                return r;
        if (!v->common.json) {
                status_text_vip(stdout, report);
        } else if ((part = json_pack("{s:O, s:O}", "vip", json_object_get(report, "vip"), "peers",
                                     json_object_get(report, "peers")))) {
                json_dumpf(part, stdout, JSON_INDENT(2));
                putchar('\n');
                json_decref(part);
        } else {
                r = error_set(e, EXIT_FAILED, "%s does not answer with a report", socket_path);
        }
        json_decref(report);
        return r;
}

static int flush_one(const struct vrrp_ip *ip, struct error *e) {
        unsigned removed = 0;
        int r = vrrp_address_flush(ip, NULL, &removed);

        if (r < 0)
                return error_set(e, EXIT_FAILED, "%s cannot be removed: %s%s", vrrp_ip_text(ip).v,
                                 strerror(-r), r == -EPERM ? "; it needs root or CAP_NET_ADMIN" : "");
        if (removed > 0)
                printf("removed the virtual address %s from %u interface%s\n", vrrp_ip_text(ip).v, removed,
                       removed == 1 ? "" : "s");
        return 0;
}

/* On every interface: the configuration may have changed since the addresses were put there. What can be
 * removed is, whatever cannot. */
static int flush(const struct vip *v, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        char standard[PATH_MAX];
        int r, worst = 0;

        if (root_path(standard, v->common.root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long");
        if ((r = config_load(v->config_file ? v->config_file : standard, NULL, &c, e)) < 0)
                return r;
        for (size_t i = 0; i < c->vips.n && !*v->common.root; i++) /* a tree has no interfaces */
                for (size_t j = 0; j < c->vips.items[i].n_addresses; j++)
                        if ((r = flush_one(&c->vips.items[i].addresses[j].ip, e)) < 0)
                                worst = r;
        return worst;
}

static int rotate_key(const struct vip *v, struct error *e) {
        struct vip_rotate_options o = { .root = v->common.root,
                                        .config_file = v->config_file,
                                        .socket_path = v->socket_path,
                                        .new_key = v->new_key,
                                        .send = v->send,
                                        .drop_old = v->drop_old };
        char standard[PATH_MAX];

        if (root_path(standard, v->common.root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long");
        if (!o.config_file)
                o.config_file = standard;
        return vip_rotate_command(&o, e);
}

static int run(const struct vip *v, char **args, int n, struct error *e) {
        const char *verb = n > 0 ? args[0] : "";
        bool step = v->new_key || v->send || v->drop_old;

        if (!strcmp(verb, "rotate-key") && n == 1 && !v->common.json)
                return rotate_key(v, e);
        if (step)
                return error_set(e, EXIT_INPUT, "vip: --new, --send and --drop-old belong to rotate-key");
        if (!strcmp(verb, "status") && n == 1 && !v->config_file && !*v->common.root)
                return status(v, e);
        if (!strcmp(verb, "flush") && n == 1 && !v->socket_path && !v->common.json)
                return flush(v, e);
        return error_set(e, EXIT_INPUT,
                         "vip: want status, flush or rotate-key, each with its own options; `triarch vip "
                         "--help` tells "
                         "them");
}

int cmd_vip(int argc, char **argv) {
        struct vip v = { 0 };
        struct error e;
        char **args;
        int n, r;
        const struct opt table[] = {
                { "socket", 0, OPT_STRING, &v.socket_path, "PATH", "the agent's; default " TRIARCH_SOCKET },
                { "config", 0, OPT_STRING, &v.config_file, "FILE", "default " TRIARCH_CONFIG_FILE },
                { "new", 0, OPT_FLAG, &v.new_key, NULL, "rotate-key: make a key, accept it" },
                { "send", 0, OPT_FLAG, &v.send, NULL, "rotate-key: send with the newest key" },
                { "drop-old", 0, OPT_FLAG, &v.drop_old, NULL, "rotate-key: keep the newest key only" },
                { 0 },
        };

        r = opt_parse(argc, argv, usage, table, &v.common, &args, &n, &e);
        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        return run(&v, args, n, &e) < 0 ? error_print(&e) : EXIT_DONE;
}
