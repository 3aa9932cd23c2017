#include "agent/host.h"
#include "agent/managed.h"
#include "agent/unit.h"
#include <errno.h>
#include <sys/stat.h>

enum { TIMEOUT_S = 90 };

/* Told by the times, so that it is known also when the run that wrote a file was killed before it could
 * restart the unit. */
static bool newer(const char *const *files, size_t n, uint64_t since_us) {
        struct stat st;

        for (size_t i = 0; i < n; i++)
                if (stat(files[i], &st) == 0 &&
                    (uint64_t)st.st_mtim.tv_sec * 1000000 + (uint64_t)st.st_mtim.tv_nsec / 1000 > since_us)
                        return true;
        return false;
}

static int converge(struct phase_ctx *ctx, const char *phase, struct unit_bus *b, const char *unit,
                    bool active, bool enabled, struct error *e) {
        char before[32];
        bool changed;
        int r;

        snprintf(before, sizeof before, "%s %s", active ? "active" : "inactive",
                 enabled ? "enabled" : "disabled");
        if ((r = managed_note(ctx, "unit", unit, before, e)) < 0)
                return r;
        if (!enabled && (r = unit_enable(b, unit, &changed, e)) < 0)
                return r;
        printf("[%s] %s %s\n", phase, active ? "restarting" : "starting", unit);
        fflush(stdout);
        if ((r = (active ? unit_restart : unit_start)(b, unit, TIMEOUT_S, e)) < 0)
                return r;
        ctx->unit_changes++;
        return 0;
}

int host_converge_unit(struct phase_ctx *ctx, const char *phase, const char *unit, const char *const *files,
                       size_t n, bool force, struct error *e) {
        CLEANUP(unit_bus_freep) struct unit_bus *b = NULL;
        uint64_t since_us = 0;
        char state[32];
        bool enabled;
        int r;

        if ((r = unit_bus_open(&b, e)) < 0 || (r = unit_state(b, unit, state, e)) < 0)
                return r;
        if (!strcmp(state, "not-found"))
                return error_set(e, EXIT_FAILED, "systemd knows no unit %s; install it, then run this again",
                                 unit),
                       -ENOENT;
        if ((r = unit_enabled(b, unit, &enabled, e)) < 0 ||
            (r = unit_active_since(b, unit, &since_us, e)) < 0)
                return r;
        if (!strcmp(state, "active") && enabled && !force && !newer(files, n, since_us))
                return 0;
        return converge(ctx, phase, b, unit, !strcmp(state, "active"), enabled, e);
}
