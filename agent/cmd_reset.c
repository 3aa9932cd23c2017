#include "agent/command.h"
#include "agent/host.h"
#include "agent/join_journal.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/phase.h"
#include "agent/reset.h"
#include "agent/rootpath.h"
#include "agent/unit.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>

#define USAGE                                                                                                \
        "Usage: triarch reset [--force] [OPTIONS]\n\n"                                                       \
        "Takes this machine back to before init or join: its etcd member and a master's Node are removed\n"  \
        "from the cluster, its services are stopped, and everything that triarch made here, keys and data "  \
        "included, is deleted."

void reset_warn(struct reset *r, const char *fmt, ...) {
        va_list ap;

        fflush(stdout);
        fputs("triarch: warning: ", stderr);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
        r->warnings++;
}

void reset_done(struct reset *r) {
        config_free(r->config);
}

/* A worker has no agent, and so no config.yaml: the journal of its join tells what it was made from. */
static void load_worker(struct reset *r) {
        const struct config_flags none = { 0 };
        CLEANUP(freep) char *text = NULL;
        struct join_state s;
        struct error why;
        size_t size;

        if (join_state_load(r->root, &s, &why) < 0)
                return;
        OPENSSL_cleanse(s.key, sizeof s.key);
        r->worker = s.role == ENROLL_WORKER;
        snprintf(r->node_name, sizeof r->node_name, "%s", s.node_name);
        if (!r->worker || r->config || join_file_get(r->root, JOIN_CONFIG, &text, &size, &why) < 0)
                return;
        if (config_parse(text, size, JOIN_CONFIG, &none, &r->config, &why) < 0)
                reset_warn(r,
                           "the configuration in the join journal cannot be read (%s); the usual places "
                           "are reset",
                           why.message);
}

/* A configuration that cannot be read must not keep anybody from resetting: then defaults serve. */
int reset_load(const char *root, const char *cert_dir, struct reset *ret, struct error *e) {
        const struct config_flags none = { 0 };
        char path[PATH_MAX];
        struct error why;

        *ret = (struct reset){ .root = root };
        if (root_path(path, root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root is too long");
        if (access(path, F_OK) == 0 && config_load(path, &none, &ret->config, &why) < 0)
                reset_warn(ret, "%s cannot be read (%s); the usual places are reset", TRIARCH_CONFIG_FILE,
                           why.message);
        load_worker(ret);
        snprintf(ret->cert_dir, sizeof ret->cert_dir, "%s",
                 cert_dir                               ? cert_dir
                 : ret->config && ret->config->cert_dir ? ret->config->cert_dir
                                                        : "/etc/kubernetes/pki");
        snprintf(ret->etcd_dir, sizeof ret->etcd_dir, "%s",
                 ret->config && ret->config->etcd_data_dir ? ret->config->etcd_data_dir : "/var/lib/etcd");
        return 0;
}

/* 0 go on; else the exit status. Who cannot be asked must say --force. */
static int confirm(const struct reset *r, struct error *e) {
        char answer[16] = "";

        if (!isatty(STDIN_FILENO))
                return error_set(e, EXIT_INPUT,
                                 "reset deletes keys and data: without a terminal to ask on, give --force");
        if (r->worker)
                printf("This takes this worker%s%s out of service: its kubelet, and its key.\n",
                       *r->root ? " under " : "", r->root);
        else
                printf("This deletes the control plane on this machine%s%s: its keys, etcd data in %s, and "
                       "its membership.\n",
                       *r->root ? " under " : "", r->root, r->etcd_dir);
        fputs("Go on? [y/N] ", stdout);
        fflush(stdout);
        if (!fgets(answer, sizeof answer, stdin) || (*answer != 'y' && *answer != 'Y'))
                return error_set(e, EXIT_FAILED, "nothing was changed");
        return 0;
}

/* The address moves to another master first, while this one still serves; the API server ends before its
 * etcd, without which it takes half a minute for it; the manifests go while the kubelet still runs, for it
 * ends their pods; the data goes when etcd has ended. */
static int reset_live(struct reset *r, struct error *e) {
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        int k;

        reset_vip_member(r);
        if ((k = unit_bus_open(&b, e)) < 0 || (k = reset_agent_off(r, b, e)) < 0 ||
            (k = reset_manifests(r, false, e)) < 0)
                return k;
        reset_wait_for_pods(r, b, false);
        reset_etcd_member(r);
        reset_node(r);
        if ((k = reset_manifests(r, true, e)) < 0)
                return k;
        reset_wait_for_pods(r, b, true);
        if ((k = reset_kubelet_off(b, e)) < 0)
                return k;
        reset_node_not_ready(r);
        reset_tell_adopted(r);
        if ((k = host_undo(r, b, e)) < 0 || (k = reset_files(r, e)) < 0)
                return k;
        return unit_daemon_reload(b, e);
}

static int reset_tree(struct reset *r, struct error *e) {
        int k = reset_manifests(r, true, e);

        if (k < 0 || (k = host_undo(r, NULL, e)) < 0)
                return k;
        return reset_files(r, e);
}

static int reset_run(const struct common *common, const char *cert_dir, bool force, struct error *e) {
        CLEANUP(reset_done) struct reset r;
        CLEANUP(closep) int lock = -1;
        int k = reset_load(common->root, cert_dir, &r, e);

        if (k < 0 || (!force && (k = confirm(&r, e)) < 0))
                return k;
        if ((k = phase_lock(common->root, &lock, e)) < 0)
                return k;
        phase_sweep(common->root, r.cert_dir);
        if ((k = *common->root ? reset_tree(&r, e) : reset_live(&r, e)) < 0)
                return k;
        if (!r.removed)
                puts("There was nothing of triarch's here.");
        else
                printf("%u files were deleted: this machine is as it was before%s. Not touched: container "
                       "images, CNI, the kubelet's own state in /var/lib/kubelet, your own "
                       "kubeconfig.\n",
                       r.removed, r.warnings ? ", apart from the warnings above" : "");
        if (r.removed && *r.node_name && !*common->root)
                printf("The cluster still lists the node; on a master: kubectl delete node %s\n",
                       r.node_name);
        return 0;
}

int cmd_reset(int argc, char **argv) {
        const char *cert_dir = NULL;
        struct common common;
        bool force = false;
        const struct opt table[] = {
                { "force", 'f', OPT_FLAG, &force, NULL, "do not ask" },
                { "cert-dir", 0, OPT_STRING, &cert_dir, "DIR",
                  "where the certificates are, if nothing else tells" },
                { 0 },
        };
        struct error e = { .status = EXIT_FAILED };
        int r = opt_parse_only(argc, argv, USAGE, table, OPT_NO_JSON, &common, &e);

        if (r > 0)
                return EXIT_DONE;
        if (r == 0 && cert_dir && *cert_dir != '/')
                r = error_at(&e, "--cert-dir", 0, 0, "\"%s\" is not an absolute path", cert_dir);
        if (r == 0)
                r = reset_run(&common, cert_dir, force, &e);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
