#include "agent/status_text.h"
#include <stdbool.h>
#include <string.h>

static const char *text(const json_t *o, const char *key) {
        const char *s = json_string_value(json_object_get(o, key));

        return s ? s : "";
}

static json_int_t number(const json_t *o, const char *key) {
        return json_integer_value(json_object_get(o, key));
}

/* "83 ms", "4.2 s", "12m05s", "3h07m", "2d04h" */
static const char *span(json_int_t ms, char out[32]) {
        unsigned long long s = ms > 0 ? (unsigned long long)ms / 1000 : 0;

        if (ms < 1000)
                snprintf(out, 32, "%lld ms", (long long)ms);
        else if (s < 60)
                snprintf(out, 32, "%.1f s", (double)ms / 1000);
        else if (s < 3600)
                snprintf(out, 32, "%llum%02llus", s / 60, s % 60);
        else if (s < 86400)
                snprintf(out, 32, "%lluh%02llum", s / 3600, s / 60 % 60);
        else
                snprintf(out, 32, "%llud%02lluh", s / 86400, s / 3600 % 24);
        return out;
}

/* "n1 (172.18.0.154)", or what is known of it. */
static void print_node(FILE *f, const char *name, const char *address) {
        if (*name && *address)
                fprintf(f, "%s (%s)", name, address);
        else
                fputs(*name ? name : *address ? address : "unknown", f);
}

static bool is(const json_t *o, const char *key) {
        return json_is_true(json_object_get(o, key));
}

/* "10.0.0.9, fd00::9" */
static void print_addresses(FILE *f, const json_t *vip) {
        const json_t *all = json_object_get(vip, "addresses"), *a;
        size_t i;

        if (json_array_size(all) < 2) {
                fputs(text(vip, "address"), f);
                return;
        }
        json_array_foreach(all, i, a) {
                const char *s = json_string_value(a);

                fprintf(f, "%s%s", i ? ", " : "", s ? s : "");
        }
}

static void print_lease(FILE *f, const json_t *vip) {
        bool active = !strcmp(text(vip, "state"), "active");

        if (strcmp(text(vip, "election"), "majority") != 0)
                return;
        fprintf(f, "lease    %lld of %lld members are a majority, list generation %lld",
                (long long)number(vip, "majority"), (long long)number(vip, "members"),
                (long long)number(vip, "generation"));
        if (active)
                fprintf(f, ", %lld ms left", (long long)number(vip, "leaseMs"));
        else if (*text(vip, "promisedTo"))
                fprintf(f, ", promised to %s", text(vip, "promisedTo"));
        fputc('\n', f);
}

static void print_router(FILE *f, const json_t *vip) {
        const char *state = *text(vip, "phase") ? text(vip, "phase") : text(vip, "state");
        char age[32];

        fputs("vip      ", f);
        print_addresses(f, vip);
        fprintf(f, " on %s, router %lld: ", text(vip, "interface"),
                (long long)number(vip, "virtualRouterID"));
        if (*text(vip, "problem")) {
                fprintf(f, "waiting: %s\n", text(vip, "problem"));
                return;
        }
        fprintf(f, "%s for %s, priority %lld of %lld%s%s\n", state, span(number(vip, "stateMs"), age),
                (long long)number(vip, "priority"), (long long)number(vip, "priorityConfigured"),
                is(vip, "standby") ? ", standing by" : "",
                json_is_false(json_object_get(vip, "linkUp")) ? ", link down" : "");
        fputs("owner    ", f);
        print_node(f, text(vip, "ownerName"), text(vip, "owner"));
        fputc('\n', f);
        print_lease(f, vip);
}

static void print_peers(FILE *f, const json_t *peers) {
        const json_t *p;
        size_t i;

        if (json_array_size(peers) == 0)
                return;
        fputs("heard (backups are silent)\n", f);
        json_array_foreach(peers, i, p) {
                char age[32];

                fprintf(f, "  %-10s %-15s priority %3lld  %-8s  %s ago\n", text(p, "name"),
                        text(p, "address"), (long long)number(p, "priority"), text(p, "class"),
                        span(number(p, "ageMs"), age));
        }
}

/* "own", "20 ms ago", "never heard" */
static const char *heard_text(const json_t *m, char out[48]) {
        const json_t *age = json_object_get(m, "ageMs");
        char t[32];

        if (is(m, "self"))
                snprintf(out, 48, "this node");
        else if (!json_is_integer(age))
                snprintf(out, 48, "never heard");
        else
                snprintf(out, 48, "%s ago%s", span(json_integer_value(age), t),
                         is(m, "session") ? "" : ", no session");
        return out;
}

static void print_member(FILE *f, const json_t *m) {
        const json_t *offset = json_object_get(m, "clockOffsetSeconds");
        const char *class = *text(m, "class") ? text(m, "class") : "unknown";
        char heard[48];

        fprintf(f, "  %-10s %-15s %-7s priority %3lld  %-8s  %s", text(m, "name"), text(m, "address"),
                text(m, "role"), (long long)number(m, "priority"), class, heard_text(m, heard));
        if (is(m, "standby"))
                fputs(", standing by", f);
        if (json_is_real(offset))
                fprintf(f, ", clock %+.3f s", json_real_value(offset));
        if (number(m, "keyID"))
                fprintf(f, ", key %lld", (long long)number(m, "keyID"));
        if (number(m, "generation"))
                fprintf(f, ", list %lld", (long long)number(m, "generation"));
        if (*text(m, "reason") && strcmp(class, "healthy") != 0)
                fprintf(f, ": %s", text(m, "reason"));
        fputc('\n', f);
}

static void print_members(FILE *f, const json_t *members) {
        const json_t *m;
        size_t i;

        fputs("members\n", f);
        json_array_foreach(members, i, m) print_member(f, m);
}

static void print_keys(FILE *f, const json_t *transports) {
        const json_t *t;
        size_t i;

        json_array_foreach(transports, i, t) {
                const json_t *refused = json_object_get(t, "refused");
                json_int_t n = number(refused, "key") + number(refused, "tag");

                if (*text(t, "keysProblem"))
                        fprintf(f, "keys     %s (the keys from before stay in use)\n",
                                text(t, "keysProblem"));
                if (n)
                        fprintf(f,
                                "refused  %lld datagrams on %s that none of our keys opens: forged, or a "
                                "member has other keys in %s\n",
                                (long long)n, text(t, "interface"), text(t, "keyFile"));
        }
}

void status_text_vip(FILE *f, const json_t *report) {
        const json_t *vips = json_object_get(report, "vips"), *members = json_object_get(report, "members"),
                     *vip;
        size_t i;

        if (json_is_array(vips) && json_array_size(vips) > 0)
                json_array_foreach(vips, i, vip) print_router(f, vip);
        else if (json_is_object(json_object_get(report, "vip")))
                print_router(f, json_object_get(report, "vip"));
        else
                fputs("vip      none is configured\n", f);
        if (json_array_size(members) > 0)
                print_members(f, members);
        else
                print_peers(f, json_object_get(report, "peers"));
        print_keys(f, json_object_get(report, "transports"));
}

static void print_checks(FILE *f, const json_t *report) {
        const json_t *c;
        size_t i;

        fprintf(f, "class    %s: %s\n", text(report, "class"), text(report, "reason"));
        json_array_foreach(json_object_get(report, "checks"), i, c) {
                fprintf(f, "  %-10s %-8s  %s", text(c, "name"), text(c, "class"), text(c, "reason"));
                if (*text(c, "lastDetail"))
                        fprintf(f, " (now: %s)", text(c, "lastDetail"));
                fputc('\n', f);
        }
}

static void print_clock(FILE *f, const json_t *clock) {
        if (json_is_object(clock) && strcmp(text(clock, "verdict"), "good") != 0)
                fprintf(f, "clock    %s\n", text(clock, "times"));
}

static const char *leader_text(const json_t *etcd) {
        const json_t *leader = json_object_get(etcd, "hasLeader");

        return json_is_true(leader)    ? "has a leader"
               : json_is_false(leader) ? "has no leader"
                                       : "does not tell";
}

static void print_etcd(FILE *f, const json_t *etcd, const json_t *members) {
        const json_t *m;
        size_t i;

        if (json_is_object(etcd))
                fprintf(f, "etcd     %s; this member is %s\n", leader_text(etcd),
                        json_is_true(json_object_get(etcd, "isLearner"))   ? "a learner"
                        : json_is_true(json_object_get(etcd, "isLeader"))  ? "the leader"
                        : json_is_false(json_object_get(etcd, "isLeader")) ? "a follower"
                                                                           : "unknown");
        json_array_foreach(json_object_get(members, "members"), i, m)
                fprintf(f, "  %-10s %-8s  %s\n", text(m, "name"),
                        json_is_true(json_object_get(m, "started")) ? text(m, "role") : "starting",
                        text(m, "peerURL"));
        if (*text(members, "error"))
                fprintf(f, "  members: %s\n", text(members, "error"));
}

static void print_balance(FILE *f, const json_t *o) {
        const char *problem = json_string_value(json_object_get(o, "problem"));
        const json_t *target;
        size_t i;

        if (problem && *problem)
                fprintf(f, "balance  not spread: %s\n", problem);
        if (!json_is_true(json_object_get(o, "spreads")))
                return;
        fputs("balance  new connections are spread over", f);
        json_array_foreach(json_object_get(o, "targets"), i, target)
                fprintf(f, "%s %s", i ? "," : "", json_string_value(target));
        fputc('\n', f);
}

static void print_history(FILE *f, const json_t *history) {
        const json_t *e;
        size_t i;

        fputs("history\n", f);
        json_array_foreach(history, i, e) {
                fprintf(f, "  %s  %-6s ", text(e, "time"), text(e, "what"));
                if (*text(e, "to"))
                        fprintf(f, "%s -> %s: ", text(e, "from"), text(e, "to"));
                fprintf(f, "%s\n", text(e, "reason"));
        }
}

void status_text(FILE *f, const json_t *report, const json_t *members) {
        char age[32];

        fputs("node     ", f);
        print_node(f, text(report, "node"), text(json_object_get(report, "vip"), "self"));
        fprintf(f, ", agent %s up %s\n", text(report, "version"), span(number(report, "uptimeMs"), age));
        status_text_vip(f, report);
        print_checks(f, report);
        print_clock(f, json_object_get(report, "clock"));
        print_etcd(f, json_object_get(report, "etcd"), members);
        print_balance(f, json_object_get(report, "loadBalancing"));
        print_history(f, json_object_get(report, "history"));
}
