/* Values of kubeadm's kinds that need more than a table's line: versions, endpoints, periods, times. */
#include "agent/config_fields.h"
#include "agent/decimal.h"
#include "agent/duration.h"
#include <errno.h>
#include <time.h>

enum { MINOR_FIRST = 29, MINOR_LAST = 36 };

const char *config_parse_host_port(const char *text, char host[256], uint16_t *ret_port) {
        const char *colon = strchr(text, ':'), *end;
        bool bracket = *text == '[';
        uint64_t port = 0;

        if (!bracket && colon && strchr(colon + 1, ':'))
                colon = NULL; /* an IPv6 address alone */
        end = bracket ? strchr(text, ']') : colon ? colon : text + strlen(text);
        if (!end || end - text > 254 || (bracket && end[1] && end[1] != ':'))
                return "must be HOST or HOST:PORT with an address (IPv6 in brackets) or a DNS name in lower "
                       "case";
        snprintf(host, 256, "%.*s", (int)(end - text) - bracket, text + bracket);
        if (syntax_host_address(host) && (bracket || syntax_dns_name(host)))
                return "must be HOST or HOST:PORT with an address (IPv6 in brackets) or a DNS name in lower "
                       "case";
        end += bracket;
        if (*end && !decimal_parse(end + 1, 1, UINT16_MAX, &port))
                return "has no valid port; it must be from 1 to 65535";
        *ret_port = (uint16_t)port;
        return NULL;
}

static int read_host_port(struct config_reader *r, const struct ynode *n, char **target, uint16_t *port) {
        static const struct field text = { .key = "" };
        char host[256];
        struct ynode name = { .kind = YNODE_SCALAR, .type = YTYPE_ANY, .value = host };
        const char *wrong;
        int k = config_want_string(r, n);

        if (k < 0)
                return k;
        if ((wrong = config_parse_host_port(n->value, host, port)))
                return config_bad_value(r, n, wrong);
        return config_read_string(r, &text, &name, target);
}

int config_read_endpoint(struct config_reader *r, const struct field *f, const struct ynode *n,
                         void *target) {
        (void)f;
        return read_host_port(r, n, target, &r->c->endpoint_port);
}

int config_read_join_endpoint(struct config_reader *r, const struct field *f, const struct ynode *n,
                              void *target) {
        (void)f;
        return read_host_port(r, n, target, &r->c->join.endpoint_port);
}

/* "1.36.2" or "1.36.2-rc.0" without the v; false when it is none. */
static bool parse_version(const char *s, uint64_t *ret_minor) {
        char minor[8], patch[8];
        const char *dot;
        uint64_t number;
        size_t len;

        if (strncmp(s, "1.", 2) != 0 || !(dot = strchr(s + 2, '.')) || dot - s > 6)
                return false;
        snprintf(minor, sizeof minor, "%.*s", (int)(dot - s - 2), s + 2);
        len = strspn(dot + 1, "0123456789");
        if (len == 0 || len > 4 || (dot[1 + len] && dot[1 + len] != '-') ||
            strspn(dot + 1 + len, "-.abcdefghijklmnopqrstuvwxyz0123456789") != strlen(dot + 1 + len))
                return false;
        snprintf(patch, sizeof patch, "%.*s", (int)len, dot + 1);
        return decimal_parse(minor, 0, 9999, ret_minor) && decimal_parse(patch, 0, 9999, &number);
}

/* Stored as "v1.36.2", however it was written. */
int config_read_version(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        static const struct field text = { .key = "" };
        const char *s = n->value;
        char version[64];
        struct ynode value = { .kind = YNODE_SCALAR, .type = YTYPE_ANY, .value = version };
        uint64_t minor;
        int k = config_want_string(r, n);

        (void)f;
        if (k < 0)
                return k;
        s += *s == 'v';
        if (strlen(s) > 40 || !parse_version(s, &minor))
                return config_bad_value(r, n,
                                        "must be a version such as v1.36.2 (a label such as stable-1 would "
                                        "have to be looked up, and mean another version on every node)");
        if (minor < MINOR_FIRST || minor > MINOR_LAST)
                return config_fail(r, n, "\"%s\" is out of range; this triarch makes Kubernetes 1.%d to 1.%d",
                                   n->value, MINOR_FIRST, MINOR_LAST);
        if (strchr(s, '-'))
                return config_fail(r, n, "\"%s\" is no release, and this triarch makes releases alone",
                                   n->value);
        snprintf(version, sizeof version, "v%s", s);
        return config_read_string(r, &text, &value, target);
}

int config_read_period(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        struct field in_us = *f;
        uint64_t us = 0;
        int k;

        in_us.min = f->min * UINT64_C(1000000);
        in_us.max = f->max * UINT64_C(1000000);
        if ((k = config_take_duration(r, &in_us, n, &us)) < 0)
                return k;
        if (us % 1000000)
                return config_bad_value(r, n, "must be whole seconds");
        *(uint32_t *)target = (uint32_t)(us / 1000000);
        return 0;
}

/* RFC 3339 without fractions, which Kubernetes does not keep either. */
static bool parse_time(const char *s, int64_t *ret) {
        struct tm tm = { 0 };
        const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
        int hours, minutes;

        if (!end || strlen(s) < strlen("2026-01-01T00:00:00Z"))
                return false;
        *ret = timegm(&tm);
        if (!strcmp(end, "Z"))
                return true;
        if ((*end != '+' && *end != '-') || strlen(end) != 6 || end[3] != ':' ||
            strspn(end + 1, "0123456789:") != 5)
                return false;
        hours = (end[1] - '0') * 10 + end[2] - '0';
        minutes = (end[4] - '0') * 10 + end[5] - '0';
        *ret += INT64_C(60) * (*end == '+' ? -1 : 1) * (hours * 60 + minutes);
        return hours < 24 && minutes < 60;
}

int config_read_time(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        int64_t at = 0;
        int k = config_want_string(r, n);

        (void)f;
        if (k < 0)
                return k;
        if (!parse_time(n->value, &at) || at <= 0)
                return config_bad_value(r, n, "must be a time such as 2026-11-23T10:00:00Z");
        *(int64_t *)target = at;
        return 0;
}

/* "5m0s" is as good as "5m". */
static bool same_value(const char *a, const char *b) {
        uint64_t x, y;

        return !strcmp(a, b) || (duration_parse(a, &x) == 0 && duration_parse(b, &y) == 0 && x == y);
}

int config_read_only(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        (void)target;
        if (n->kind == YNODE_SCALAR && (n->type == YTYPE_NULL || same_value(n->value, f->def)))
                return 0;
        if (n->kind != YNODE_SCALAR)
                return config_fail(r, n, "must be %s, not %s", f->def, ynode_describe(n));
        return config_fail(r, n, "%s is not taken, only %s: %s", n->value, f->def, f->refused);
}

/* An empty list means that there are none, which is not the same as nothing said. */
int config_read_taints(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        r->c->taints_given = n->kind == YNODE_LIST;
        return config_read_list(r, f, n, target);
}

int config_read_control_plane(struct config_reader *r, const struct field *f, const struct ynode *n,
                              void *target) {
        struct config *c = target;

        c->join.control_plane = n->kind == YNODE_MAP;
        return config_read_fields(r, f->sub, n, target);
}
