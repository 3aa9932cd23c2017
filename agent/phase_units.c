#include "agent/paths.h"
#include "agent/phase_dry.h"
#include "agent/unit.h"
#include "pki/file.h"
#include <errno.h>
#include <sys/stat.h>

#define ENROLL_FILE "/etc/systemd/system/triarch-enroll.socket.d/10-triarch.conf"

enum { START_TIMEOUT_S = 90, ENROLL_PORT = 7644 };

static const char *const kubelet_templates[] = { "kubelet-config", "kubelet-instance-config", "kubelet-flags",
                                                 "kubelet-dropin" };

/* Was one of the files written after the unit became active? Told by their times, so that it is known
 * also when the run that wrote them was killed before it could restart the unit. */
static int newer_than_unit(struct unit_bus *b, const char *unit, const char *const *files, size_t n,
                           bool *ret, struct error *e) {
        uint64_t since = 0;
        int r;

        *ret = false;
        if ((r = unit_active_since(b, unit, &since, e)) < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                struct stat st;

                if (stat(files[i], &st) == 0 &&
                    (uint64_t)st.st_mtim.tv_sec * 1000000 + (uint64_t)st.st_mtim.tv_nsec / 1000 > since)
                        *ret = true;
        }
        return 0;
}

static int act(struct phase_ctx *ctx, const char *phase, struct unit_bus *b, const char *unit, bool restart,
               struct error *e) {
        int r;

        printf("[%s] %s %s\n", phase, restart ? "restarting" : "starting", unit);
        fflush(stdout);
        r = (restart ? unit_restart : unit_start)(b, unit, START_TIMEOUT_S, e);
        if (r == 0)
                ctx->unit_changes++;
        return r;
}

/* Enabled, and running with the files it was given. */
static int converge(struct phase_ctx *ctx, const char *phase, struct unit_bus *b, const char *unit,
                    const char *const *files, size_t n, struct error *e) {
        bool changed, enabled, newer;
        char state[32];
        int r;

        if ((r = unit_state(b, unit, state, e)) < 0)
                return r;
        if (!strcmp(state, "not-found"))
                return error_set(e, EXIT_FAILED, "systemd knows no unit %s; install it, then run this again",
                                 unit),
                       -ENOENT;
        if ((r = unit_enabled(b, unit, &enabled, e)) < 0)
                return r;
        if (!enabled) {
                if ((r = unit_enable(b, unit, &changed, e)) < 0)
                        return r;
                printf("[%s] enabled %s\n", phase, unit);
                ctx->unit_changes++;
        }
        if (strcmp(state, "active") != 0)
                return act(ctx, phase, b, unit, false, e);
        if ((r = newer_than_unit(b, unit, files, n, &newer, e)) < 0)
                return r;
        return newer ? act(ctx, phase, b, unit, true, e) : 0;
}

struct reporter {
        struct phase_ctx *ctx;
        const char *phase;
};

/* Under a root nothing is started anyway. */
static bool only_said(const struct phase_ctx *ctx, const char *phase, const char *const *units, size_t n) {
        for (size_t i = 0; i < n && phase_is_dry(ctx) && !*ctx->root; i++)
                phase_would(ctx, phase, "enabled %s, and started it, or restarted it for new files",
                            units[i]);
        return phase_is_dry(ctx) || *ctx->root;
}

static void on_finalize(void *userdata, enum pki_action action, const char *file) {
        const struct reporter *r = userdata;

        if (action != PKI_TEXT)
                phase_report(r->ctx, r->phase, action == PKI_MADE, file);
}

/* The kubelet's client certificate where it renews it itself, and kubelet.conf naming it there. */
static int finalize(struct phase_ctx *ctx, const char *phase, struct error *e) {
        struct reporter reporter = { ctx, phase };
        struct pki_error pe = { 0 };
        struct pki_params p;
        int r;

        if (phase_dry_kubelet(ctx, phase))
                return 0;
        if ((r = phase_pki_params(ctx, &p, e)) < 0)
                return r;
        r = pki_kubelet_finalize(&p, on_finalize, &reporter, &pe);
        return r < 0 ? error_from_pki(e, EXIT_FAILED, &pe) : 0;
}

static int kubelet_files(struct phase_ctx *ctx, struct error *e) {
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        int r;

        if ((r = phase_values_new(ctx, &v, e)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(kubelet_templates); i++)
                if (phase_wanted(v, kubelet_templates[i]) &&
                    (r = phase_put_template(ctx, "kubelet-start", v, kubelet_templates[i], e)) < 0)
                        return r;
        if (ctx->worker) /* its credentials came with its enrolment */
                return 0;
        return finalize(ctx, "kubelet-start", e);
}

/* The client certificate is none of the files that a restart is for: the kubelet itself renews it. */
int phase_kubelet_start(struct phase_ctx *ctx, const char *sub, struct error *e) {
        static const char *const units[] = { "kubelet.service" };
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        const char *files[ARRAY_SIZE(kubelet_templates)];
        unsigned mode;
        int r;

        (void)sub;
        if ((r = kubelet_files(ctx, e)) < 0 || only_said(ctx, "kubelet-start", units, 1))
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(kubelet_templates); i++)
                files[i] = tmpl_path(kubelet_templates[i], &mode);
        if ((r = unit_bus_open(&b, e)) < 0 || (r = unit_daemon_reload(b, e)) < 0)
                return r;
        return converge(ctx, "kubelet-start", b, "kubelet.service", files, ARRAY_SIZE(files), e);
}

/* kubelet-start has done it before the kubelet's first start; where kubelet.conf was made anew since then,
 * the kubelet is told. */
int phase_kubelet_finalize(struct phase_ctx *ctx, const char *sub, struct error *e) {
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        unsigned made = ctx->made;
        char conf[PATH_MAX];
        int r;

        (void)sub;
        if (phase_path(ctx, "/etc/kubernetes/kubelet.conf", conf) && access(conf, F_OK) < 0)
                return 0; /* the phase that makes it was left out */
        if ((r = finalize(ctx, "kubelet-finalize", e)) < 0 || *ctx->root || ctx->made == made ||
            phase_is_dry(ctx))
                return r;
        if ((r = unit_bus_open(&b, e)) < 0)
                return r;
        return act(ctx, "kubelet-finalize", b, "kubelet.service", true, e);
}

/* The unit listens on the default port; another one is a drop-in, as an administrator would write it. */
static int enroll_port_file(struct phase_ctx *ctx, struct error *e) {
        char text[128];
        int n;

        if (ctx->config->enroll_port == ENROLL_PORT)
                return 0;
        n = snprintf(text, sizeof text,
                     "# Written by triarch from enrollPort.\n[Socket]\nListenStream=\nListenStream=%u\n",
                     ctx->config->enroll_port);
        return phase_put_file(ctx, "agent", ENROLL_FILE, 0644, (gid_t)-1, text, (size_t)n, false, e);
}

static int agent_files(struct phase_ctx *ctx, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r;

        if ((r = config_render(ctx->config, false, &text, &size)) < 0)
                return error_set(e, EXIT_FAILED, "the agent's configuration cannot be written: %s",
                                 strerror(-r)),
                       r;
        r = phase_put_file(ctx, "agent", TRIARCH_CONFIG_FILE, 0644, (gid_t)-1, text, size, false, e);
        if (r < 0)
                return r;
        return enroll_port_file(ctx, e);
}

int phase_agent(struct phase_ctx *ctx, const char *sub, struct error *e) {
        static const char *const agent[] = { TRIARCH_CONFIG_FILE }, *const enroll[] = { ENROLL_FILE };
        static const char *const units[] = { "triarch-agent.service", "triarch-enroll.socket",
                                             "triarch-reconcile.service" };
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        bool majority = config_by_majority(ctx->config);
        int r;

        (void)sub;
        if ((r = agent_files(ctx, e)) < 0 || only_said(ctx, "agent", units, majority ? 3 : 2) ||
            (r = phase_vip_fetch(ctx, e)) < 0)
                return r;
        if ((r = unit_bus_open(&b, e)) < 0 || (r = unit_daemon_reload(b, e)) < 0)
                return r;
        if ((r = converge(ctx, "agent", b, "triarch-agent.service", agent, ARRAY_SIZE(agent), e)) < 0)
                return r;
        if (majority &&
            (r = converge(ctx, "agent", b, "triarch-reconcile.service", agent, ARRAY_SIZE(agent), e)) < 0)
                return r;
        return converge(ctx, "agent", b, "triarch-enroll.socket", enroll, ARRAY_SIZE(enroll), e);
}
