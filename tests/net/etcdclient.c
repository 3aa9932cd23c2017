/* agent/etcd.h from the command line, and the certificates that an etcd needs, for test_etcd_client.sh.
 *
 * etcdclient certs DIR NODE ADDRESS
 * etcdclient reconcile ROOT once | fetch | enter | leave | rotate     with ROOT/etc/triarch/config.yaml
 * etcdclient reset ROOT                          this machine's membership, as reset takes it back
 * etcdclient ENDPOINT CA CERT KEY list | add-learner URL | promote ID | remove ID | get KEY | delete KEY
 *                                 | put KEY REVISION VALUE | watch PREFIX AFTER MS
 * Members come one a line: ID NAME PEER-URL voter|learner. A failure comes as its errno and message. */
#include "agent/etcd_kv.h"
#include "agent/reconcile.h"
#include "agent/reset.h"
#include <errno.h>
#include <inttypes.h>
#include <time.h>

enum { TIMEOUT_MS = 9000 };

static int make_certs(const char *dir, const char *node, const char *address) {
        static const char *const names[] = { "etcd-ca",        "etcd-server",
                                             "etcd-peer",      "etcd-healthcheck-client",
                                             "front-proxy-ca", "front-proxy-client" };
        const struct pki_params p = {
                .root = dir,
                .cert_dir = "/pki",
                .kube_dir = "/kube",
                .node_name = node,
                .cluster_name = "kubernetes",
                .advertise_address = address,
                .bind_port = 6443,
                .endpoint_host = address,
                .endpoint_port = 6443,
                .service_ip = "10.96.0.1",
                .dns_domain = "cluster.local",
                .alg = PKI_ECDSA_P256,
                .now = time(NULL),
        };
        struct pki_error e;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (pki_certs_ensure(&p, names[i], NULL, NULL, &e) < 0) {
                        fprintf(stderr, "%s: %s %s\n", names[i], e.file, e.reason);
                        return 1;
                }
        return 0;
}

static void print_members(const struct etcd_members *m) {
        for (size_t i = 0; i < m->n; i++)
                printf("%" PRIu64 " %s %s %s\n", m->v[i].id, *m->v[i].name ? m->v[i].name : "-",
                       m->v[i].peer_url, m->v[i].learner ? "learner" : "voter");
}

static int run_kv(const struct etcd_client *c, char **args, int n, struct error *e) {
        CLEANUP(etcd_value_done) struct etcd_value v = { 0 };
        int r = -EINVAL;

        if (!strcmp(args[0], "get") && n == 2 && (r = etcd_get(c, args[1], &v, e)) == 0)
                printf("%" PRIu64 " %zu %s\n", v.revision, v.size, v.data ? v.data : "none");
        else if (!strcmp(args[0], "put") && n == 4 &&
                 (r = etcd_put_if(c, args[1], strtoull(args[2], NULL, 10), args[3], strlen(args[3]), e)) >= 0)
                puts(r ? "written" : "somebody was faster");
        else if (!strcmp(args[0], "watch") && n == 4 &&
                 (r = etcd_watch(c, args[1], strtoull(args[2], NULL, 10), (unsigned)atoi(args[3]), e)) >= 0)
                puts(r ? "changed" : "not changed");
        else if (!strcmp(args[0], "delete") && n == 2)
                r = etcd_delete(c, args[1], e);
        return r;
}

static int run(const struct etcd_client *c, const char *verb, const char *arg, struct error *e) {
        struct etcd_members members = { 0 };
        uint64_t id = 0;
        int r = -EINVAL;

        if (!strcmp(verb, "list"))
                r = etcd_member_list(c, &members, e);
        else if (!strcmp(verb, "add-learner"))
                r = etcd_member_add_learner(c, arg, &id, &members, e);
        else if (!strcmp(verb, "promote"))
                r = etcd_member_promote(c, strtoull(arg, NULL, 10), e);
        else if (!strcmp(verb, "remove"))
                r = etcd_member_remove(c, strtoull(arg, NULL, 10), e);
        if (r == 0 && id)
                printf("added %" PRIu64 "\n", id);
        print_members(&members);
        return r;
}

static void say(void *userdata, const char *text) {
        (void)userdata;
        puts(text);
}

/* One call of agent/reconcile.h: what it changed, then its answer. */
static int run_reconcile(const char *root, const char *verb, struct error *e) {
        static const struct {
                const char *verb;
                int (*run)(struct reconcile *x, struct error *e);
        } verbs[] = {
                { "once", reconcile_once },          { "fetch", reconcile_fetch },
                { "enter", reconcile_enter },        { "leave", reconcile_leave },
                { "rotate", reconcile_rotate_keys },
        };
        CLEANUP(config_freep) struct config *c = NULL;
        char file[PATH_MAX];
        struct reconcile x;
        int r;

        snprintf(file, sizeof file, "%s/etc/triarch/config.yaml", root);
        if ((r = config_load(file, NULL, &c, e)) < 0 || (r = reconcile_init(&x, root, c, NULL, e)) < 0)
                return r;
        x.say = say;
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (!strcmp(verbs[i].verb, verb)) {
                        *e = (struct error){ 0 };
                        r = verbs[i].run(&x, e);
                        printf("%d%s%s\n", r, r == 0 && *e->message ? " " : "", r == 0 ? e->message : "");
                        return r;
                }
        return -EINVAL;
}

static int run_reset(const char *root, struct error *e) {
        CLEANUP(reset_done) struct reset r;
        int k = reset_load(root, NULL, &r, e);

        if (k < 0)
                return k;
        reset_vip_member(&r);
        reset_etcd_member(&r);
        printf("%s\n", r.left ? "others are left" : "nobody is left");
        return 0;
}

int main(int argc, char **argv) {
        struct etcd_client c;
        struct error e = { 0 };
        int r;

        if (argc == 5 && !strcmp(argv[1], "certs"))
                return make_certs(argv[2], argv[3], argv[4]);
        if ((argc == 4 && !strcmp(argv[1], "reconcile")) || (argc == 3 && !strcmp(argv[1], "reset"))) {
                r = argc == 3 ? run_reset(argv[2], &e) : run_reconcile(argv[2], argv[3], &e);
                if (r < 0)
                        printf("%s: %s\n", strerrorname_np(-r), e.message);
                return r < 0;
        }
        if (argc < 6)
                return EXIT_INPUT;
        c = (struct etcd_client){ argv[1], argv[2], argv[3], argv[4], TIMEOUT_MS };
        if (!strcmp(argv[5], "get") || !strcmp(argv[5], "put") || !strcmp(argv[5], "watch") ||
            !strcmp(argv[5], "delete"))
                r = run_kv(&c, argv + 5, argc - 5, &e);
        else
                r = run(&c, argv[5], argc > 6 ? argv[6] : "0", &e);
        if (r < 0)
                printf("%s: %s\n", strerrorname_np(-r), e.message);
        return r < 0;
}
