#include "agent/host.h"
#include "agent/managed.h"
#include "agent/unit.h"

enum { TIMEOUT_S = 90 };

struct undoing {
        struct reset *reset;
        struct unit_bus *bus;
};

/* Its files are back already; a unit that did not run before does not afterwards. */
static int undo_unit(void *userdata, const char *key, const char *before, struct error *why) {
        const struct undoing *u = userdata;
        char state[32];
        bool changed;
        int r;

        if ((r = unit_state(u->bus, key, state, why)) < 0)
                return r;
        if (!strcmp(state, "active")) {
                bool was = !strncmp(before, "active", 6);

                printf("[reset] %s %s\n", was ? "restarting" : "stopping", key);
                fflush(stdout);
                if ((r = (was ? unit_restart : unit_stop)(u->bus, key, TIMEOUT_S, why)) < 0)
                        return r;
        }
        return strstr(before, "disabled") ? unit_disable(u->bus, key, &changed, why) : 0;
}

static void warn(void *userdata, const char *text) {
        const struct undoing *u = userdata;

        reset_warn(u->reset, "%s", text);
}

int host_undo(struct reset *r, struct unit_bus *b, struct error *e) {
        static const struct managed_undoer undoers[] = {
                { "sysctl", host_sysctl_undo },
                { "swap", host_swap_undo },
                { "firewalld", host_firewall_undo },
                { "selinux", host_selinux_undo },
                { "unit", undo_unit },
        };
        struct undoing u = { r, b };
        unsigned n;
        int k;

        k = managed_undo(r->root, undoers, ARRAY_SIZE(undoers), &u, warn, &n, e);
        r->removed += n;
        return k;
}
