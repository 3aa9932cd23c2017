#include "agent/preflight.h"
#include "agent/paths.h"
#include <errno.h>
#include <stdarg.h>

#define BOTH PREFLIGHT_BOTH
#define ALL  PREFLIGHT_ALL
#define JOIN (PREFLIGHT_JOIN | PREFLIGHT_WORKER | PREFLIGHT_ROOT)
#define TREE (PREFLIGHT_BOTH | PREFLIGHT_ROOT)
#define E    PREFLIGHT_ERROR
#define W    PREFLIGHT_WARNING

static const struct preflight_check checks[] = {
        { "NumCPU", BOTH, E, preflight_cpus, 0, NULL },
        { "Mem", BOTH, E, preflight_memory, 0, NULL },
        { "Firewalld", BOTH, W, preflight_firewalld, 0, NULL },
        { "Port", BOTH, E, preflight_api_port, 0, NULL },
        { "Port", BOTH, E, preflight_port, 10259, "kube-scheduler" },
        { "Port", BOTH, E, preflight_port, 10257, "kube-controller-manager" },
        { "Port", ALL, E, preflight_port, 10250, "the kubelet" },
        { "Port", BOTH, E, preflight_port, 2379, "etcd (clients)" },
        { "Port", BOTH, E, preflight_port, 2380, "etcd (members)" },
        { "Port", BOTH, E, preflight_enroll_port, 0, NULL },
        { "Port", BOTH, E, preflight_metrics_port, 0, NULL },
        { "Port", BOTH, E, preflight_sealed_port, 0, NULL },
        { "FileAvailable", TREE, E, preflight_manifest, 0, "kube-apiserver" },
        { "FileAvailable", TREE, E, preflight_manifest, 0, "kube-controller-manager" },
        { "FileAvailable", TREE, E, preflight_manifest, 0, "kube-scheduler" },
        { "FileAvailable", TREE, E, preflight_manifest, 0, "etcd" },
        { "FileAvailable", JOIN, E, preflight_no_file, 0, "/etc/kubernetes/kubelet.conf" },
        { "FileAvailable", JOIN, E, preflight_no_file, 0, "/etc/kubernetes/bootstrap-kubelet.conf" },
        { "FileAvailable", JOIN, E, preflight_no_file, 0, TRIARCH_CONFIG_FILE },
        { "FileAvailable", PREFLIGHT_WORKER, E, preflight_no_file, 0, "/etc/kubernetes/pki/ca.crt" },
        { "DirAvailable", TREE, E, preflight_etcd_dir, 0, NULL },
        { "ExternalEtcdClientCertificates", PREFLIGHT_INIT | PREFLIGHT_LATE, E, preflight_external_etcd_files,
          0, NULL },
        { "ExternalEtcdVersion", PREFLIGHT_INIT | PREFLIGHT_LATE, E, preflight_external_etcd, 0, NULL },
        { "Swap", ALL, W, preflight_swap, 0, NULL },
        { "FileExisting", ALL, E, preflight_program, 0, "mount" },
        { "FileExisting", ALL, E, preflight_program, 0, "losetup" },
        { "FileExisting", ALL, E, preflight_program, 0, "cp" },
        { "Hostname", ALL, W, preflight_hostname, 0, NULL },
        { "Service-kubelet", ALL, W, preflight_kubelet, 0, NULL },
        { "CRI", ALL, E, preflight_cri, 0, NULL },
        { "ContainerRuntimeVersion", ALL, W, preflight_runtime_version, 0, NULL },
        /* Who joins learns from the bundle whether flannel is wanted: phase runtime. */
        { "CNIPlugins", PREFLIGHT_INIT, W, preflight_cni, 0, NULL },
        { "ImagePull", PREFLIGHT_INIT, E, preflight_images, 0, NULL }, /* who joins: phase images */
        { "FileContent", ALL, E, preflight_is_one, 0, "/proc/sys/net/ipv4/ip_forward" },
        { "AgentUser", BOTH, E, preflight_agent_user, 0, NULL },
        { "TimeSync", ALL, E, preflight_time, 0, NULL },
        { "VIPInterface", BOTH, E, preflight_vip_interface, 0, NULL },
        { "VIPAvailable", PREFLIGHT_INIT, E, preflight_vip, 0, NULL },
        { "VRIDAvailable", PREFLIGHT_INIT, E, preflight_vrid, 0, NULL },
};

void preflight_add(struct preflight *p, enum preflight_level level, const char *name, const char *fmt, ...) {
        struct preflight_finding *f = &p->v[p->n];
        va_list ap;

        if (p->n == PREFLIGHT_MAX_FINDINGS)
                return;
        f->level = level;
        snprintf(f->name, sizeof f->name, "%s", name);
        va_start(ap, fmt);
        vsnprintf(f->text, sizeof f->text, fmt, ap);
        va_end(ap);
        p->n++;
}

void preflight_path_name(char out[96], const char *prefix, const char *path) {
        snprintf(out, 96, "%s-%s", prefix, path);
        for (char *s = out; *s; s++)
                if (*s == '/')
                        *s = '-';
}

unsigned preflight_verdict(const struct config *c, const struct preflight_finding *v, size_t n, FILE *out) {
        unsigned errors = 0;

        for (size_t i = 0; i < n; i++) {
                bool warning = v[i].level == PREFLIGHT_WARNING || phase_ignored(c, v[i].name);

                if (warning)
                        fprintf(out, "\t[WARNING %s]: %s\n", v[i].name, v[i].text);
                else
                        errors++;
        }
        if (errors)
                fputs("[preflight] Some fatal errors occurred:\n", out);
        for (size_t i = 0; i < n; i++)
                if (v[i].level == PREFLIGHT_ERROR && !phase_ignored(c, v[i].name))
                        fprintf(out, "\t[ERROR %s]: %s\n", v[i].name, v[i].text);
        return errors;
}

static void run_checks(struct preflight *p, unsigned column) {
        struct error e;

        if (!*p->ctx->root && unit_bus_open(&p->bus, &e) < 0)
                preflight_add(p, PREFLIGHT_ERROR, "SystemBus", "%s", e.message);
        p->vrid_fd = -EBADF;
        if (column == PREFLIGHT_INIT && !*p->ctx->root)
                preflight_listen(p);
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                if (checks[i].when & column && (!*p->ctx->root || checks[i].when & PREFLIGHT_ROOT))
                        checks[i].run(p, &checks[i]);
        closep(&p->vrid_fd);
        unit_bus_free(TAKE_PTR(p->bus));
}

static int give_verdict(const struct preflight *p, const char *changed, struct error *e) {
        unsigned errors;

        fflush(stdout);
        if (!(errors = preflight_verdict(p->ctx->config, p->v, p->n, stderr)))
                return 0;
        error_set(e, EXIT_PREFLIGHT,
                  "%u preflight %s; %s. --ignore-preflight-errors=NAME,... makes a check a warning", errors,
                  errors == 1 ? "check failed" : "checks failed", changed);
        return -EPERM;
}

int preflight_run(const struct phase_ctx *ctx, bool rerun, struct error *e) {
        static const struct preflight_check privileged = { "IsPrivilegedUser",   BOTH, PREFLIGHT_ERROR,
                                                           preflight_privileged, 0,    NULL };
        CLEANUP(freep) struct preflight *p = calloc(1, sizeof *p);

        if (!p)
                return error_set(e, EXIT_FAILED, "out of memory");
        p->ctx = ctx;
        p->rerun = rerun;
        /* Without privilege the other checks would only tell of their own failures. */
        if (!*ctx->root)
                preflight_privileged(p, &privileged);
        if (!p->n || phase_ignored(ctx->config, "IsPrivilegedUser"))
                run_checks(p, ctx->worker ? PREFLIGHT_WORKER : ctx->join ? PREFLIGHT_JOIN : PREFLIGHT_INIT);
        return give_verdict(p, "nothing was changed", e);
}

int preflight_run_external_etcd(const struct phase_ctx *ctx, struct error *e) {
        CLEANUP(freep) struct preflight *p = calloc(1, sizeof *p);

        if (!p)
                return error_set(e, EXIT_FAILED, "out of memory");
        p->ctx = ctx;
        run_checks(p, PREFLIGHT_LATE);
        return give_verdict(p, "`triarch join` again goes on from here", e);
}

int phase_preflight(struct phase_ctx *ctx, const char *sub, struct error *e) {
        struct error differs = { 0 };
        int ours = phase_is_ours(ctx, &differs);

        (void)sub;
        if (ours < 0 && ours != -EEXIST) {
                *e = differs;
                return ours;
        }
        /* Files that differ are found again, and named, by their own checks. */
        return preflight_run(ctx, ours == 1, e);
}
