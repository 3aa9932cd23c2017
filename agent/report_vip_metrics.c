/* The groups, their members and transports as metrics: one series per group, labelled by address, interface
 * and virtual router id. */
#include "agent/report.h"
#include <inttypes.h>

static void group_labels(FILE *f, const struct report_group *g) {
        fputs("{vip=\"", f);
        report_metric_label(f, vrrp_ip_text(report_group_address(g)).v);
        fputs("\",interface=\"", f);
        report_metric_label(f, g->vip->interface ? g->vip->interface : "");
        fprintf(f, "\",vrid=\"%u\"", g->vip->vrid);
}

static double last_change(const struct report *r, const struct report_group *g) {
        double now = (double)r->wall.tv_sec + (double)r->wall.tv_nsec / 1e9;

        return now - (double)(r->router_now_us - g->router.since_us) / 1e6;
}

static double lease_left(const struct report *r, const struct report_group *g) {
        return g->router.lease_us > r->router_now_us ? (double)(g->router.lease_us - r->router_now_us) / 1e6
                                                     : 0;
}

/* ---- numbers of a group ---- */

#define GAUGE(fn, expression)                                                                                \
        static double fn(const struct report *r, const struct report_group *g) {                             \
                (void)r;                                                                                     \
                return (double)(expression);                                                                 \
        }
GAUGE(priority, g->router.priority)
GAUGE(present, g->router.address_present)
GAUGE(link_up, g->router.link_up)
GAUGE(standby, g->standby)
GAUGE(peers, g->router.n_peers)
GAUGE(became_active, g->became_active)
GAUGE(lost_active, g->lost_active)
GAUGE(generation, g->router.gen)
GAUGE(guard_fired, g->router.guard_fired)

static const struct group_metric {
        const char *name, *type, *help;
        double (*value)(const struct report *r, const struct report_group *g);
        bool majority; /* only where there is a lease */
} group_metrics[] = {
        { "vip_priority", "gauge", "Effective priority.", priority, false },
        { "vip_address_present", "gauge", "The addresses are on the interface.", present, false },
        { "vip_link_up", "gauge", "The interface has a carrier.", link_up, false },
        { "vip_standby", "gauge", "This node was told to stand by.", standby, false },
        { "vip_last_change_timestamp_seconds", "gauge", "When the state last changed.", last_change, false },
        { "vip_peers", "gauge", "Other routers heard.", peers, false },
        { "vip_became_active_total", "counter", "Times this node took the address.", became_active, false },
        { "vip_lost_active_total", "counter", "Times this node gave the address up or lost it.", lost_active,
          false },
        { "vip_lease_remaining_seconds", "gauge", "What is left of the lease; 0 where it is not held.",
          lease_left, true },
        { "vip_list_generation", "gauge", "Generation of the list of members.", generation, true },
        { "vip_guard_removals_total", "counter", "Times the guard thread had to remove the address.",
          guard_fired, true },
};

/* ---- counters of a group ---- */

#define OF_COUNTERS(member) offsetof(struct vrrp_counters, member)
#define OF_LEASE(member)    offsetof(struct vrrp_lease_counters, member)

struct count {
        const char *name, *help;
        size_t offset;
};
static const struct count router_counts[] = {
        { "vrrp_sent_total", "Advertisements sent.", OF_COUNTERS(sent) },
        { "vrrp_received_total", "Advertisements that passed every check.", OF_COUNTERS(received) },
        { "vrrp_claims_total", "Times the address was added.", OF_COUNTERS(claims) },
        { "vrrp_releases_total", "Times the address was removed.", OF_COUNTERS(releases) },
        { "vrrp_garp_sent_total", "Gratuitous ARP packets and neighbour advertisements sent.",
          OF_COUNTERS(garp_sent) },
        { "vrrp_refreshes_total", "Renewals of the address's kernel lifetime.", OF_COUNTERS(refreshes) },
        { "vrrp_address_repaired_total", "Times the address was put back.", OF_COUNTERS(address_repaired) },
        { "vrrp_conflicts_total", "Times another owner of the address was seen.", OF_COUNTERS(conflicts) },
        { "vrrp_late_total", "Times this program ran more than an interval late.", OF_COUNTERS(late) },
};
static const struct count lease_counts[] = {
        { "lease_elections_total", "Candidatures begun.", OF_LEASE(elections) },
        { "lease_acks_total", "Acknowledgements that counted.", OF_LEASE(acks) },
        { "lease_expired_total", "Leases that ran out.", OF_LEASE(expired) },
        { "lease_preempts_total", "Requests to give up.", OF_LEASE(preempts) },
        { "lease_list_changes_total", "Newer lists of members adopted.", OF_LEASE(list_changes) },
};
static const struct {
        const char *reason;
        size_t offset;
} rejections[] = {
        { "checksum", OF_COUNTERS(bad_checksum) }, { "ttl", OF_COUNTERS(bad_ttl) },
        { "length", OF_COUNTERS(bad_length) },     { "version", OF_COUNTERS(bad_version) },
        { "type", OF_COUNTERS(bad_type) },         { "vrid", OF_COUNTERS(bad_vrid) },
        { "interval", OF_COUNTERS(bad_interval) }, { "count", OF_COUNTERS(bad_count) },
        { "source", OF_COUNTERS(bad_source) },     { "addresses", OF_COUNTERS(other_addresses) },
};

static bool has_lease(const struct report_group *g) {
        return g->vip->election == VIP_ELECTION_MAJORITY;
}

static bool any_lease(const struct report *r) {
        for (size_t i = 0; i < r->n_groups; i++)
                if (has_lease(&r->groups[i]))
                        return true;
        return false;
}

static void states(FILE *f, const struct report *r) {
        report_metric_head(f, "vip_state", "gauge", "State of the virtual router: 1 for the one it has.");
        for (size_t i = 0; i < r->n_groups; i++)
                for (enum vrrp_state s = VRRP_INIT; s <= VRRP_ACTIVE; s++) {
                        const struct report_group *g = &r->groups[i];

                        fputs("triarch_vip_state", f);
                        group_labels(f, g);
                        fprintf(f, ",state=\"%s\"} %d\n", vrrp_state_name(s),
                                (g->routing ? g->router.state : VRRP_INIT) == s);
                }
}

static void numbers(FILE *f, const struct report *r, const struct group_metric *m) {
        if (m->majority && !any_lease(r))
                return;
        report_metric_head(f, m->name, m->type, m->help);
        for (size_t i = 0; i < r->n_groups; i++) {
                const struct report_group *g = &r->groups[i];

                if (!g->routing || (m->majority && !has_lease(g)))
                        continue;
                fprintf(f, "triarch_%s", m->name);
                group_labels(f, g);
                fprintf(f, "} %.14g\n", m->value(r, g));
        }
}

static void counts(FILE *f, const struct report *r, const struct count *c, bool lease) {
        report_metric_head(f, c->name, "counter", c->help);
        for (size_t i = 0; i < r->n_groups; i++) {
                const struct report_group *g = &r->groups[i];
                const char *base = lease ? (const char *)&g->router.lease : (const char *)&g->router.counters;

                if (!g->routing || (lease && !has_lease(g)))
                        continue;
                fprintf(f, "triarch_%s", c->name);
                group_labels(f, g);
                fprintf(f, "} %" PRIu64 "\n", *(const uint64_t *)(const void *)(base + c->offset));
        }
}

static void rejected(FILE *f, const struct report *r) {
        report_metric_head(f, "vrrp_rejected_total", "counter", "Advertisements rejected, by reason.");
        for (size_t i = 0; i < r->n_groups; i++)
                for (size_t j = 0; j < ARRAY_SIZE(rejections); j++) {
                        const struct report_group *g = &r->groups[i];
                        const char *base = (const char *)&g->router.counters;

                        if (!g->routing)
                                continue;
                        fputs("triarch_vrrp_rejected_total", f);
                        group_labels(f, g);
                        fprintf(f, ",reason=\"%s\"} %" PRIu64 "\n", rejections[j].reason,
                                *(const uint64_t *)(const void *)(base + rejections[j].offset));
                }
}

/* ---- members and transports ---- */

static void member_labels(FILE *f, const struct report_transport *t, const struct report_member *m) {
        fputs("{member=\"", f);
        report_metric_label(f, m->name);
        fputs("\",interface=\"", f);
        report_metric_label(f, t->interface);
        fputs("\"} ", f);
}

static bool session(const struct report *r, const struct report_member *m, double *v) {
        (void)r;
        *v = m->session;
        return !m->self;
}

static bool heard(const struct report *r, const struct report_member *m, double *v) {
        *v = (double)report_age_ms(r, m->last_us) / 1e3;
        return !m->self && m->last_us;
}

static bool class_of(const struct report *r, const struct report_member *m, double *v) {
        (void)r;
        *v = m->class;
        return m->known;
}

static bool offset(const struct report *r, const struct report_member *m, double *v) {
        (void)r;
        *v = m->offset_s;
        return m->compared;
}

static const struct {
        const char *name, *help;
        bool (*value)(const struct report *r, const struct report_member *m, double *v); /* false: none */
} member_metrics[] = {
        { "member_session", "1 when the member's datagrams count.", session },
        { "member_last_heard_seconds", "Age of the member's last datagram.", heard },
        { "member_class", "What the member says of itself: 0 healthy, 1 degraded, 2 failed.", class_of },
        { "member_clock_offset_seconds", "The member's clock less this node's.", offset },
};

static void members(FILE *f, const struct report *r) {
        for (size_t k = 0; k < ARRAY_SIZE(member_metrics); k++) {
                report_metric_head(f, member_metrics[k].name, "gauge", member_metrics[k].help);
                for (size_t i = 0; i < r->n_transports; i++)
                        for (size_t j = 0; j < r->transports[i].n_members; j++) {
                                const struct report_member *m = &r->transports[i].members[j];
                                double v = 0;

                                if (!member_metrics[k].value(r, m, &v))
                                        continue;
                                fprintf(f, "triarch_%s", member_metrics[k].name);
                                member_labels(f, &r->transports[i], m);
                                fprintf(f, "%.9g\n", v);
                        }
        }
}

static void transport_count(FILE *f, const struct report *r, const char *name, const char *help,
                            size_t offset) {
        report_metric_head(f, name, "counter", help);
        for (size_t i = 0; i < r->n_transports; i++) {
                const char *base = (const char *)&r->transports[i].counters;

                fprintf(f, "triarch_%s{interface=\"", name);
                report_metric_label(f, r->transports[i].interface);
                fprintf(f, "\"} %" PRIu64 "\n", *(const uint64_t *)(const void *)(base + offset));
        }
}

static void refused(FILE *f, const struct report *r) {
        report_metric_head(f, "sealed_refused_total", "counter",
                           "Datagrams that were not authentic, by reason.");
        for (size_t i = 0; i < r->n_transports; i++)
                for (enum vrrp_seal_verdict v = VRRP_SEAL_OK + 1; v < VRRP_SEAL_N_VERDICTS; v++) {
                        fputs("triarch_sealed_refused_total{interface=\"", f);
                        report_metric_label(f, r->transports[i].interface);
                        fprintf(f, "\",reason=\"%s\"} %" PRIu64 "\n", report_seal_verdict(v),
                                r->transports[i].counters.bad[v]);
                }
}

static void transports(FILE *f, const struct report *r) {
        transport_count(f, r, "sealed_sent_total", "Datagrams sent.",
                        offsetof(struct vrrp_sealed_counters, sent));
        transport_count(f, r, "sealed_received_total", "Authentic datagrams that counted.",
                        offsetof(struct vrrp_sealed_counters, received));
        transport_count(f, r, "sealed_send_errors_total", "Datagrams that could not be sent.",
                        offsetof(struct vrrp_sealed_counters, send_errors));
        transport_count(f, r, "sealed_replays_total",
                        "Authentic datagrams that were replayed, late or of an unknown boot.",
                        offsetof(struct vrrp_sealed_counters, replays));
        refused(f, r);
        members(f, r);
}

void report_vip_metrics(FILE *f, const struct report *r) {
        if (!r->n_groups)
                return;
        states(f, r);
        for (size_t i = 0; i < ARRAY_SIZE(group_metrics); i++)
                numbers(f, r, &group_metrics[i]);
        for (size_t i = 0; i < ARRAY_SIZE(router_counts); i++)
                counts(f, r, &router_counts[i], false);
        for (size_t i = 0; i < ARRAY_SIZE(lease_counts) && any_lease(r); i++)
                counts(f, r, &lease_counts[i], true);
        rejected(f, r);
        if (r->n_transports)
                transports(f, r);
}
