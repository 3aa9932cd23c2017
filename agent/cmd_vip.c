#include "agent/agent_client.h"
#include "agent/command.h"
#include "agent/config.h"
#include "agent/decimal.h"
#include "agent/monotonic.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/print_json.h"
#include "agent/rootpath.h"
#include "agent/status_text.h"
#include "agent/vip_rotate.h"
#include "vrrp/address.h"
#include "vrrp/vmac.h"
#include <errno.h>

static const char usage[] =
        "Usage: triarch vip status [-o text|json] [--socket PATH]\n"
        "       triarch vip move [NODE] [--group N] [--force] [--socket PATH]\n"
        "       triarch vip standby on|off [--group N] [--force] [--socket PATH]\n"
        "       triarch vip flush [--config FILE]\n"
        "       triarch vip rotate-key [--new|--send|--drop-old] [--config FILE] [--socket PATH]\n\n"
        "status: who has the virtual addresses, and every member. move: the owner hands the address to\n"
        "NODE, or to the best other; on another node the agent asks the owner for it. standby on: this\n"
        "node gives up what it has and takes nothing until standby off. Both refuse to leave an address to\n"
        "nobody unless forced, and mean all groups or the one whose virtualRouterID is N. flush: remove\n"
        "the addresses from this machine's interfaces, with or without a running agent (which would put\n"
        "them back); nothing to remove is no error. rotate-key: another key for the sealed transport. In a\n"
        "cluster one call on any master does it for all. Elsewhere, step by step: --new on one member\n"
        "(also for the first key) and its file to all, --send on each, --drop-old on each; a step that\n"
        "would leave a member unheard is refused.";

enum { FOLLOW_MS = 3000, PAUSE_MS = 20 };

struct vip {
        struct common common;
        const char *socket_path, *config_file, *group;
        bool new_key, send, drop_old, force;
        uint64_t vrid; /* of --group, 0: none */
};

static const char *socket_of(const struct vip *v) {
        return v->socket_path ? v->socket_path : TRIARCH_SOCKET;
}

static int print_report(const struct vip *v, const json_t *report, struct error *e) {
        json_t *o = json_pack("{s:O, s:O, s:O?, s:O?}", "vip", json_object_get(report, "vip"), "peers",
                              json_object_get(report, "peers"), "vips", json_object_get(report, "vips"),
                              "members", json_object_get(report, "members"));

        if (!o)
                return error_set(e, EXIT_FAILED, "%s does not answer with a report", socket_of(v));
        return print_json(o, e);
}

static int status(const struct vip *v, const char *arg, struct error *e) {
        json_t *report = NULL;
        int r = agent_status(socket_of(v), &report, e);

        (void)arg;
        if (r < 0)
                return r;
        if (v->common.json)
                r = print_report(v, report, e);
        else
                status_text_vip(stdout, report);
        json_decref(report);
        return r;
}

/* ---- move ---- */

/* The name of who has the group's address, as the agent's report has it; "" when nobody is known. */
static void owner_of(const json_t *report, const char *address, char out[256]) {
        const json_t *vip;
        size_t i;

        out[0] = '\0';
        json_array_foreach(json_object_get(report, "vips"), i, vip) {
                const char *a = json_string_value(json_object_get(vip, "address"));
                const char *name = json_string_value(json_object_get(vip, "ownerName"));
                const char *owner = json_string_value(json_object_get(vip, "owner"));

                if (a && !strcmp(a, address))
                        snprintf(out, 256, "%s", name && *name ? name : owner ? owner : "");
        }
}

/* Until another node than `from` has it. */
static int wait_for_owner(const struct vip *v, const char *address, const char *from, struct error *e) {
        int64_t end_us = monotonic_us() + FOLLOW_MS * INT64_C(1000);
        char owner[256] = "";

        do {
                json_t *report = NULL;
                int r = agent_status(socket_of(v), &report, e);

                if (r < 0)
                        return r;
                owner_of(report, address, owner);
                json_decref(report);
                if (*owner && strcmp(owner, from) != 0) {
                        printf("%s: %s -> %s\n", address, from, owner);
                        return 0;
                }
                nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
        } while (monotonic_us() < end_us);
        return error_set(e, EXIT_FAILED, "%s was given up, but %s", address,
                         *owner ? "the same node has it again" : "no other node has it yet");
}

static json_t *wish(const struct vip *v) {
        json_t *o = json_object();

        if (v->vrid)
                json_object_set_new(o, "group", json_integer((json_int_t)v->vrid));
        if (v->force)
                json_object_set_new(o, "force", json_true());
        return o;
}

static int post(const struct vip *v, const char *path, json_t *body, json_t **ret, struct error *e) {
        CLEANUP(freep) char *text = body ? json_dumps(body, 0) : NULL;

        json_decref(body);
        if (!text)
                return error_set(e, EXIT_FAILED, "out of memory");
        return agent_post(socket_of(v), path, text, ret, e);
}

static int move(const struct vip *v, const char *node, struct error *e) {
        CLEANUP(json_decrefp) json_t *answer = NULL;
        json_t *body = wish(v);
        const char *address, *from;
        int r;

        if (node)
                json_object_set_new(body, "to", json_string(node));
        if ((r = post(v, "/v1/vip/move", body, &answer, e)) < 0)
                return r;
        address = json_string_value(json_object_get(answer, "address"));
        from = json_string_value(json_object_get(answer, "from"));
        return wait_for_owner(v, address ? address : "", from ? from : "", e);
}

static int standby(const struct vip *v, const char *word, struct error *e) {
        json_t *body = wish(v);
        bool on = !strcmp(word, "on");
        int r;

        if (!on && strcmp(word, "off") != 0) {
                json_decref(body);
                return error_set(e, EXIT_INPUT, "vip standby: want on or off, not \"%s\"", word);
        }
        json_object_set_new(body, "on", json_boolean(on));
        if ((r = post(v, "/v1/vip/standby", body, NULL, e)) == 0)
                puts(on ? "standing by" : "no longer standing by");
        return r;
}

/* ---- flush ---- */

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

static int flush_vmacs(struct error *e) {
        unsigned removed = 0;
        int r = vrrp_vmac_flush(0, &removed);

        if (r < 0)
                return error_set(e, EXIT_FAILED, "virtual MAC interfaces cannot be removed: %s",
                                 strerror(-r));
        if (removed > 0)
                printf("removed %u virtual MAC interface%s\n", removed, removed == 1 ? "" : "s");
        return 0;
}

/* On every interface: the configuration may have changed since the addresses were put there. What can be
 * removed is, whatever cannot. */
static int flush(const struct vip *v, const char *arg, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        char standard[PATH_MAX];
        int r, worst = 0;

        (void)arg;
        if (root_path(standard, v->common.root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long");
        if ((r = config_load(v->config_file ? v->config_file : standard, NULL, &c, e)) < 0)
                return r;
        for (size_t i = 0; i < c->vips.n && !*v->common.root; i++) /* a tree has no interfaces */
                for (size_t j = 0; j < c->vips.items[i].n_addresses; j++)
                        if ((r = flush_one(&c->vips.items[i].addresses[j].ip, e)) < 0)
                                worst = r;
        if (!*v->common.root && (r = flush_vmacs(e)) < 0)
                worst = r;
        return worst;
}

static int rotate_key(const struct vip *v, const char *arg, struct error *e) {
        struct vip_rotate_options o = { .root = v->common.root,
                                        .config_file = v->config_file,
                                        .socket_path = v->socket_path,
                                        .new_key = v->new_key,
                                        .send = v->send,
                                        .drop_old = v->drop_old };
        char standard[PATH_MAX];

        (void)arg;
        if (root_path(standard, v->common.root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long");
        if (!o.config_file)
                o.config_file = standard;
        return vip_rotate_command(&o, e);
}

/* ---- verbs ---- */

enum takes { SOCKET = 1, CONFIG = 2, JSON = 4, ROOT = 8, GROUP = 16, FORCE = 32, STEP = 64 };

static const struct verb {
        const char *name;
        int (*fn)(const struct vip *v, const char *arg, struct error *e);
        int min_args, max_args;
        unsigned takes;
} verbs[] = {
        { "status", status, 0, 0, SOCKET | JSON },
        { "move", move, 0, 1, SOCKET | GROUP | FORCE },
        { "standby", standby, 1, 1, SOCKET | GROUP | FORCE },
        { "flush", flush, 0, 0, CONFIG | ROOT },
        { "rotate-key", rotate_key, 0, 0, SOCKET | CONFIG | ROOT | STEP },
};

static unsigned given(const struct vip *v) {
        return (v->socket_path ? SOCKET : 0U) | (v->config_file ? CONFIG : 0U) |
               (v->common.json ? JSON : 0U) | (*v->common.root ? ROOT : 0U) | (v->group ? GROUP : 0U) |
               (v->force ? FORCE : 0U) | (v->new_key || v->send || v->drop_old ? STEP : 0U);
}

static int run(struct vip *v, char **args, int n, struct error *e) {
        if (v->group && !decimal_parse(v->group, 1, 255, &v->vrid))
                return error_set(e, EXIT_INPUT, "--group: \"%s\" must be a virtualRouterID, 1 to 255",
                                 v->group);
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (n > 0 && !strcmp(args[0], verbs[i].name) && n - 1 >= verbs[i].min_args &&
                    n - 1 <= verbs[i].max_args && !(given(v) & ~verbs[i].takes))
                        return verbs[i].fn(v, n > 1 ? args[1] : NULL, e);
        return error_set(e, EXIT_INPUT,
                         "vip: want status, move, standby, flush or rotate-key, each with its own options; "
                         "`triarch vip --help` tells them");
}

int cmd_vip(int argc, char **argv) {
        struct vip v = { 0 };
        struct error e;
        char **args;
        int n, r;
        const struct opt table[] = {
                { "socket", 0, OPT_STRING, &v.socket_path, "PATH", "the agent's; default " TRIARCH_SOCKET },
                { "config", 0, OPT_STRING, &v.config_file, "FILE", "default " TRIARCH_CONFIG_FILE },
                { "group", 0, OPT_STRING, &v.group, "N", "move, standby: the group of this virtualRouterID" },
                { "force", 0, OPT_FLAG, &v.force, NULL, "move, standby: also where nobody fit would follow" },
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
