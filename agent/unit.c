#include "agent/unit.h"
#include "agent/monotonic.h"
#include <errno.h>
#include <systemd/sd-bus.h>

#define SD_NAME    "org.freedesktop.systemd1"
#define SD_PATH    "/org/freedesktop/systemd1"
#define SD_MANAGER SD_NAME ".Manager"
#define SD_UNIT    SD_NAME ".Unit"

struct unit_bus {
        sd_bus *bus;
};

/* What a call was about, for the one message that a failure gets. */
static int bus_failed(struct error *e, int r, const sd_bus_error *be, const char *what, const char *unit) {
        error_set(e, EXIT_FAILED, "systemd: %s%s%s: %s", what, unit ? " " : "", unit ? unit : "",
                  be && be->message ? be->message : strerror(-r));
        return r;
}

void unit_bus_free(struct unit_bus *b) {
        if (!b)
                return;
        sd_bus_flush_close_unref(b->bus);
        free(b);
}

int unit_bus_open(struct unit_bus **ret, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(unit_bus_freep) struct unit_bus *b = calloc(1, sizeof *b);
        int r;

        if (!b)
                return -ENOMEM;
        if ((r = sd_bus_open_system(&b->bus)) < 0) {
                error_set(e, EXIT_FAILED,
                          "cannot reach the system bus: %s; was this machine started with systemd, and is "
                          "dbus running?",
                          strerror(-r));
                return r;
        }
        /* JobRemoved is only sent to whoever has subscribed. */
        r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "Subscribe", &be, NULL, NULL);
        if (r < 0)
                return bus_failed(e, r, &be, "subscribe to job results", NULL);
        *ret = TAKE_PTR(b);
        return 0;
}

int unit_daemon_reload(struct unit_bus *b, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "Reload", &be, NULL, NULL);

        return r < 0 ? bus_failed(e, r, &be, "reload of the unit files", NULL) : 0;
}

/* Both replies end in a(sss), the links that were made or removed: none is no change. */
static int read_changes(sd_bus_message *reply, bool *ret_changed) {
        int r;

        if ((r = sd_bus_message_enter_container(reply, 'a', "(sss)")) < 0)
                return r;
        *ret_changed = sd_bus_message_at_end(reply, false) == 0;
        return 0;
}

static int reload_if(struct unit_bus *b, bool changed, struct error *e) {
        return changed ? unit_daemon_reload(b, e) : 0;
}

int unit_enable(struct unit_bus *b, const char *unit, bool *ret_changed, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int install, r;

        r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "EnableUnitFiles", &be, &reply, "asbb",
                               1, unit, false, false);
        if (r < 0)
                return bus_failed(e, r, &be, "enable", unit);
        if ((r = sd_bus_message_read(reply, "b", &install)) < 0 || (r = read_changes(reply, ret_changed)) < 0)
                return bus_failed(e, r, NULL, "enable", unit);
        return reload_if(b, *ret_changed, e);
}

int unit_disable(struct unit_bus *b, const char *unit, bool *ret_changed, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "DisableUnitFiles", &be, &reply, "asb",
                               1, unit, false);
        if (r < 0)
                return bus_failed(e, r, &be, "disable", unit);
        if ((r = read_changes(reply, ret_changed)) < 0)
                return bus_failed(e, r, NULL, "disable", unit);
        return reload_if(b, *ret_changed, e);
}

struct job {
        char path[256], result[32]; /* result "": not yet ended */
};

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *be) {
        struct job *j = userdata;
        const char *path, *unit, *result;
        uint32_t id;

        (void)be;
        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && !strcmp(path, j->path))
                snprintf(j->result, sizeof j->result, "%s", result);
        return 0;
}

/* 0 when the job has ended, whatever its result; -ETIMEDOUT. */
static int job_wait(struct unit_bus *b, const struct job *j, unsigned timeout_s) {
        int64_t deadline_us = monotonic_us() + (int64_t)timeout_s * 1000000;

        while (!*j->result) {
                int64_t left_us = deadline_us - monotonic_us();
                int r = sd_bus_process(b->bus, NULL);

                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (left_us <= 0)
                        return -ETIMEDOUT;
                if ((r = sd_bus_wait(b->bus, (uint64_t)left_us)) < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

static int job_failed(struct unit_bus *b, const char *verb, const char *unit, const char *result,
                      struct error *e) {
        char state[32] = "unknown";

        unit_state(b, unit, state, NULL);
        error_set(e, EXIT_FAILED,
                  "systemd: %s of %s ended with \"%s\", the unit is %s; its log tells why: journalctl -u %s",
                  verb, unit, result, state, unit);
        return -EIO;
}

/* The match is in place before the call: a job that ends at once would be missed otherwise. */
static int unit_job(struct unit_bus *b, const char *method, const char *verb, const char *unit,
                    unsigned timeout_s, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        CLEANUP(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        struct job j = { 0 };
        const char *path;
        int r;

        r = sd_bus_match_signal(b->bus, &slot, SD_NAME, SD_PATH, SD_MANAGER, "JobRemoved", on_job_removed,
                                &j);
        if (r < 0)
                return bus_failed(e, r, NULL, "watch the jobs for", unit);
        r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, method, &be, &reply, "ss", unit,
                               "replace");
        if (r < 0)
                return bus_failed(e, r, &be, verb, unit);
        if ((r = sd_bus_message_read(reply, "o", &path)) < 0)
                return bus_failed(e, r, NULL, verb, unit);
        snprintf(j.path, sizeof j.path, "%s", path);
        r = job_wait(b, &j, timeout_s);
        if (r == -ETIMEDOUT) {
                error_set(e, EXIT_FAILED,
                          "systemd: %s of %s has not ended within %u s; its log tells why: journalctl -u %s",
                          verb, unit, timeout_s, unit);
                return r;
        }
        if (r < 0)
                return bus_failed(e, r, NULL, verb, unit);
        return strcmp(j.result, "done") ? job_failed(b, verb, unit, j.result, e) : 0;
}

int unit_start(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e) {
        return unit_job(b, "StartUnit", "start", unit, timeout_s, e);
}

int unit_restart(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e) {
        return unit_job(b, "RestartUnit", "restart", unit, timeout_s, e);
}

int unit_stop(struct unit_bus *b, const char *unit, unsigned timeout_s, struct error *e) {
        return unit_job(b, "StopUnit", "stop", unit, timeout_s, e);
}

int unit_mask(struct unit_bus *b, const char *unit, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        bool changed;
        int r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "MaskUnitFiles", &be, NULL, "asbb",
                                   1, unit, false, false);

        if (r == -EEXIST)
                return unit_disable(b, unit, &changed, e);
        return r < 0 ? bus_failed(e, r, &be, "mask", unit) : unit_daemon_reload(b, e);
}

int unit_unmask(struct unit_bus *b, const char *unit, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "UnmaskUnitFiles", &be, NULL, "asb",
                                   1, unit, false);

        return r < 0 ? bus_failed(e, r, &be, "unmask", unit) : unit_daemon_reload(b, e);
}

int unit_kill(struct unit_bus *b, const char *unit, int signal, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "KillUnit", &be, NULL, "ssi", unit,
                                   "all", signal);

        return r < 0 ? bus_failed(e, r, &be, "end the processes of", unit) : 0;
}

/* The object of a unit; systemd loads it if needed, and makes one for a name without a file too. */
static int unit_object(struct unit_bus *b, const char *unit, char **ret, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "LoadUnit", &be, &reply, "s", unit);
        if (r < 0)
                return bus_failed(e, r, &be, "look up", unit);
        if ((r = sd_bus_message_read(reply, "o", &path)) < 0)
                return bus_failed(e, r, NULL, "look up", unit);
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

static int unit_string(struct unit_bus *b, const char *object, const char *property, const char *unit,
                       char **ret, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        int r = sd_bus_get_property_string(b->bus, SD_NAME, object, SD_UNIT, property, &be, ret);

        return r < 0 ? bus_failed(e, r, &be, "read the state of", unit) : 0;
}

int unit_state(struct unit_bus *b, const char *unit, char out[32], struct error *e) {
        CLEANUP(freep) char *object = NULL, *load = NULL, *active = NULL;
        int r;

        if ((r = unit_object(b, unit, &object, e)) < 0 ||
            (r = unit_string(b, object, "LoadState", unit, &load, e)) < 0 ||
            (r = unit_string(b, object, "ActiveState", unit, &active, e)) < 0)
                return r;
        /* A unit whose file is gone keeps running: it is its state that counts then. */
        if (!strcmp(load, "not-found") && !strcmp(active, "inactive"))
                snprintf(out, 32, "not-found");
        else
                snprintf(out, 32, "%s", active);
        return 0;
}

int unit_active_since(struct unit_bus *b, const char *unit, uint64_t *ret_us, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(freep) char *object = NULL;
        int r;

        if ((r = unit_object(b, unit, &object, e)) < 0)
                return r;
        r = sd_bus_get_property_trivial(b->bus, SD_NAME, object, SD_UNIT, "ActiveEnterTimestamp", &be, 't',
                                        ret_us);
        return r < 0 ? bus_failed(e, r, &be, "read the start time of", unit) : 0;
}

int unit_enabled(struct unit_bus *b, const char *unit, bool *ret, struct error *e) {
        CLEANUP(sd_bus_error_free) sd_bus_error be = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *state;
        int r;

        r = sd_bus_call_method(b->bus, SD_NAME, SD_PATH, SD_MANAGER, "GetUnitFileState", &be, &reply, "s",
                               unit);
        if (r == -ENOENT || sd_bus_error_has_name(&be, SD_NAME ".NoSuchUnit")) {
                *ret = false;
                return 0;
        }
        if (r < 0)
                return bus_failed(e, r, &be, "read the state of", unit);
        if ((r = sd_bus_message_read(reply, "s", &state)) < 0)
                return bus_failed(e, r, NULL, "read the state of", unit);
        *ret = !strncmp(state, "enabled", 7);
        return 0;
}
