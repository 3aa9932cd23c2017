/* Inside the agent: its one object, and what its files call of each other. */
#ifndef AGENT_DAEMON_PRIV_H
#define AGENT_DAEMON_PRIV_H

#include "agent/balance.h"
#include "agent/control.h"
#include "agent/daemon.h"
#include "agent/health_node.h"
#include "agent/journal.h"
#include "agent/probe.h"
#include "agent/report.h"
#include "agent/worker.h"
#include "vrrp/host.h"
#include "vrrp/keyring.h"

struct agent;

enum { AGENT_PROBLEM = 256, AGENT_TRANSPORTS = 8, AGENT_WAITING = 16, AGENT_FRESH_INTERVALS = 10 };

/* The keys of the sealed transport, as last read from one file. */
struct agent_keys {
        const char *path; /* the configuration's */
        struct vrrp_keys keys;
        bool good, reading;
        char problem[AGENT_PROBLEM]; /* why the newest file is not in use, "" */
        uint64_t read_us;            /* when it was last tried */
        unsigned loads;              /* how often with success */
};

/* The sealed transport of one interface: carries the groups there, and what agents tell one another. */
struct agent_transport {
        struct agent *agent;
        const struct vip_config *vip; /* one of its groups: all have the same members, key and port */
        struct agent_keys *keys;
        struct vrrp_sealed *sealed; /* the host's */
        uint64_t self;              /* own member id */
        struct vrrp_list list;      /* newest on disk (lease rule 12) */
        bool incomplete;            /* not every member has a socket yet */
        uint64_t storing;           /* generation that is being written, 0: none */
        char path[PATH_MAX];        /* of the agent's copy of the list */
};

/* One virtual router. A group of the configuration is one; with transport ip one per family of its
 * addresses. */
struct agent_group {
        struct agent *agent;
        struct vip_config *vip;
        uint8_t family;                    /* ip: of its addresses; sealed: AF_UNSPEC, all of vip's */
        struct vrrp_router *router;        /* NULL: not yet, problem says why */
        struct agent_transport *transport; /* sealed */
        bool link_up, standby;             /* standby: as configured or asked for */
        char problem[AGENT_PROBLEM];
        uint64_t became_active, lost_active;
};

struct agent {
        struct config *config;
        sd_event *loop;
        struct journal journal;
        struct history history;
        struct health health;    /* node's; read it, change it through node */
        struct health_node node; /* health, in the light of the other masters' */
        sd_event_source *health_timer, *bring_up, *sigterm, *sigint, *sighup;
        struct http *http;
        struct http_probe *api_server, *kubelet;
        struct etcd_probe *etcd;
        struct clock_probe *clock;
        bool probing;
        bool keep; /* agent_run() */
        struct vrrp_host *host;
        struct agent_keys *keys;
        size_t n_keys;
        struct agent_transport *transports[AGENT_TRANSPORTS];
        size_t n_transports;
        struct agent_transport *exchange; /* carries what agents tell one another; NULL: nothing yet */
        bool role_changed;                /* the others are to be told */
        bool withheld;                    /* a fault that was measured nowhere better, as last recorded */
        unsigned asked;                   /* checks that others want measured now */
        bool several_interfaces;          /* of sealed groups */
        struct vrrp_list root_list;       /* as the root services wrote it; gen 0: not yet */
        sd_event_source *root_watch;
        struct agent_group *groups;
        size_t n_groups;
        struct worker *worker;
        struct control *socket, *loopback;
        struct control_ticket *waits_for_keys[AGENT_WAITING];
        size_t n_waits_for_keys;
        struct agent_move { /* an owner elsewhere was asked */
                struct control_ticket *ticket;
                const struct agent_group *group;
                uint64_t nonce, until_us;
                char from[VRRP_LIST_NAME], to[VRRP_LIST_NAME];
        } moves[AGENT_WAITING];
        size_t n_moves;
        sd_event_source *move_timer;
        struct agent_balance *balance; /* apiServerLoadBalancing; NULL: off */
        uint64_t started_us, class_changes;
};

/* daemon_pages.c */
int agent_pages_open(struct agent *a, struct error *e);
void agent_pages_close(struct agent *a);

/* daemon_balance.c: new connections to the API server are spread, where this is wanted */
int agent_balance_init(struct agent *a);
void agent_balance_changed(struct agent *a); /* the role, or somebody's health */
/* What is in force; NULL: off, or not known now. *ret_problem: why it cannot be, "" when it can. */
const struct balance *agent_balance_now(const struct agent *a, const char **ret_problem);
void agent_balance_done(struct agent *a);

/* daemon_control.c: what changes something, by the control socket */
struct agent_wish {
        const char *to; /* name of a member, NULL: not given; borrowed from the document */
        int64_t vrid;   /* 0: not given */
        int on, force;  /* on -1: not given */
};
/* False with the refusal. The caller owns *ret_doc in either case. */
bool agent_wish_parse(const struct control_request *q, json_t **ret_doc, struct agent_wish *w,
                      struct control_page *ret);
/* The one group that is meant; NULL with the refusal. */
struct agent_group *agent_wish_group(struct agent *a, const struct agent_wish *w, struct control_page *ret);
void agent_answer(struct control_page *ret, json_t *o); /* 200; o is taken over */
void agent_control_standby(void *userdata, const struct control_request *q, struct control_page *ret);
void agent_control_reload(void *userdata, const struct control_request *q, struct control_page *ret);
void agent_control_keys_read(struct agent *a); /* a key file was read: who waits for it is answered */

/* daemon_move.c: POST /v1/vip/move */
void agent_control_move(void *userdata, const struct control_request *q, struct control_page *ret);
/* Operation of the health node: the owner's answer to our question. */
void agent_moved(void *userdata, uint64_t nonce, enum exchange_moved result);
/* Somebody else could take the group's address now. */
bool agent_other_is_fit(const struct agent_group *g);
int agent_move_init(struct agent *a);
void agent_move_done(struct agent *a);

/* daemon_health.c: checks to class, class to routers */
int agent_health_init(struct agent *a);
int agent_probes_open(struct agent *a, struct error *e);
void agent_probes_close(struct agent *a);
/* The links of the groups' interfaces: the check fails when all are down. */
void agent_health_link(struct agent *a);

/* Arm the timer for what is due next. */
void agent_health_arm(struct agent *a);

/* daemon_exchange.c: the other masters' health */
struct health_when agent_health_now(void);
/* Once, with the first transport that runs. 0 or negative errno. */
int agent_exchange_join(struct agent *a, struct agent_transport *t);
/* Who is active, standby, the list or the keys changed: the others are told in the next round of the loop. */
void agent_exchange_changed(struct agent *a);
void agent_exchange_due(struct agent *a); /* that round */
/* Operations of the health node. */
void agent_exchange_send(void *userdata, uint64_t dst, const uint8_t *body, size_t size);
void agent_exchange_probe(void *userdata, unsigned checks);
int agent_exchange_give_up(void *userdata, uint32_t group, uint64_t succ, const char *reason);

/* daemon_router.c */
int agent_groups_init(struct agent *a);
/* Start what can be started. 0: all run; 1: not yet, the groups' problems say why; negative errno: never. */
int agent_groups_open(struct agent *a, struct error *e);
void agent_groups_stop(struct agent *a);
void agent_groups_done(struct agent *a);

/* On for ever where this node is a witness. */
void agent_group_standby(struct agent_group *g, bool on);
/* The group's first address: what it is called. */
struct vrrp_ip_text agent_group_name(const struct agent_group *g);

/* daemon_transport.c */
/* The transport of the group's interface, made when it is the first there. 0; 1 with *e: not yet; negative
 * errno with *e: never. */
int agent_transport_open(struct agent *a, const struct vip_config *v, struct agent_transport **ret,
                         struct error *e);
/* Write it to disk off the loop, then hand it to all that follow the list. 0, or -EAGAIN: not now. */
int agent_transport_store(struct agent_transport *t, const struct vrrp_list *list);
void agent_transport_connect(struct agent_transport *t);
void agent_transports_done(struct agent *a);

/* daemon_members.c: where lists come from */
/* At the start, before the loop runs: reads what is there. 0 or negative errno with *e. */
int agent_members_init(struct agent *a, struct error *e);
void agent_members_done(struct agent *a);
/* The list to begin with, and this node's id. As agent_transport_open(). */
int agent_members_first(struct agent_transport *t, struct error *e);
/* Pure: the static list; what is wrong about a list given after the one on disk (NULL: nothing); for people.
 */
void agent_members_of_config(const struct config *c, const struct vip_config *v, struct vrrp_list *ret);
const char *agent_members_conflict(const struct vrrp_list *stored, const struct vrrp_list *given);
void agent_members_text(const struct vrrp_list *list, char *out, size_t size);
/* Where their number is not a good one, into the journal: what deaths do. */
void agent_members_warn(struct agent *a, const struct vip_config *v, const struct vrrp_list *list);

/* daemon_keys.c */
int agent_keys_init(struct agent *a); /* reads the files, before the loop runs */
struct agent_keys *agent_keys_find(struct agent *a, const char *path);
/* Read the files again, off the loop; agent_control_keys_read() is called after each. */
void agent_keys_reload(struct agent *a);
void agent_keys_retry(struct agent *a); /* those that were never good, now and then */
bool agent_keys_reading(const struct agent *a);
void agent_keys_done(struct agent *a);

/* daemon.c */
uint64_t agent_now_us(const struct agent *a);
/* Into the history and the journal. `what`, `from` and `to` are static. */
void agent_record(struct agent *a, int priority, const char *message_id, const char *what, const char *from,
                  const char *to, const char *reason);
void agent_notify_status(struct agent *a);
/* Something that may have been waited for came. */
void agent_look_again(struct agent *a);

#endif
