#include "agent/report.h"
#include <errno.h>
#include <inttypes.h>

void report_metric_head(FILE *f, const char *name, const char *type, const char *help) {
        fprintf(f, "# HELP triarch_%s %s\n# TYPE triarch_%s %s\n", name, help, name, type);
}

static void gauge(FILE *f, const char *name, const char *help, double value) {
        report_metric_head(f, name, "gauge", help);
        fprintf(f, "triarch_%s %.9g\n", name, value);
}

static void counter(FILE *f, const char *name, const char *help, uint64_t value) {
        report_metric_head(f, name, "counter", help);
        fprintf(f, "triarch_%s %" PRIu64 "\n", name, value);
}

/* A label's value: backslash, quote and line break are written with a backslash. */
void report_metric_label(FILE *f, const char *text) {
        for (; *text; text++) {
                if (*text == '\n')
                        fputs("\\n", f);
                else if (*text == '\\' || *text == '"')
                        fprintf(f, "\\%c", *text);
                else
                        fputc(*text, f);
        }
}

/* The worst check; HEALTH_CHECKS when all are well. */
static enum health_check worst_check(const struct health *h) {
        enum health_check w = HEALTH_CHECKS;

        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (h->params.enabled[c] && h->item[c].class != VRRP_HEALTHY &&
                    (w == HEALTH_CHECKS || h->item[c].class > h->item[w].class))
                        w = c;
        return w;
}

static void class_metrics(FILE *f, const struct report *r) {
        enum health_check c = worst_check(r->health);

        report_metric_head(f, "class", "gauge", "Class of this node: 1 for the one it has.");
        for (enum vrrp_class v = VRRP_HEALTHY; v <= VRRP_FAILED; v++)
                fprintf(f, "triarch_class{class=\"%s\"} %d\n", health_class_name(v),
                        r->health->published == v);
        report_metric_head(f, "class_reason", "gauge",
                           "1 for the check, and the outcome of it, that decides the class.");
        if (c != HEALTH_CHECKS)
                fprintf(f, "triarch_class_reason{check=\"%s\",outcome=\"%s\"} 1\n", health_check_name(c),
                        health_outcome_name(r->health->item[c].last));
        gauge(f, "class_withheld", "1 while a fault that others may share is not published.",
              r->health->pending.class != VRRP_HEALTHY);
        counter(f, "class_changes_total", "Changes of the class of this node.", r->class_changes);
}

static void check_metrics(FILE *f, const struct report *r) {
        report_metric_head(f, "check_ok", "gauge", "1 when the check's class is healthy.");
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (r->health->params.enabled[c])
                        fprintf(f, "triarch_check_ok{check=\"%s\"} %d\n", health_check_name(c),
                                r->health->item[c].class == VRRP_HEALTHY);
        report_metric_head(f, "check_class", "gauge", "0 healthy, 1 degraded, 2 failed.");
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (r->health->params.enabled[c])
                        fprintf(f, "triarch_check_class{check=\"%s\"} %d\n", health_check_name(c),
                                (int)r->health->item[c].class);
        report_metric_head(f, "check_outcome", "gauge", "1 for the outcome of the check's last result.");
        for (enum health_check c = 0; c < HEALTH_CHECKS; c++)
                if (r->health->params.enabled[c])
                        fprintf(f, "triarch_check_outcome{check=\"%s\",outcome=\"%s\"} 1\n",
                                health_check_name(c), health_outcome_name(r->health->item[c].last));
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

int report_metrics(const struct report *r, char **ret, size_t *ret_size) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        bool failed;

        if (!f)
                return -ENOMEM;
        report_metric_head(f, "info", "gauge", "Always 1; the labels say what runs where.");
        fputs("triarch_info{version=\"" TRIARCH_VERSION "\",node=\"", f);
        report_metric_label(f, r->config->node_name);
        fputs("\"} 1\n", f);
        gauge(f, "uptime_seconds", "Age of the agent.", (double)(r->now_us - r->started_us) / 1e6);
        class_metrics(f, r);
        check_metrics(f, r);
        clock_metrics(f, r);
        etcd_metrics(f, r);
        report_vip_metrics(f, r);
        failed = ferror(f);
        if (fclose(f) != 0 || failed) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        *ret_size = size;
        return 0;
}
