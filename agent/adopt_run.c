/* The hand-over. Two routers of one VRID on one host do not hear each other, and the others take them for
 * one: so the agent begins beside keepalived, as active where the address is here, and keepalived is ended
 * when the agent is seen to have taken over. Whoever kills this program in between leaves both, which is no
 * harm. */
#include "agent/adopt.h"
#include "agent/agent_client.h"
#include "agent/drill.h"
#include "agent/monotonic.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include "vrrp/address.h"
#include <errno.h>
#include <signal.h>

#define AGENT_UNIT  "triarch-agent.service"
#define ENROLL_UNIT "triarch-enroll.socket"
#define DROPIN_DIR  "/run/systemd/system/triarch-agent.service.d"
#define DROPIN      DROPIN_DIR "/50-adopt.conf"

enum { UNIT_S = 90, HEALTHY_MS = 60000, POLL_MS = 50, SETTLE_MS = 3000, RHYTHM_MS = 10, QUESTION_MS = 1000 };

struct handover {
        struct adopt *a;
        struct unit_bus *bus;
        struct drill_probe *probe; /* NULL: nothing answers there, so nothing is measured */
        char url[512], ca_file[PATH_MAX];
        bool active; /* the agent is, for one address at least */
};

static void handover_done(struct handover *h) {
        drill_probe_free(h->probe);
        unit_bus_free(h->bus);
}

static void pause_ms(long ms) {
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* ---- what a client sees ---- */

static int measure_begin(struct handover *h, const struct config *c, struct error *e) {
        const struct vip_config *v = config_vip(c);
        struct drill_question q = {
                .url = h->url, .ca_file = h->ca_file, .rhythm_ms = RHYTHM_MS, .timeout_ms = QUESTION_MS
        };
        char host[CONFIG_HOST_PORT_SIZE];
        struct drill_measure m;
        int r;

        if (!v)
                return 0;
        snprintf(h->url, sizeof h->url, "https://%s/livez",
                 config_host_port(vrrp_ip_text(&v->addresses[0].ip).v, c->bind_port, host));
        snprintf(h->ca_file, sizeof h->ca_file, "%.4000s/ca.crt", c->cert_dir);
        if ((r = drill_probe_new(&q, &h->probe, e)) < 0)
                return r;
        pause_ms(SETTLE_MS / 3);
        drill_probe_take(h->probe, &m);
        if (m.answered > 0)
                return 0;
        printf("[adopt] %s does not answer (%s): no gap is measured\n", h->url, m.problem);
        drill_probe_free(TAKE_PTR(h->probe));
        return 0;
}

static void measure_end(struct handover *h) {
        struct drill_measure m;

        if (!h->probe)
                return;
        pause_ms(SETTLE_MS);
        drill_probe_take(h->probe, &m);
        printf("[adopt] %s, asked from here every %d ms over a new connection: longest time without an "
               "answer "
               "%.1f ms, %u answers\n",
               h->url, RHYTHM_MS, (double)m.gap_us / 1000, m.answered);
}

/* ---- the agent beside keepalived ---- */

/* Until keepalived is gone: the agent keeps the address, and when it is stopped it leaves it. */
static int put_dropin(struct handover *h, struct error *e) {
        char self[PATH_MAX] = "", text[PATH_MAX + 512];
        int n, r;

        if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
                return error_set(e, EXIT_FAILED, "/proc/self/exe: %s", strerror(errno));
        n = snprintf(
                text, sizeof text,
                "# Written by triarch adopt, and removed by it.\n[Service]\nExecStart=\nExecStart=%s agent "
                "--keep-address\nExecStopPost=\nRestart=no\nKillSignal=SIGKILL\n",
                self);
        if ((r = pki_mkdir_p(DROPIN_DIR, 0755)) < 0 ||
            (r = pki_file_write(DROPIN, 0644, (gid_t)-1, text, (size_t)n, 0)) < 0)
                return error_set(e, EXIT_FAILED, "%s: %s", DROPIN, strerror(-r)), r;
        return unit_daemon_reload(h->bus, e);
}

static int remove_dropin(struct handover *h, struct error *e) {
        int r = pki_file_remove(DROPIN);

        rmdir(DROPIN_DIR);
        if (r < 0 && r != -ENOENT)
                return error_set(e, EXIT_FAILED, "%s: %s", DROPIN, strerror(-r)), r;
        return unit_daemon_reload(h->bus, e);
}

/* Every router runs, and has taken over whatever is here. */
static bool is_ready(struct handover *h, const json_t *report, char why[256]) {
        const json_t *vip;
        bool ready = true;
        size_t i;

        h->active = false;
        json_array_foreach(json_object_get(report, "vips"), i, vip) {
                const char *state = json_string_value(json_object_get(vip, "state"));
                const char *problem = json_string_value(json_object_get(vip, "problem"));
                const char *address = json_string_value(json_object_get(vip, "address"));
                struct vrrp_ip ip;
                bool active = state && !strcmp(state, "active");

                h->active |= active;
                if (active || (state && !strcmp(state, "backup") && address &&
                               vrrp_ip_parse(address, &ip) == 0 && !vrrp_address_is_here(&ip)))
                        continue;
                ready = false;
                snprintf(why, 256, "%s: %s", address ? address : "",
                         problem && *problem ? problem : "it is here, and the agent has not taken it over");
        }
        return ready;
}

static int wait_for_agent(struct handover *h, struct error *e) {
        int64_t end_us = monotonic_us() + HEALTHY_MS * INT64_C(1000);
        char why[256] = "it does not answer";
        struct error unused;
        json_t *report = NULL;
        bool ready = false;

        do {
                if (agent_status(TRIARCH_SOCKET, &report, &unused) < 0)
                        continue;
                ready = is_ready(h, report, why);
                if (!ready)
                        snprintf(why + strlen(why), sizeof why - strlen(why), " (%.100s)",
                                 json_string_value(json_object_get(report, "reason")));
                json_decref(TAKE_PTR(report));
        } while (!ready && (pause_ms(POLL_MS), monotonic_us() < end_us));
        return ready ? 0
                     : error_set(e, EXIT_FAILED, "the agent is not ready after %d s: %s", HEALTHY_MS / 1000,
                                 why);
}

static int begin_agent(struct handover *h, struct error *e) {
        struct adopt *a = h->a;
        int r;

        if ((r = phase_certs(&a->ctx, "triarch", e)) < 0 || (r = put_dropin(h, e)) < 0 ||
            (r = phase_agent(&a->ctx, NULL, e)) < 0)
                return r;
        return wait_for_agent(h, e);
}

/* ---- keepalived ---- */

/* What keepalived gave a life without end had got the agent's lease of two seconds. */
static void restore_addresses(const struct adopt *a) {
        for (size_t i = 0; i < a->keepalived->n_instances; i++) {
                const struct keepalived_instance *k = &a->keepalived->instances[i];

                for (size_t n = 0; n < k->n_addresses; n++)
                        if (vrrp_address_is_here(&k->addresses[n].ip))
                                (void)vrrp_address_make_permanent(&k->addresses[n].ip, k->interface);
        }
}

/* Nothing of keepalived's has been touched: the agent goes as if it had not been. */
static void retreat(struct handover *h) {
        struct adopt *a = h->a;
        bool changed, active;
        char state[32] = "";

        unit_stop(h->bus, AGENT_UNIT, UNIT_S, NULL);
        active = unit_state(h->bus, a->state.unit, state, NULL) == 0 && !strcmp(state, "active");
        if (active)
                restore_addresses(a);
        unit_disable(h->bus, AGENT_UNIT, &changed, NULL);
        unit_stop(h->bus, ENROLL_UNIT, UNIT_S, NULL);
        unit_disable(h->bus, ENROLL_UNIT, &changed, NULL);
        remove_dropin(h, NULL);
        if (a->state.made_config)
                pki_file_remove(TRIARCH_CONFIG_FILE);
        adopt_state_remove(a->root);
}

/* A keepalived that is asked to stop tells the others and takes its address away: one whose address the agent
 * has is not asked. Its process for VRRP is told when the main one dies, and would do the same: they are
 * stopped all at once first, and hear of nothing any more. */
static int kill_keepalived(struct handover *h, struct error *e) {
        int r = unit_kill(h->bus, h->a->state.unit, SIGSTOP, e);

        return r < 0 ? r : unit_kill(h->bus, h->a->state.unit, SIGKILL, e);
}

static int end_keepalived(struct handover *h, struct error *e) {
        struct adopt_state *s = &h->a->state;
        char state[32];
        int r;

        s->step = ADOPT_MASKED;
        if ((r = adopt_state_save(h->a->root, s, e)) < 0 || (r = unit_mask(h->bus, s->unit, e)) < 0 ||
            (r = unit_state(h->bus, s->unit, state, e)) < 0)
                return r;
        if (!strcmp(state, "inactive") || !strcmp(state, "failed") || !strcmp(state, "not-found"))
                return 0;
        if (h->active && (r = kill_keepalived(h, e)) < 0)
                return r;
        return unit_stop(h->bus, s->unit, UNIT_S, e);
}

/* Those with keepalived's prefix length; the agent's own stay. */
static int remove_left(const struct adopt *a, struct error *e) {
        for (size_t i = 0; i < a->keepalived->n_instances; i++) {
                const struct keepalived_instance *k = &a->keepalived->instances[i];

                for (size_t n = 0; n < k->n_addresses; n++) {
                        const struct keepalived_address *v = &k->addresses[n];
                        int r = v->prefix == vrrp_ip_bits(&v->ip)
                                        ? 0
                                        : vrrp_address_remove(&v->ip, v->prefix, k->interface);

                        if (r < 0)
                                return error_set(e, EXIT_FAILED, "%s/%u cannot be removed from %s: %s",
                                                 vrrp_ip_text(&v->ip).v, v->prefix, k->interface,
                                                 strerror(-r)),
                                       r;
                }
        }
        return 0;
}

/* ---- the whole ---- */

static int begin(struct handover *h, struct error *e) {
        struct adopt *a = h->a;
        struct adopt_state *s = &a->state;
        char state[32];
        int r = adopt_state_load(a->root, s, e);

        if (r != -ENOENT)
                return r;
        *s = (struct adopt_state){ .step = ADOPT_BEGUN };
        snprintf(s->unit, sizeof s->unit, "%.255s", a->in->unit);
        s->made_config = access(TRIARCH_CONFIG_FILE, F_OK) < 0;
        if ((r = unit_state(h->bus, s->unit, state, e)) < 0 ||
            (r = unit_enabled(h->bus, s->unit, &s->was_enabled, e)) < 0)
                return r;
        s->was_active = !strcmp(state, "active");
        return adopt_state_save(a->root, s, e);
}

static int hand_over(struct handover *h, struct error *e) {
        struct adopt *a = h->a;
        struct adopt_state *s = &a->state;
        int r;

        if ((r = measure_begin(h, a->config, e)) < 0)
                return r;
        if ((r = begin_agent(h, e)) < 0) {
                if (s->step == ADOPT_BEGUN) {
                        retreat(h);
                        snprintf(e->message + strlen(e->message), sizeof e->message - strlen(e->message),
                                 "; keepalived goes on as before");
                }
                return r;
        }
        printf("[adopt] the agent is %s, beside %s\n", h->active ? "active" : "a backup", s->unit);
        fflush(stdout);
        if ((r = end_keepalived(h, e)) < 0 || (r = remove_left(a, e)) < 0 || (r = remove_dropin(h, e)) < 0)
                return r;
        printf("[adopt] %s is stopped and masked\n", s->unit);
        measure_end(h);
        s->step = ADOPT_DONE;
        return adopt_state_save(a->root, s, e);
}

/* The files alone. */
static int under_root(struct adopt *a, struct error *e) {
        int r;

        a->state = (struct adopt_state){ .step = ADOPT_BEGUN, .made_config = true };
        snprintf(a->state.unit, sizeof a->state.unit, "%.255s", a->in->unit);
        if ((r = adopt_state_save(a->root, &a->state, e)) < 0 || (r = phase_certs(&a->ctx, "triarch", e)) < 0)
                return r;
        return phase_agent(&a->ctx, NULL, e);
}

int adopt_run(struct adopt *a, struct error *e) {
        CLEANUP(handover_done) struct handover h = { .a = a };
        int r;

        if (*a->root)
                return under_root(a, e);
        if ((r = unit_bus_open(&h.bus, e)) < 0 || (r = begin(&h, e)) < 0)
                return r;
        if (a->state.step == ADOPT_DONE) {
                puts("This machine was adopted before: nothing was changed.");
                return 0;
        }
        if ((r = hand_over(&h, e)) < 0)
                return r;
        printf("This machine is one of triarch's. `triarch adopt --undo` gives its address back to %s.\n",
               a->state.unit);
        return 0;
}

/* ---- back ---- */

static int stop_agent(struct handover *h, struct error *e) {
        bool changed;
        int r;

        if ((r = remove_dropin(h, e)) < 0 || (r = unit_stop(h->bus, AGENT_UNIT, UNIT_S, e)) < 0 ||
            (r = unit_disable(h->bus, AGENT_UNIT, &changed, e)) < 0 ||
            (r = unit_stop(h->bus, ENROLL_UNIT, UNIT_S, e)) < 0)
                return r;
        return unit_disable(h->bus, ENROLL_UNIT, &changed, e);
}

static int start_keepalived(struct handover *h, const struct adopt_state *s, struct error *e) {
        bool changed;
        int r;

        if ((r = unit_unmask(h->bus, s->unit, e)) < 0 ||
            (s->was_enabled && (r = unit_enable(h->bus, s->unit, &changed, e)) < 0))
                return r;
        if (!s->was_active)
                return 0;
        /* One that was stopped by kill_keepalived() and not killed is active to systemd. */
        (void)unit_kill(h->bus, s->unit, SIGCONT, NULL);
        return unit_start(h->bus, s->unit, UNIT_S, e);
}

/* keepalived can start at boot before the agent is off for good: a power loss in between leaves both. */
static int give_back(struct handover *h, const struct adopt_state *s, struct error *e) {
        int r;

        if ((r = unit_unmask(h->bus, s->unit, e)) < 0 || (r = stop_agent(h, e)) < 0 ||
            (r = start_keepalived(h, s, e)) < 0)
                return r;
        printf("[adopt] the agent is off, %s is %s\n", s->unit, s->was_active ? "started" : "as it was");
        measure_end(h);
        if (s->made_config && (r = pki_file_remove(TRIARCH_CONFIG_FILE)) < 0 && r != -ENOENT)
                return error_set(e, EXIT_FAILED, "%s: %s", TRIARCH_CONFIG_FILE, strerror(-r)), r;
        adopt_state_remove("");
        return 0;
}

int adopt_undo(const struct adopt_input *in, struct error *e) {
        CLEANUP(handover_done) struct handover h = { 0 };
        CLEANUP(config_freep) struct config *c = NULL;
        struct adopt_state s;
        struct error unused;
        int r = adopt_state_load(in->common.root, &s, e);

        if (r == -ENOENT)
                return error_set(e, EXIT_FAILED, "there is no " ADOPT_FILE ": this machine was not adopted");
        if (r < 0 || (r = unit_bus_open(&h.bus, e)) < 0)
                return r;
        /* It is gone when an earlier try came that far: then nothing is measured. */
        if (config_load(TRIARCH_CONFIG_FILE, NULL, &c, &unused) == 0 && (r = measure_begin(&h, c, e)) < 0)
                return r;
        if ((r = give_back(&h, &s, e)) < 0)
                return r;
        printf("keepalived has this machine's part again. What triarch made in %s stays, for the next try; "
               "nothing uses it.\n",
               TRIARCH_PKI_DIR);
        return 0;
}
