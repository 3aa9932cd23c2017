#include "agent/phase.h"
#include "pki/file.h"
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/file.h>

/* The order is a contract with itself: whatever a phase needs was made by those before it, so a run
 * that was killed anywhere is completed by running all of them again. The agent comes before
 * wait-control-plane: the address must be there for whoever waits for it. */
static const struct phase phases[] = {
        { "preflight", NULL, NULL, "check this machine", phase_preflight },
        { "host", NULL, "all modules sysctls swap names firewall selinux time",
          "make this machine fit: modules, sysctls, swap, names, firewall, time", phase_host },
        { "runtime", NULL, NULL, "make containerd fit: sandbox image, cgroups, registries", phase_runtime },
        { "images", NULL, NULL, "have the images of the control plane pulled, where they are not there",
          phase_images }, /* after what configures the runtime */
        { "certs", NULL,
          "all ca apiserver apiserver-kubelet-client front-proxy-ca front-proxy-client etcd-ca etcd-server "
          "etcd-peer etcd-healthcheck-client apiserver-etcd-client sa triarch vip-key",
          "make certificates and keys", phase_certs },
        { "kubeconfig", NULL, "all admin super-admin kubelet controller-manager scheduler",
          "make the kubeconfig files", phase_kubeconfig },
        { "etcd", NULL, "local", "make the static pod of etcd", phase_etcd },
        { "control-plane", NULL, "all apiserver controller-manager scheduler",
          "make the static pods of the control plane", phase_control_plane },
        { "kubelet-start", "kubelet", NULL, "make the kubelet's files and start it", phase_kubelet_start },
        { "agent", NULL, NULL, "make the agent's configuration, start the agent and enrolment", phase_agent },
        { "wait-control-plane", NULL, NULL, "wait until this machine's API server answers", phase_wait },
        { "upload-config", NULL, "all kubeadm kubelet",
          "put the configurations of the cluster and of its kubelets into ConfigMaps", phase_upload_config },
        { "mark-control-plane", NULL, NULL, "label and taint this machine's node", phase_mark_control_plane },
        { "bootstrap-token", NULL, NULL, "make cluster-info, and what nodes may do with a bootstrap token",
          phase_bootstrap_token },
        { "kubelet-finalize", NULL, "all enable-client-cert-rotation",
          "let the kubelet renew its own certificate", phase_kubelet_finalize },
        { "addon", NULL, "all coredns kube-proxy flannel",
          "put CoreDNS, kube-proxy and flannel into the cluster", phase_addon },
        { "show-join-command", "token", NULL, "make a token and print the join command", phase_show_join },
};

const struct phase *phase_at(size_t i) {
        return i < ARRAY_SIZE(phases) ? &phases[i] : NULL;
}

const struct phase *phase_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
                if (!strcmp(phases[i].name, name) || (phases[i].alias && !strcmp(phases[i].alias, name)))
                        return &phases[i];
        return NULL;
}

bool phase_sub(const struct phase *p, size_t i, char out[64]) {
        const char *s = p->sub ? p->sub : "";

        for (; *s; s += strspn(s, " ")) {
                size_t n = strcspn(s, " ");

                if (i-- == 0) {
                        snprintf(out, 64, "%.*s", (int)n, s);
                        return true;
                }
                s += n;
        }
        return false;
}

bool phase_has_sub(const struct phase *p, const char *sub) {
        char word[64];

        for (size_t i = 0; phase_sub(p, i, word); i++)
                if (!strcmp(word, sub))
                        return true;
        return false;
}

/* "certs" or "certs/apiserver" into its parts; the sub-phase is "" when there is none. */
static const struct phase *parse_skip(const char *entry, const char **ret_sub) {
        const char *slash = strchr(entry, '/');
        char name[64];

        if (snprintf(name, sizeof name, "%.*s", slash ? (int)(slash - entry) : (int)strlen(entry), entry) >=
            (int)sizeof name)
                return NULL;
        *ret_sub = slash ? slash + 1 : "";
        return phase_find(name);
}

int phase_check_skips(const struct config *c, struct error *e) {
        for (size_t i = 0; i < c->skip_phases.n; i++) {
                const char *sub, *entry = c->skip_phases.items[i];
                const struct phase *p = parse_skip(entry, &sub);

                if (!p || (*sub && !phase_has_sub(p, sub)))
                        return error_set(e, EXIT_INPUT,
                                         "skipPhases (--skip-phases): there is no phase \"%s\"; `triarch "
                                         "init phase` lists them",
                                         entry);
        }
        return 0;
}

static bool skipped(const struct config *c, const struct phase *p, const char *sub) {
        for (size_t i = 0; i < c->skip_phases.n; i++) {
                const char *want_sub;

                if (parse_skip(c->skip_phases.items[i], &want_sub) == p &&
                    (!*want_sub || !strcmp(want_sub, "all") || !strcmp(want_sub, sub)))
                        return true;
        }
        return false;
}

/* Sub-phases one by one, so that one of them can be left out. */
static int run_subs(struct phase_ctx *ctx, const struct phase *p, struct error *e) {
        char sub[64];
        int r;

        for (size_t i = 0; phase_sub(p, i, sub); i++)
                if (strcmp(sub, "all") != 0 && !skipped(ctx->config, p, sub) && (r = p->run(ctx, sub, e)) < 0)
                        return r;
        return 0;
}

int phase_run(struct phase_ctx *ctx, const char *name, struct error *e) {
        const struct phase *p = phase_find(name);

        if (skipped(ctx->config, p, ""))
                return 0;
        return p->sub ? run_subs(ctx, p, e) : p->run(ctx, NULL, e);
}

int phase_run_all(struct phase_ctx *ctx, struct error *e) {
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
                if ((r = phase_run(ctx, phases[i].name, e)) < 0)
                        return r;
        return 0;
}

/* Under a root the tree itself is the lock, so that nothing is written for it. */
int phase_lock(const char *root, int *ret_fd, struct error *e) {
        const char *path = *root ? root : "/run/triarch.lock";
        int flags = *root ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT | O_NOFOLLOW;
        int fd = open(path, flags | O_CLOEXEC, 0600), r;

        if (fd < 0) {
                r = -errno;
                error_set(e, *root ? EXIT_INPUT : EXIT_FAILED, "cannot open %s: %s%s", path, strerror(-r),
                          r == -EACCES ? "; run this as root" : "");
                return r;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                r = errno == EWOULDBLOCK ? -EBUSY : -errno;
                error_set(e, EXIT_FAILED,
                          r == -EBUSY ? "another triarch init, join or reset is at work here (%s is locked: "
                                        "%s); wait for its end"
                                      : "cannot lock %s: %s",
                          path, strerror(-r));
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

void phase_report(struct phase_ctx *ctx, const char *phase, bool made, const char *file) {
        if (made)
                ctx->made++;
        else
                ctx->kept++;
        if (made || ctx->verbose)
                printf("[%s] %s%s %s\n", phase, made && ctx->config->dry_run ? "would have " : "",
                       made ? "made" : "kept", file);
        fflush(stdout);
}

bool phase_ignored(const struct config *c, const char *name) {
        for (size_t i = 0; i < c->ignore_preflight_errors.n; i++) {
                const char *item = c->ignore_preflight_errors.items[i];

                if (!strcasecmp(item, "all") || !strcasecmp(item, name))
                        return true;
        }
        return false;
}
