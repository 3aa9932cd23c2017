/* What the control socket lets root change: who has the address, standby, the keys. */
#include "agent/daemon_priv.h"
#include <errno.h>
#include <jansson.h>

void agent_answer(struct control_page *ret, json_t *o) {
        ret->status = 200;
        ret->type = "application/json";
        ret->body = o ? json_dumps(o, 0) : NULL;
        ret->size = ret->body ? strlen(ret->body) : 0;
        ret->status = ret->body ? 200 : 0;
        json_decref(o);
}

/* ---- what is asked ---- */

bool agent_wish_parse(const struct control_request *q, json_t **ret_doc, struct agent_wish *w,
                      struct control_page *ret) {
        json_int_t vrid = 0;
        json_error_t e;

        *w = (struct agent_wish){ .on = -1 };
        *ret_doc = json_loadb(q->size ? q->body : "{}", q->size ? q->size : 2, JSON_REJECT_DUPLICATES, &e);
        if (!*ret_doc || json_unpack_ex(*ret_doc, &e, JSON_STRICT, "{s?s, s?I, s?b, s?b}", "to", &w->to,
                                        "group", &vrid, "on", &w->on, "force", &w->force) < 0) {
                control_refuse(ret, 400, "the request is not understood: %s", e.text);
                return false;
        }
        w->vrid = vrid;
        return true;
}

static size_t count(const struct agent *a, int64_t vrid) {
        size_t n = 0;

        for (size_t i = 0; i < a->n_groups; i++)
                n += vrid == 0 || a->groups[i].vip->vrid == vrid;
        return n;
}

/* "51 (10.0.0.9), 52 (fd00::9)": as many of the configured groups as there is room for. */
static void groups_text(const struct agent *a, char *out, size_t size) {
        const struct vip_list *vips = &a->config->vips;
        size_t n = 0;

        *out = '\0';
        for (size_t i = 0; i < vips->n; i++) {
                const struct vip_config *v = &vips->items[i];
                char one[80];

                snprintf(one, sizeof one, "%s%d (%s)", i ? ", " : "", v->vrid,
                         vrrp_ip_text(&v->addresses[0].ip).v);
                if (n + strlen(one) + sizeof " and 255 more" > size) {
                        snprintf(out + n, size - n, " and %zu more", vips->n - i);
                        return;
                }
                n += (size_t)snprintf(out + n, size - n, "%s", one);
        }
}

static void refuse_count(const struct agent *a, size_t n, int64_t vrid, struct control_page *ret) {
        char groups[320];

        groups_text(a, groups, sizeof groups);
        if (n > 0)
                control_refuse(ret, 400,
                               "%zu groups are meant; name one by its virtualRouterID (--group): %s", n,
                               groups);
        else if (a->n_groups == 0)
                control_refuse(ret, 404, "there is no virtual address");
        else
                control_refuse(ret, 404, "there is no group %lld; the groups are %s", (long long)vrid,
                               groups);
}

/* The one group that is meant; NULL with the refusal. */
struct agent_group *agent_wish_group(struct agent *a, const struct agent_wish *w, struct control_page *ret) {
        size_t n = count(a, w->vrid);

        if (n != 1)
                refuse_count(a, n, w->vrid, ret);
        for (size_t i = 0; i < a->n_groups && n == 1; i++)
                if (w->vrid == 0 || a->groups[i].vip->vrid == w->vrid)
                        return &a->groups[i];
        return NULL;
}

/* ---- POST /v1/vip/standby ---- */

/* A node that steps back must leave the address to somebody. */
static bool may_step_back(const struct agent_group *g, struct control_page *ret) {
        struct vrrp_router_status s;

        vrrp_router_status(g->router, &s);
        if (s.state != VRRP_ACTIVE || agent_other_is_fit(g))
                return true;
        control_refuse(ret, 409,
                       "no other node is known to be able to take %s%s; --force does it all the same",
                       agent_group_name(g).v, g->transport ? "" : " (with transport ip backups are silent)");
        return false;
}

void agent_control_standby(void *userdata, const struct control_request *q, struct control_page *ret) {
        CLEANUP(json_decrefp) json_t *doc = NULL;
        struct agent *a = userdata;
        struct agent_wish w;

        if (!agent_wish_parse(q, &doc, &w, ret))
                return;
        if (w.on < 0) {
                control_refuse(ret, 400, "\"on\" is missing: true or false");
                return;
        }
        if (count(a, w.vrid) == 0) {
                refuse_count(a, 0, w.vrid, ret);
                return;
        }
        for (size_t i = 0; i < a->n_groups && w.on && !w.force; i++)
                if ((w.vrid == 0 || a->groups[i].vip->vrid == w.vrid) && a->groups[i].router &&
                    !may_step_back(&a->groups[i], ret))
                        return;
        for (size_t i = 0; i < a->n_groups; i++)
                if (w.vrid == 0 || a->groups[i].vip->vrid == w.vrid)
                        agent_group_standby(&a->groups[i], w.on);
        agent_record(a, LOG_NOTICE, NULL, "standby", w.on ? "off" : "on", w.on ? "on" : "off",
                     "by the operator");
        agent_answer(ret, json_pack("{s:b}", "standby", w.on));
}

/* ---- POST /v1/keys/reload ---- */

static void answer_keys(const struct agent *a, struct control_page *ret) {
        json_t *files = json_array();

        for (size_t i = 0; i < a->n_keys; i++) {
                const struct agent_keys *k = &a->keys[i];

                if (*k->problem) {
                        json_decref(files);
                        control_refuse(ret, 422, "%s%s", k->problem,
                                       k->good ? " (the keys from before stay in use)" : "");
                        return;
                }
                json_array_append_new(files, json_pack("{s:s, s:i}", "file", k->path, "sends",
                                                       (int)k->keys.v[k->keys.send].id));
        }
        agent_answer(ret, json_pack("{s:o}", "keys", files));
}

/* Answered when the files have been read, by a thread that may wait for a disk. */
void agent_control_reload(void *userdata, const struct control_request *q, struct control_page *ret) {
        struct agent *a = userdata;

        if (a->n_waits_for_keys == AGENT_WAITING) {
                control_refuse(ret, 503, "too many ask at once");
                return;
        }
        agent_keys_reload(a);
        if (!agent_keys_reading(a)) { /* there are none */
                answer_keys(a, ret);
                return;
        }
        a->waits_for_keys[a->n_waits_for_keys++] = q->ticket;
        ret->status = CONTROL_LATER;
}

void agent_control_keys_read(struct agent *a) {
        size_t n = a->n_waits_for_keys;

        if (agent_keys_reading(a))
                return;
        a->n_waits_for_keys = 0;
        for (size_t i = 0; i < n; i++) {
                struct control_page page = { 0 };

                answer_keys(a, &page);
                control_answer(a->waits_for_keys[i], &page);
        }
}
