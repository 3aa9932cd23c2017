#include "agent/daemon_priv.h"
#include "agent/memory.h"
#include "agent/realtime.h"
#include "vrrp/keyring.h"
#include "vrrp/vmac.h"

#include <errno.h>
#include <openssl/evp.h>
#include <signal.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum { RETRY_US = 200000, RETRY_ACCURACY_US = 10000 };

uint64_t agent_now_us(const struct agent *a) {
        uint64_t t = 0;

        if (sd_event_now(a->loop, CLOCK_MONOTONIC, &t) < 0)
                return 0;
        return t;
}

void agent_record(struct agent *a, int priority, const char *message_id, const char *what, const char *from,
                  const char *to, const char *reason) {
        struct journal_entry entry = { .priority = priority,
                                       .message_id = message_id,
                                       .what = what,
                                       .from = *from ? from : NULL,
                                       .to = *to ? to : NULL,
                                       .reason = reason };
        char text[512];
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        history_add(&a->history, now, what, from, to, reason);
        if (*to)
                snprintf(text, sizeof text, "%s: %s -> %s: %s", what, from, to, reason);
        else
                snprintf(text, sizeof text, "%s", reason);
        entry.message = text;
        journal_send(&a->journal, &entry);
}

static void notify_group(struct agent *a, const struct agent_group *g) {
        struct vrrp_router_status s;

        if (!g->router) {
                sd_notifyf(0, "STATUS=waiting for %s: %s", agent_group_name(g).v, g->problem);
                return;
        }
        vrrp_router_status(g->router, &s);
        sd_notifyf(0, "STATUS=%s for %s, %s: %s", vrrp_state_name(s.state), agent_group_name(g).v,
                   health_class_name(a->health.published), a->health.reason);
}

static void notify_groups(struct agent *a) {
        size_t active = 0, waiting = 0;

        for (size_t i = 0; i < a->n_groups; i++) {
                struct vrrp_router_status s = { .state = VRRP_INIT };

                if (a->groups[i].router)
                        vrrp_router_status(a->groups[i].router, &s);
                waiting += !a->groups[i].router;
                active += s.state == VRRP_ACTIVE;
        }
        sd_notifyf(0, "STATUS=active for %zu of %zu groups, %zu waiting, %s: %s", active, a->n_groups,
                   waiting, health_class_name(a->health.published), a->health.reason);
}

void agent_notify_status(struct agent *a) {
        if (a->n_groups == 0)
                sd_notifyf(0, "STATUS=%s: %s", health_class_name(a->health.published), a->health.reason);
        else if (a->n_groups == 1)
                notify_group(a, &a->groups[0]);
        else
                notify_groups(a);
}

/* Setting libcrypto up touches 2 MiB that are never used again: before the memory is locked, which gives them
 * back. Whatever is wrong with it, opening the keys says so. */
static void set_up_libcrypto(const struct config *c) {
        unsigned char key[VRRP_KEY_SIZE] = { 0 }, tag[VRRP_TAG_SIZE];
        size_t size;

        for (size_t i = 0; i < c->vips.n; i++)
                if (c->vips.items[i].transport == VIP_TRANSPORT_SEALED) {
                        (void)EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, sizeof key, key, sizeof key,
                                        tag, sizeof tag, &size);
                        return;
                }
}

/* Neither is needed for correctness, so neither may be missing: a user without the rights gets a note. */
static void be_timely(struct agent *a) {
        char text[160];
        int r;

        if ((r = memory_lock()) < 0) {
                snprintf(text, sizeof text, "memory is not locked: %s", strerror(-r));
                agent_record(a, LOG_INFO, NULL, "agent", "", "", text);
        }
        if ((r = realtime_policy()) < 0) {
                snprintf(text, sizeof text, "no real-time policy: %s", strerror(-r));
                agent_record(a, LOG_INFO, NULL, "agent", "", "", text);
        }
}

static int on_stop(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        struct agent *a = userdata;

        (void)s;
        agent_groups_stop(a); /* first: others may take over now */
        sd_notify(0, "STOPPING=1");
        agent_record(a, LOG_NOTICE, NULL, "agent", "", "",
                     si->ssi_signo == SIGTERM ? "stopped by SIGTERM" : "stopped by SIGINT");
        sd_event_exit(a->loop, EXIT_DONE);
        return 0;
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        (void)s;
        (void)si;
        agent_keys_reload(userdata);
        return 0;
}

/* Bring the groups up, and then the probes, whose address may be known only by then; tried again until all
 * interfaces are there. */
static int bring_up(struct agent *a, struct error *e) {
        int r = agent_groups_open(a, e), k;

        if (r < 0 || a->probing || (a->n_groups && !a->groups[0].router && !a->keep))
                return r;
        if ((k = agent_probes_open(a, e)) < 0)
                return k;
        a->probing = true;
        return r;
}

static int on_bring_up(sd_event_source *s, uint64_t usec, void *userdata) {
        struct agent *a = userdata;
        struct error e;
        int r = bring_up(a, &e);

        if (r < 0) {
                error_print(&e);
                return sd_event_exit(a->loop, (int)e.status);
        }
        for (size_t i = 0; i < a->n_transports; i++)
                if (a->transports[i]->incomplete) {
                        agent_transport_connect(a->transports[i]);
                        r = 1;
                }
        if (r > 0) {
                sd_event_source_set_time(s, usec + RETRY_US);
                sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        }
        agent_notify_status(a);
        return 0;
}

void agent_look_again(struct agent *a) {
        sd_event_source_set_time_relative(a->bring_up, 0);
        sd_event_source_set_enabled(a->bring_up, SD_EVENT_ONESHOT);
}

static int prepare_loop(struct agent *a) {
        sigset_t stop;
        int r;

        sigemptyset(&stop);
        sigaddset(&stop, SIGTERM);
        sigaddset(&stop, SIGINT);
        sigaddset(&stop, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &stop, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        if ((r = sd_event_new(&a->loop)) < 0 || (r = sd_event_set_watchdog(a->loop, true)) < 0 ||
            (r = sd_event_add_signal(a->loop, &a->sigterm, SIGTERM, on_stop, a)) < 0 ||
            (r = sd_event_source_set_priority(a->sigterm, SD_EVENT_PRIORITY_IMPORTANT)) < 0 ||
            (r = sd_event_add_signal(a->loop, &a->sigint, SIGINT, on_stop, a)) < 0 ||
            (r = sd_event_add_signal(a->loop, &a->sighup, SIGHUP, on_hangup, a)) < 0 ||
            (r = worker_new(a->loop, &a->worker)) < 0 || (r = agent_move_init(a)) < 0 ||
            (r = sd_event_add_time_relative(a->loop, &a->bring_up, CLOCK_MONOTONIC, 0, RETRY_ACCURACY_US,
                                            on_bring_up, a)) < 0)
                return r;
        return 0;
}

static void flush(struct agent *a, const struct vrrp_ip *ip) {
        unsigned removed = 0;
        char text[160];
        int r = vrrp_address_flush(ip, NULL, &removed);

        if (r < 0)
                snprintf(text, sizeof text, "a stale address %s could not be removed: %s", vrrp_ip_text(ip).v,
                         strerror(-r));
        else
                snprintf(text, sizeof text, "removed a stale address %s of %u interface%s",
                         vrrp_ip_text(ip).v, removed, removed == 1 ? "" : "s");
        if (r < 0 || removed > 0)
                agent_record(a, LOG_WARNING, NULL, "notice", "", "", text);
}

static void flush_vmacs(struct agent *a) {
        unsigned removed = 0;
        char text[160];
        int r = vrrp_vmac_flush(0, &removed);

        if (r < 0)
                snprintf(text, sizeof text, "stale virtual MAC interfaces could not be removed: %s",
                         strerror(-r));
        else
                snprintf(text, sizeof text, "removed %u stale virtual MAC interface%s", removed,
                         removed == 1 ? "" : "s");
        if (r < 0 || removed > 0)
                agent_record(a, LOG_WARNING, NULL, "notice", "", "", text);
}

/* A VIP that a killed agent left must not answer while others have it, whatever else is wrong here. */
static void remove_stale_vips(struct agent *a) {
        const struct vip_list *vips = &a->config->vips;

        flush_vmacs(a);
        for (size_t i = 0; i < vips->n; i++)
                for (size_t j = 0; j < vips->items[i].n_addresses; j++)
                        flush(a, &vips->items[i].addresses[j].ip);
}

static void agent_done(struct agent *a) {
        agent_probes_close(a);
        worker_free(a->worker);
        agent_balance_done(a);
        agent_move_done(a);
        agent_members_done(a);
        agent_groups_done(a);
        agent_transports_done(a);
        agent_keys_done(a);
        agent_pages_close(a);
        sd_event_source_disable_unref(a->bring_up);
        sd_event_source_disable_unref(a->sigterm);
        sd_event_source_disable_unref(a->sigint);
        sd_event_source_disable_unref(a->sighup);
        journal_close(&a->journal);
        sd_event_unref(a->loop);
}

static int start(struct agent *a, struct error *e) {
        int r = prepare_loop(a);

        if (r < 0)
                return error_set(e, EXIT_FAILED, "the event loop cannot start: %s", strerror(-r));
        a->started_us = agent_now_us(a);
        journal_open(&a->journal, a->config->node_name);
        agent_record(a, LOG_NOTICE, JOURNAL_ID_STARTED, "agent", "", "", "started, version " TRIARCH_VERSION);
        if ((r = agent_groups_init(a)) < 0 || (r = agent_keys_init(a)) < 0 ||
            (r = agent_health_init(a)) < 0 || (r = agent_balance_init(a)) < 0)
                return error_set(e, EXIT_FAILED, "the agent cannot start: %s", strerror(-r));
        /* Tells whether another agent is at work here, whose address must not be taken for stale. */
        if ((r = agent_pages_open(a, e)) < 0)
                return r;
        if (!a->keep)
                remove_stale_vips(a);
        if ((r = agent_members_init(a, e)) < 0)
                return r;
        set_up_libcrypto(a->config);
        be_timely(a);
        sd_notify(0, "READY=1");
        return 0;
}

int agent_run(struct config *c, bool keep) {
        CLEANUP(freep) struct agent *a = calloc(1, sizeof *a);
        struct error e;
        int r;

        if (!a) {
                error_set(&e, EXIT_FAILED, "out of memory");
                return error_print(&e);
        }
        a->config = c;
        a->keep = keep;
        a->journal.fd = -1;
        r = start(a, &e) < 0 ? error_print(&e) : sd_event_loop(a->loop);
        agent_done(a);
        return r < 0 ? EXIT_FAILED : r;
}
