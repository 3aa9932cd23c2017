#include "vrrp/router_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <time.h>

enum {
        DRAIN_LATE = 1024,      /* more than a socket buffer holds */
        DRAIN_TIMER = 64,       /* before a deadline is acted on */
        LEARN_FACTOR = 10,      /* learned intervals: this many of our own, */
        LEARN_MIN_US = 3000000, /* or three seconds */
        REFUSED_US = 10000000,  /* how long a refused address is left to others */
};

void vrrp_router_notice(struct vrrp_router *r, unsigned kind, struct in_addr who, const char *fmt, ...) {
        char text[256];
        va_list ap;

        if (!vrrp_notice_due(&r->notices, kind, who, vrrp_now_us()) || !r->ops.notice)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        r->ops.notice(r->userdata, text);
}

static void perform(struct vrrp_router *r, const struct vrrp_actions *out) {
        for (size_t i = 0; i < out->n; i++)
                switch (out->v[i]) {
                case VRRP_ACT_ADVERTISE:
                        vrrp_router_advertise(r, out->prio[i]);
                        break;
                case VRRP_ACT_CLAIM:
                        vrrp_router_claim(r);
                        break;
                case VRRP_ACT_ANNOUNCE:
                        vrrp_router_announce_again(r);
                        break;
                case VRRP_ACT_RELEASE:
                        vrrp_router_release(r);
                        break;
                }
}

static void state_changed(struct vrrp_router *r, enum vrrp_state from, uint64_t now_us, const char *reason) {
        r->since_us = now_us;
        r->active.s_addr = r->fsm.state == VRRP_ACTIVE ? r->link.self.s_addr : INADDR_ANY;
        vrrp_notice_reset(&r->notices);
        if (r->ops.state_changed)
                r->ops.state_changed(r->userdata, from, r->fsm.state, reason);
}

uint8_t vrrp_router_priority(const struct vrrp_router *r) {
        return vrrp_priority_of_class(r->p.priority, r->refused || r->standby ? VRRP_FAILED : r->class);
}

/* An Active without the address must not keep others from it, nor preempt them again and again. */
static void give_up_refused(struct vrrp_router *r) {
        struct vrrp_event ev = { .type = VRRP_EV_GIVE_UP, .now_us = vrrp_now_us() };
        char text[128];

        snprintf(text, sizeof text, "the kernel refused the address: %s", strerror(-r->add_error));
        r->add_error = 0;
        r->refused = true;
        ev.prio = vrrp_router_priority(r);
        vrrp_router_feed(r, ev, text);
        vrrp_clock_arm(r->refresh, ev.now_us + REFUSED_US);
}

void vrrp_router_feed(struct vrrp_router *r, struct vrrp_event ev, const char *reason) {
        enum vrrp_state from = r->fsm.state;
        struct vrrp_actions out;

        vrrp_fsm_step(&r->fsm, &ev, &out);
        perform(r, &out);
        vrrp_clock_arm(r->deadline, r->fsm.deadline_us);
        if (from != r->fsm.state)
                state_changed(r, from, ev.now_us, reason ? reason : out.reason);
        if (r->add_error < 0)
                give_up_refused(r);
}

void vrrp_router_catch_up(struct vrrp_router *r) {
        uint64_t now = vrrp_now_us();

        if (r->fsm.deadline_us == VRRP_NEVER || now <= r->fsm.deadline_us ||
            now - r->fsm.deadline_us <= r->p.interval_us)
                return;
        vrrp_router_notice(r, VRRP_NOTICE_LATE, (struct in_addr){ 0 },
                           "woke up %llu ms late; advertisements heard meanwhile come first",
                           (unsigned long long)(now - r->fsm.deadline_us) / 1000);
        vrrp_router_drain(r, DRAIN_LATE);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        struct vrrp_router *r = userdata;
        uint64_t now;

        (void)s;
        (void)usec;
        vrrp_router_catch_up(r);
        vrrp_router_drain(r, DRAIN_TIMER); /* one that is queued may have come in time */
        now = vrrp_now_us();
        if (now >= r->fsm.deadline_us)
                vrrp_router_feed(r, (struct vrrp_event){ .type = VRRP_EV_DEADLINE, .now_us = now }, NULL);
        else
                vrrp_clock_arm(r->deadline, r->fsm.deadline_us);
        return 0;
}

static int add_timer(struct vrrp_router *r, sd_event_source **ret, sd_event_time_handler_t fn, int priority) {
        int k;

        /* Accuracy 1: 0 would mean a quarter of a second. */
        if ((k = sd_event_add_time(r->loop, ret, CLOCK_MONOTONIC, UINT64_MAX, 1, fn, r)) < 0 ||
            (k = sd_event_source_set_priority(*ret, priority)) < 0)
                return k;
        return sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int add_io(struct vrrp_router *r, sd_event_source **ret, struct mnl_socket *nl,
                  sd_event_io_handler_t fn) {
        int k;

        if ((k = sd_event_add_io(r->loop, ret, mnl_socket_get_fd(nl), EPOLLIN, fn, r)) < 0)
                return k;
        return sd_event_source_set_priority(*ret, SD_EVENT_PRIORITY_IMPORTANT + 1);
}

static int validate(const struct vrrp_router_params *p) {
        if (p->vrid == 0 || p->priority == 0 || p->interval_us < 10000 ||
            p->interval_us > VRRP_INTERVAL_MAX_US || p->interval_us % 10000 ||
            p->n_peers > VRRP_MAX_MEMBERS || p->n_vips == 0 || p->n_vips > VRRP_MAX_VIPS || !p->interface ||
            strlen(p->interface) >= IF_NAMESIZE)
                return -EINVAL;
        return p->transport == VRRP_TRANSPORT_IP && p->election == VRRP_ELECTION_PRIORITY && p->n_vips == 1 &&
                               p->vips[0].family == AF_INET
                       ? 0
                       : -EOPNOTSUPP;
}

static void copy_params(struct vrrp_router *r, const struct vrrp_router_params *p) {
        r->p.vrid = p->vrid;
        r->p.priority = p->priority;
        r->p.interval_us = p->interval_us;
        r->p.vip = vrrp_ip_in(&p->vips[0]);
        r->p.self = vrrp_ip_in(&p->self);
        r->p.n_peers = p->n_peers;
        for (size_t i = 0; i < p->n_peers; i++)
                r->p.peers[i] = vrrp_ip_in(&p->peers[i]);
        r->p.preempt = p->preempt;
        r->p.valid_lft_s = p->valid_lft_s ? p->valid_lft_s : 2;
}

static void init_fsm(struct vrrp_router *r) {
        uint64_t learn = (uint64_t)LEARN_FACTOR * r->p.interval_us;
        struct vrrp_fsm_params p = {
                .priority = r->p.priority,
                .interval_us = r->p.interval_us,
                .preempt = r->p.preempt,
        };

        /* A neighbour's long interval is followed, but a hostile one cannot park us for two minutes. */
        if (learn < LEARN_MIN_US)
                learn = LEARN_MIN_US;
        p.interval_max_us = learn < VRRP_INTERVAL_MAX_US ? (uint32_t)learn : VRRP_INTERVAL_MAX_US;
        vrrp_fsm_init(&r->fsm, &p);
        r->since_us = vrrp_now_us();
}

static int attach(struct vrrp_router *r) {
        int k;

        if ((k = vrrp_netlink_open_events(&r->events)) < 0 ||
            (k = vrrp_netlink_open_requests(&r->requests)) < 0 ||
            (k = add_io(r, &r->events_io, r->events, vrrp_router_on_events)) < 0 ||
            (k = add_io(r, &r->requests_io, r->requests, vrrp_router_on_requests)) < 0 ||
            (k = add_timer(r, &r->deadline, on_deadline, SD_EVENT_PRIORITY_IMPORTANT)) < 0 ||
            (k = add_timer(r, &r->refresh, vrrp_router_on_refresh, SD_EVENT_PRIORITY_IMPORTANT + 1)) < 0 ||
            (k = add_timer(r, &r->announce, vrrp_router_on_announce, SD_EVENT_PRIORITY_IMPORTANT + 1)) < 0)
                return k;
        return 0;
}

DEFINE_CLEANUP(struct vrrp_router *, vrrp_router_free)

int vrrp_router_new(struct vrrp_host *h, const struct vrrp_router_params *p,
                    const struct vrrp_router_ops *ops, void *userdata, struct vrrp_router **ret) {
        CLEANUP(vrrp_router_freep) struct vrrp_router *r = NULL;
        unsigned removed;
        int k;

        if ((k = validate(p)) < 0 || (k = vrrp_address_flush(&p->vips[0], p->interface, &removed)) < 0)
                return k;
        if (!(r = calloc(1, sizeof *r)))
                return -ENOMEM;
        copy_params(r, p);
        r->host = h;
        memcpy(r->name, p->interface, strlen(p->interface) + 1);
        r->ops = *ops;
        r->userdata = userdata;
        r->loop = sd_event_ref(h->loop);
        r->raw = r->arp = -1;
        init_fsm(r);
        /* Events are subscribed to before the first look, so that nothing falls between. */
        if ((k = attach(r)) < 0 || (k = vrrp_netlink_scan(r->name, r->p.vip, r->p.self, &r->link)) < 0)
                return k;
        if (r->link.ifindex == 0)
                return -ENODEV;
        if ((k = vrrp_router_open(r)) < 0)
                return k;
        r->usable = r->link.running && r->link.self.s_addr != INADDR_ANY;
        if (removed > 0)
                vrrp_router_notice(r, VRRP_NOTICE_FOREIGN, r->p.vip, "removed a stale address from %s",
                                   r->name);
        *ret = TAKE_PTR(r);
        return 0;
}

void vrrp_router_start(struct vrrp_router *r) {
        r->started = true;
        vrrp_router_look(r);
        if (r->usable && r->fsm.state == VRRP_INIT) {
                memcpy(r->fsm.self, &r->link.self, sizeof r->link.self);
                vrrp_router_feed(r, (struct vrrp_event){ .type = VRRP_EV_START, .now_us = vrrp_now_us() },
                                 NULL);
        }
}

void vrrp_router_stop(struct vrrp_router *r) {
        r->started = false;
        vrrp_router_feed(r, (struct vrrp_event){ .type = VRRP_EV_STOP, .now_us = vrrp_now_us() }, NULL);
}

void vrrp_router_set_class(struct vrrp_router *r, enum vrrp_class c, const char *reason) {
        bool gives_up = c == VRRP_FAILED && r->class != VRRP_FAILED; /* the edge only */
        struct vrrp_event ev = {
                .type = gives_up ? VRRP_EV_GIVE_UP : VRRP_EV_PRIORITY,
                .now_us = vrrp_now_us(),
        };

        r->class = c;
        ev.prio = vrrp_router_priority(r);
        vrrp_router_feed(r, ev, reason);
}

int vrrp_router_give_up(struct vrrp_router *r, uint64_t succ, const char *reason) {
        struct vrrp_event ev = { .type = VRRP_EV_GIVE_UP,
                                 .now_us = vrrp_now_us(),
                                 .prio = vrrp_router_priority(r) };

        (void)succ;
        if (r->fsm.state != VRRP_ACTIVE)
                return -EPERM;
        vrrp_router_feed(r, ev, reason);
        return 0;
}

void vrrp_router_standby(struct vrrp_router *r, bool on) {
        struct vrrp_event ev = { .type = on ? VRRP_EV_GIVE_UP : VRRP_EV_PRIORITY, .now_us = vrrp_now_us() };

        r->standby = on;
        ev.prio = vrrp_router_priority(r);
        vrrp_router_feed(r, ev, on ? "standby" : NULL);
}

void vrrp_router_list(struct vrrp_router *r, const struct vrrp_list *list) {
        (void)r;
        (void)list;
}

void vrrp_router_status(const struct vrrp_router *r, struct vrrp_router_status *ret) {
        *ret = (struct vrrp_router_status){
                .state = r->fsm.state,
                .state_text = vrrp_state_name(r->fsm.state),
                .vrid = r->p.vrid,
                .priority = r->fsm.prio,
                .priority_configured = r->p.priority,
                .class = r->class,
                .interval_us = r->p.interval_us,
                .active_interval_us = r->fsm.active_interval_us,
                .link_up = r->link.running,
                .standby = r->standby,
                .address_present = r->address_present,
                .since_us = r->since_us,
                .n_vips = 1,
                .guard_us = VRRP_NEVER,
                .n_peers = r->n_peers,
                .counters = r->counters,
        };
        ret->vips[0] = vrrp_ip_v4(r->p.vip);
        if (r->link.self.s_addr != INADDR_ANY)
                ret->self = vrrp_ip_v4(r->link.self);
        if (r->active.s_addr != INADDR_ANY)
                ret->active = vrrp_ip_v4(r->active);
        memcpy(ret->peers, r->peers, sizeof ret->peers);
}

void vrrp_router_free(struct vrrp_router *r) {
        if (!r)
                return;
        if (r->fsm.state != VRRP_INIT)
                vrrp_router_stop(r);
        vrrp_router_close(r);
        sd_event_source_disable_unref(r->events_io);
        sd_event_source_disable_unref(r->requests_io);
        sd_event_source_disable_unref(r->deadline);
        sd_event_source_disable_unref(r->refresh);
        sd_event_source_disable_unref(r->announce);
        if (r->events)
                mnl_socket_close(r->events);
        if (r->requests)
                mnl_socket_close(r->requests);
        sd_event_unref(r->loop);
        free(r);
}
