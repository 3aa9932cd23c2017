#include "agent/adopt.h"
#include "agent/reset.h"

void reset_tell_adopted(const struct reset *r) {
        struct adopt_state s;
        struct error unused;

        if (adopt_state_load(r->root, &s, &unused) < 0 || s.step < ADOPT_MASKED)
                return;
        printf("[reset] %s stays masked, as `triarch adopt` left it: this machine has no API server any more "
               "that "
               "an address could lead to. To give it back: systemctl unmask %s && systemctl %s %s\n",
               s.unit, s.unit, s.was_enabled ? "enable --now" : "start", s.unit);
}
