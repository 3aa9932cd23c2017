/* Inside the agent: its one object, and what its files call of each other. */
#ifndef AGENT_DAEMON_PRIV_H
#define AGENT_DAEMON_PRIV_H

#include "agent/control.h"
#include "agent/daemon.h"
#include "agent/health_node.h"
#include "agent/journal.h"
#include "agent/probe.h"
#include "agent/report.h"

struct agent {
        struct config *config;
        sd_event *loop;
        struct journal journal;
        struct history history;
        struct health health;    /* node's; read it, change it through node */
        struct health_node node; /* health, in the light of the other masters' */
        sd_event_source *health_timer, *bring_up, *sigterm, *sigint;
        struct http *http;
        struct http_probe *api_server, *kubelet;
        struct etcd_probe *etcd;
        struct clock_probe *clock;
        struct vrrp_host *host;
        struct vrrp_router *router;
        struct control *socket, *loopback;
        char problem[256]; /* why there is no router yet */
        uint64_t started_us, became_active, lost_active, class_changes;
};

/* daemon_pages.c */
int agent_pages_open(struct agent *a, struct error *e);
void agent_pages_close(struct agent *a);

/* daemon_health.c: checks to class, class to router */
int agent_health_init(struct agent *a);
int agent_probes_open(struct agent *a, struct error *e);
void agent_probes_close(struct agent *a);
void agent_health_link(struct agent *a, bool up);

/* daemon_router.c */
/* 0; 1: not yet, a->problem says why; negative errno: never. */
int agent_router_open(struct agent *a, struct error *e);

/* daemon.c */
uint64_t agent_now_us(const struct agent *a);
/* Into the history and the journal. `what`, `from` and `to` are static. */
void agent_record(struct agent *a, int priority, const char *message_id, const char *what, const char *from,
                  const char *to, const char *reason);
void agent_notify_status(struct agent *a);

#endif
