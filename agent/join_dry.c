/* `triarch join --dry-run`: what can be known before enrolment without using up a token is checked and
 * printed. Nothing is written, not even the journal. */
#include "agent/join.h"
#include "agent/paths.h"
#include "agent/phase_dry.h"
#include "agent/preflight.h"
#include <errno.h>

enum { CONNECT_TIMEOUT_MS = 10000 };

static const char *const kubelet_files[] = { "kubelet-config", "kubelet-instance-config", "kubelet-flags",
                                             "kubelet-dropin" };
static const char *const pods[] = { "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler" };

static void would_make(struct join *j, const char *const *files, size_t n) {
        for (size_t i = 0; i < n; i++)
                phase_report(&j->ctx, "join", true, files[i]);
}

static void would_make_templates(struct join *j, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                phase_report(&j->ctx, "join", true, tmpl_path(names[i], NULL));
}

/* The cluster may keep its certificates elsewhere; which files there are does not depend on that. */
static void name_files(struct join *j) {
        static const char *const worker[] = { "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/kubelet.conf",
                                              "/var/lib/kubelet/pki/kubelet-client-current.pem" };
        static const char *const agent[] = { TRIARCH_PKI_DIR "/enroll.key",
                                             TRIARCH_PKI_DIR "/enroll.crt",
                                             TRIARCH_HEALTH_KEY,
                                             TRIARCH_HEALTH_CRT,
                                             TRIARCH_VIP_KEY,
                                             TRIARCH_MEMBERS_FILE,
                                             TRIARCH_CONFIG_FILE };
        char path[PATH_MAX];

        for (size_t i = 0; !j->worker && pki_path(j->ctx.config->cert_dir, "/etc/kubernetes", i, path); i++)
                if (!strstr(path, "super-admin")) /* that one is the first master's */
                        phase_report(&j->ctx, "join", true, path);
        if (j->worker)
                would_make(j, worker, ARRAY_SIZE(worker));
        else {
                would_make(j, agent, ARRAY_SIZE(agent));
                would_make_templates(j, pods, ARRAY_SIZE(pods));
        }
        would_make_templates(j, kubelet_files, ARRAY_SIZE(kubelet_files));
}

/* Is this the master of the pinned cluster? Asked without the token. */
static int check_master(struct join *j, struct error *e) {
        struct enroll_trust trust = { .pins = j->pins };
        CLEANUP(SSL_CTX_freep) SSL_CTX *tls = NULL;
        struct enroll_conn conn = { 0 };
        char local[ENROLL_ADDRESS_SIZE], server[CONFIG_HOST_PORT_SIZE];
        CLEANUP(closep) int fd = -1;
        int r = enroll_connect(j->host, j->port, j->flags.advertise_address, CONNECT_TIMEOUT_MS, &fd, local,
                               e);

        if (r < 0 || (r = enroll_tls_client(&trust, &tls, e)) < 0)
                return r;
        if ((r = enroll_conn_open(&conn, tls, fd, false, CONNECT_TIMEOUT_MS, e)) == 0)
                printf("[join] %s is a master of the cluster with the CA hash sha256:%.16s...; this "
                       "machine would "
                       "join it as %s at %s\n",
                       config_host_port(j->host, j->port, server), trust.cluster_id, j->state.node_name,
                       local);
        else if (*trust.refusal.message && e)
                *e = trust.refusal;
        enroll_conn_close(&conn);
        return r;
}

static int dry_new(struct join *j, struct error *e) {
        CLEANUP(config_freep) struct config *early = NULL;
        int r = join_prepare(j, &early, e);

        if (r == 0 && (r = check_master(j, e)) == 0) {
                name_files(j);
                printf("Dry run: nothing was changed, and the token was not used. What the files hold comes "
                       "with the "
                       "cluster's configuration, at enrolment.\n");
        }
        j->ctx.config = NULL;
        return r;
}

/* Enrolled before: the cluster's configuration is here, and every file can be shown. */
static int dry_known(struct join *j, struct error *e) {
        struct phase_ctx *ctx = &j->ctx;
        int r = join_load_config(j, e);

        if (r < 0)
                return r;
        j->config->dry_run = true;
        ctx->initial_cluster = *j->state.initial_cluster ? j->state.initial_cluster : NULL;
        if (!j->worker &&
            ((r = phase_certs(ctx, "all", e)) < 0 || (r = phase_kubeconfig(ctx, "all", e)) < 0 ||
             (r = phase_etcd(ctx, "local", e)) < 0 || (r = phase_control_plane(ctx, "all", e)) < 0))
                return r;
        if ((r = phase_kubelet_start(ctx, NULL, e)) < 0 ||
            (!j->worker && (r = phase_agent(ctx, NULL, e)) < 0))
                return r;
        return phase_finish_dry(ctx, "join", e);
}

int join_dry_run(struct join *j, struct error *e) {
        return *j->state.cluster_id ? dry_known(j, e) : dry_new(j, e);
}
