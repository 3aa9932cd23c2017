#include "agent/drill.h"
#include <errno.h>
#include <stdarg.h>

/* All that is wrong in one message, so that one run tells everything. */
struct faults {
        char text[900];
        size_t used;
};

static void fault(struct faults *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void fault(struct faults *f, const char *fmt, ...) {
        va_list ap;
        int n;

        if (f->used >= sizeof f->text - 1)
                return;
        f->used += (size_t)snprintf(f->text + f->used, sizeof f->text - f->used, "%s", f->used ? "; " : "");
        if (f->used >= sizeof f->text)
                return;
        va_start(ap, fmt);
        n = vsnprintf(f->text + f->used, sizeof f->text - f->used, fmt, ap);
        va_end(ap);
        f->used += n > 0 ? (size_t)n : 0;
}

static const char *text(const json_t *o, const char *key) {
        const char *s = json_string_value(json_object_get(o, key));

        return s ? s : "";
}

static bool yes(const json_t *o, const char *key) {
        return json_is_true(json_object_get(o, key));
}

static const json_t *find_group(const json_t *report, unsigned vrid, size_t *ret_n) {
        const json_t *vip, *found = NULL;
        size_t i;

        *ret_n = 0;
        json_array_foreach(json_object_get(report, "vips"), i, vip) {
                if (vrid && json_integer_value(json_object_get(vip, "virtualRouterID")) != vrid)
                        continue;
                found = vip;
                ++*ret_n;
        }
        return found;
}

static void check_group(const json_t *vip, struct faults *f) {
        if (strcmp(text(vip, "transport"), "sealed") != 0)
                fault(f, "with transport ip nobody can say who follows: the highest priority does");
        if (*text(vip, "problem"))
                fault(f, "%s does not run here: %s", text(vip, "address"), text(vip, "problem"));
        else if (!*text(vip, "ownerName"))
                fault(f, "nobody is known to have %s", text(vip, "address"));
}

static void check_member(const json_t *m, struct faults *f) {
        const json_t *age = json_object_get(m, "ageMs");
        const char *name = text(m, "name");

        if (!yes(m, "self") &&
            (!yes(m, "session") || !json_is_integer(age) || json_integer_value(age) >= DRILL_FRESH_MS))
                fault(f, "%s is not heard", name);
        else if (yes(m, "standby"))
                fault(f, "%s stands by (triarch vip standby off, there)", name);
        else if (!yes(m, "witness") && strcmp(text(m, "class"), "healthy") != 0)
                fault(f, "%s is %s%s%s", name, *text(m, "class") ? text(m, "class") : "of unknown health",
                      *text(m, "reason") ? ": " : "", text(m, "reason"));
}

/* Its own list of members may be on the way from one generation to the next. */
static void check_generations(const json_t *members, const char *interface, struct faults *f) {
        json_int_t seen = -1;
        const json_t *m;
        size_t i;

        json_array_foreach(members, i, m) {
                json_int_t g = json_integer_value(json_object_get(m, "generation"));

                if (strcmp(text(m, "interface"), interface) != 0)
                        continue;
                if (seen >= 0 && g != seen) {
                        fault(f, "the members' lists differ; wait until they are one");
                        return;
                }
                seen = g;
        }
}

static void check_etcd(const struct etcd_members *etcd, struct faults *f) {
        for (size_t i = 0; etcd && i < etcd->n; i++) {
                const struct etcd_member *m = &etcd->v[i];

                if (!*m->name)
                        fault(f, "etcd's member at %s has not started", m->peer_url);
                else if (m->learner)
                        fault(f, "etcd's member %s is a learner yet", m->name);
        }
}

static void add_step(struct drill_plan *p, const char *name) {
        if (p->n < CONFIG_MAX_MEMBERS)
                snprintf(p->to[p->n++], sizeof p->to[0], "%s", name);
}

static void check_members(const json_t *report, const json_t *vip, struct drill_plan *p, struct faults *f) {
        const json_t *members = json_object_get(report, "members"), *m;
        size_t i;

        json_array_foreach(members, i, m) {
                if (strcmp(text(m, "interface"), text(vip, "interface")) != 0)
                        continue;
                check_member(m, f);
                if (!yes(m, "witness") && strcmp(text(m, "name"), p->owner) != 0 &&
                    p->n < CONFIG_MAX_MEMBERS - 1)
                        add_step(p, text(m, "name"));
        }
        check_generations(members, text(vip, "interface"), f);
        if (p->n == 0)
                fault(f, "there is no other master to walk to");
}

int drill_plan(const json_t *report, const struct etcd_members *etcd, unsigned vrid, struct drill_plan *ret,
               struct error *e) {
        struct faults f = { 0 };
        const json_t *vip;
        size_t n;

        *ret = (struct drill_plan){ 0 };
        if (!(vip = find_group(report, vrid, &n)))
                return error_set(e, EXIT_INPUT,
                                 vrid ? "--group: no virtual address here has the virtualRouterID %u"
                                      : "the agent here has no virtual address",
                                 vrid);
        if (n > 1)
                return error_set(e, EXIT_INPUT,
                                 "there are %zu virtual addresses; --group N names one by its "
                                 "virtualRouterID (triarch vip status lists them)",
                                 n);
        snprintf(ret->address, sizeof ret->address, "%s", text(vip, "address"));
        snprintf(ret->owner, sizeof ret->owner, "%s", text(vip, "ownerName"));
        ret->vrid = (unsigned)json_integer_value(json_object_get(vip, "virtualRouterID"));
        check_group(vip, &f);
        check_members(report, vip, ret, &f);
        check_etcd(etcd, &f);
        add_step(ret, ret->owner);
        if (!f.used)
                return 0;
        error_set(e, EXIT_PREFLIGHT, "not healthy enough for a drill: %s", f.text);
        return -EPERM;
}
