/* systemd over the system bus (sd-bus, org.freedesktop.systemd1): no systemctl. Blocking. All calls:
 * 0 or negative errno with *e (which may be NULL). Under --root nothing here is called. */
#ifndef AGENT_UNIT_H
#define AGENT_UNIT_H

#include "agent/error.h"
#include <stdbool.h>
#include <stdint.h>

struct unit_bus;
int unit_bus_open(struct unit_bus **ret, struct error *e);
void unit_bus_free(struct unit_bus *b);
int unit_daemon_reload(struct unit_bus *b, struct error *e);
/* Enabling and disabling reload the unit files when a link was made or removed. */
int unit_enable(struct unit_bus *b, const char *unit, bool *ret_changed, struct error *e);
int unit_disable(struct unit_bus *b, const char *unit, bool *ret_changed, struct error *e);
/* Start (or restart) and wait for the job's end: failed jobs are errors that name the result. */
int unit_start(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e);
int unit_restart(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e);
int unit_stop(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e);
/* Nobody can start a masked unit; it goes on if it runs. One whose file stands in /etc cannot be masked: it
 * is disabled instead. Unmasking what is not masked is no error. */
int unit_mask(struct unit_bus *b, const char *unit, struct error *e);
int unit_unmask(struct unit_bus *b, const char *unit, struct error *e);
/* A signal to all its processes. */
int unit_kill(struct unit_bus *b, const char *unit, int signal, struct error *e);
/* "active", "inactive", "failed", ...; "not-found" when there is no such unit file. */
int unit_state(struct unit_bus *b, const char *unit, char out[32], struct error *e);
/* When the unit last became active: microseconds of the wall clock, 0 never. With a file's time it tells
 * whether the running process can have read that file. */
int unit_active_since(struct unit_bus *b, const char *unit, uint64_t *ret_us, struct error *e);
/* False too when there is no such unit file. */
int unit_enabled(struct unit_bus *b, const char *unit, bool *ret, struct error *e);
DEFINE_CLEANUP(struct unit_bus *, unit_bus_free)

#endif
