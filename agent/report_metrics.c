#include "agent/report.h"
#include <errno.h>
#include <inttypes.h>

static void head(FILE *f, const char *name, const char *type, const char *help) {
        fprintf(f, "# HELP triarch_%s %s\n# TYPE triarch_%s %s\n", name, help, name, type);
}

static void gauge(FILE *f, const char *name, const char *help, double value) {
        head(f, name, "gauge", help);
        fprintf(f, "triarch_%s %.9g\n", name, value);
}

static void counter(FILE *f, const char *name, const char *help, uint64_t value) {
        head(f, name, "counter", help);
        fprintf(f, "triarch_%s %" PRIu64 "\n", name, value);
}

/* A label's value: backslash, quote and line break are written with a backslash. */
static void label(FILE *f, const char *text) {
        for (; *text; text++) {
                if (*text == '\n')
                        fputs("\\n", f);
                else if (*text == '\\' || *text == '"')
                        fprintf(f, "\\%c", *text);
                else
                        fputc(*text, f);
        }
}

static void class_metrics(FILE *f, const struct report *r) {
        head(f, "class", "gauge", "Class of this node: 1 for the one it has.");
        for (enum vrrp_class c = VRRP_HEALTHY; c <= VRRP_FAILED; c++)
                fprintf(f, "triarch_class{class=\"%s\"} %d\n", health_class_name(c),
                        r->health->published == c);
        head(f, "class_reason", "gauge", "Always 1; the label says why the node has its class.");
        fputs("triarch_class_reason{reason=\"", f);
        label(f, r->health->reason);
        fputs("\"} 1\n", f);
        counter(f, "class_changes_total", "Changes of the class of this node.", r->class_changes);
}

static void check_metrics(FILE *f, const struct report *r) {
        head(f, "check_ok", "gauge", "1 when the check's class is healthy.");
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (r->health->params.enabled[c])
                        fprintf(f, "triarch_check_ok{check=\"%s\"} %d\n", health_check_name(c),
                                r->health->item[c].class == VRRP_HEALTHY);
        head(f, "check_class", "gauge", "0 healthy, 1 degraded, 2 failed; the label says why.");
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++) {
                if (!r->health->params.enabled[c])
                        continue;
                fprintf(f, "triarch_check_class{check=\"%s\",reason=\"", health_check_name(c));
                label(f, r->health->item[c].reason);
                fprintf(f, "\"} %d\n", (int)r->health->item[c].class);
        }
}

static void clock_metrics(FILE *f, const struct report *r) {
        if (!r->clock)
                return;
        gauge(f, "clock_correction_seconds", "What the time source would add to the system clock.",
              r->clock->correction);
        gauge(f, "clock_error_bound_seconds", "Correction, root dispersion and half of the root delay.",
              r->clock->error_bound);
        gauge(f, "clock_update_age_seconds", "Age of the last update of the clock.", r->clock->age);
        gauge(f, "clock_max_offset_seconds", "The configured limit.", r->config->time_max_offset_s);
}

static void etcd_metrics(FILE *f, const struct report *r) {
        if (!r->etcd)
                return;
        if (r->etcd->has_leader != ETCD_FLAG_UNKNOWN)
                gauge(f, "etcd_has_leader", "The local etcd sees a leader.", r->etcd->has_leader);
        if (r->etcd->is_learner != ETCD_FLAG_UNKNOWN)
                gauge(f, "etcd_is_learner", "The local etcd is a learner.", r->etcd->is_learner);
}

static void router_counters(FILE *f, const struct vrrp_counters *c) {
        const struct {
                const char *name, *help;
                uint64_t value;
        } v[] = {
                { "vrrp_sent_total", "Advertisements sent.", c->sent },
                { "vrrp_received_total", "Advertisements that passed every check.", c->received },
                { "vrrp_claims_total", "Times the address was added.", c->claims },
                { "vrrp_releases_total", "Times the address was removed.", c->releases },
                { "vrrp_garp_sent_total", "Gratuitous ARP packets sent.", c->garp_sent },
                { "vrrp_refreshes_total", "Renewals of the address's kernel lifetime.", c->refreshes },
                { "vrrp_address_repaired_total", "Times the address was put back.", c->address_repaired },
                { "vrrp_conflicts_total", "Times another owner of the address was seen.", c->conflicts },
        };
        const struct {
                const char *kind;
                uint64_t value;
        } bad[] = {
                { "checksum", c->bad_checksum },     { "ttl", c->bad_ttl },     { "length", c->bad_length },
                { "version", c->bad_version },       { "type", c->bad_type },   { "vrid", c->bad_vrid },
                { "interval", c->bad_interval },     { "count", c->bad_count }, { "source", c->bad_source },
                { "addresses", c->other_addresses },
        };

        for (size_t i = 0; i < ARRAY_SIZE(v); i++)
                counter(f, v[i].name, v[i].help, v[i].value);
        head(f, "vrrp_rejected_total", "counter", "Advertisements rejected, by reason.");
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                fprintf(f, "triarch_vrrp_rejected_total{reason=\"%s\"} %" PRIu64 "\n", bad[i].kind,
                        bad[i].value);
}

static double last_change(const struct report *r) {
        double now = (double)r->wall.tv_sec + (double)r->wall.tv_nsec / 1e9;

        return now - (double)(r->router_now_us - r->router.since_us) / 1e6;
}

static void router_metrics(FILE *f, const struct report *r) {
        if (!r->config->vips.n)
                return;
        head(f, "vip_state", "gauge", "State of the virtual router: 1 for the one it has.");
        for (enum vrrp_state s = VRRP_INIT; s <= VRRP_ACTIVE; s++)
                fprintf(f, "triarch_vip_state{state=\"%s\"} %d\n", vrrp_state_name(s),
                        (r->routing ? r->router.state : VRRP_INIT) == s);
        if (!r->routing)
                return;
        gauge(f, "vip_priority", "Effective priority.", r->router.priority);
        gauge(f, "vip_address_present", "The address is on the interface.", r->router.address_present);
        gauge(f, "vip_link_up", "The interface has a carrier.", r->router.link_up);
        head(f, "vip_last_change_timestamp_seconds", "gauge", "When the state last changed.");
        fprintf(f, "triarch_vip_last_change_timestamp_seconds %.3f\n", last_change(r));
        gauge(f, "vip_peers", "Other routers heard.", (double)r->router.n_peers);
        counter(f, "vip_became_active_total", "Times this node took the address.", r->became_active);
        counter(f, "vip_lost_active_total", "Times this node gave the address up or lost it.",
                r->lost_active);
        router_counters(f, &r->router.counters);
}

int report_metrics(const struct report *r, char **ret, size_t *ret_size) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        bool failed;

        if (!f)
                return -ENOMEM;
        head(f, "info", "gauge", "Always 1; the labels say what runs where.");
        fputs("triarch_info{version=\"" TRIARCH_VERSION "\",node=\"", f);
        label(f, r->config->node_name);
        fputs("\"} 1\n", f);
        gauge(f, "uptime_seconds", "Age of the agent.", (double)(r->now_us - r->started_us) / 1e6);
        class_metrics(f, r);
        check_metrics(f, r);
        clock_metrics(f, r);
        etcd_metrics(f, r);
        router_metrics(f, r);
        failed = ferror(f);
        if (fclose(f) != 0 || failed) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        *ret_size = size;
        return 0;
}
