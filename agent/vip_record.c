#include "agent/vip_record.h"
#include "agent/jread.h"
#include "agent/members.h"
#include <errno.h>

int vip_record_address(const struct etcd_member *m, struct vrrp_ip *ret) {
        const char *host = strstr(m->peer_url, "://"), *end;
        char text[INET6_ADDRSTRLEN];

        if (!host)
                return -EINVAL;
        host += strlen("://");
        if (*host == '[')
                end = strchr(++host, ']');
        else
                end = strrchr(host, ':');
        if (!end || (size_t)(end - host) >= sizeof text)
                return -EINVAL;
        snprintf(text, sizeof text, "%.*s", (int)(end - host), host);
        return vrrp_ip_parse(text, ret);
}

static const struct etcd_member *voter_at(const struct etcd_members *members, const struct vrrp_ip *address) {
        struct vrrp_ip a;

        for (size_t i = 0; i < members->n; i++)
                if (!members->v[i].learner && vip_record_address(&members->v[i], &a) == 0 &&
                    vrrp_ip_equal(&a, address))
                        return &members->v[i];
        return NULL;
}

bool vip_record_identify(struct vip_record *r, const struct etcd_members *members) {
        bool changed = false;

        for (size_t i = 0; i < r->list.n; i++) {
                const struct etcd_member *m = r->etcd[i] ? NULL : voter_at(members, &r->list.v[i].address);

                if (m) {
                        r->etcd[i] = m->id;
                        changed = true;
                }
        }
        return changed;
}

void vip_record_first(const struct vrrp_list *list, const struct etcd_members *members,
                      struct vip_record *ret) {
        *ret = (struct vip_record){ .list = *list };
        vip_record_identify(ret, members);
}

/* By etcd's id: a machine that came again at the same address is another member. */
int vip_record_gone(const struct vip_record *r, const struct etcd_members *members) {
        for (size_t i = 0; i < r->list.n; i++) {
                bool there = r->etcd[i] == 0;

                for (size_t k = 0; k < members->n; k++)
                        there |= members->v[k].id == r->etcd[i] && !members->v[k].learner;
                if (!there)
                        return (int)i;
        }
        return -1;
}

int vip_record_find(const struct vip_record *r, const struct vrrp_ip *address) {
        for (size_t i = 0; i < r->list.n; i++)
                if (vrrp_ip_equal(&r->list.v[i].address, address))
                        return (int)i;
        return -1;
}

static void follow(const struct vip_record *r, struct vip_record *ret) {
        *ret = *r;
        ret->list.gen++;
        ret->n_previous = r->list.n;
        for (size_t i = 0; i < r->list.n; i++)
                ret->previous[i] = r->list.v[i].id;
}

int vip_record_without(const struct vip_record *r, size_t i, struct vip_record *ret) {
        if (i >= r->list.n || r->list.n == 1)
                return -EINVAL;
        follow(r, ret);
        ret->list.n--;
        memmove(&ret->list.v[i], &ret->list.v[i + 1], (ret->list.n - i) * sizeof ret->list.v[0]);
        memmove(&ret->etcd[i], &ret->etcd[i + 1], (ret->list.n - i) * sizeof ret->etcd[0]);
        return 0;
}

int vip_record_with(const struct vip_record *r, const struct etcd_member *m, struct vip_record *ret) {
        struct vrrp_list_member entry = { .id = m->id };
        int k = vip_record_address(m, &entry.address);

        if (k < 0)
                return k;
        if (r->list.n == VRRP_LIST_MEMBERS)
                return -E2BIG;
        if (vip_record_find(r, &entry.address) >= 0)
                return -EEXIST;
        snprintf(entry.name, sizeof entry.name, "%.*s", (int)sizeof entry.name - 1, m->name);
        follow(r, ret);
        ret->etcd[ret->list.n] = m->id;
        ret->list.v[ret->list.n++] = entry;
        return vrrp_list_check(&ret->list);
}

bool vip_record_settled(const struct vip_record *r, size_t have) {
        return r->n_previous == 0 || have >= r->n_previous / 2 + 1;
}

/* {"members": {...}, "etcd": [ids], "previous": [ids]}; ids are 16 hex digits. */

static json_t *ids_to_json(const uint64_t *ids, size_t n) {
        json_t *list = json_array();
        char text[17];

        for (size_t i = 0; i < n; i++) {
                snprintf(text, sizeof text, "%016llx", (unsigned long long)ids[i]);
                json_array_append_new(list, json_string(text));
        }
        return list;
}

static int ids_from_json(const json_t *list, uint64_t *ids) {
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *text = json_string_value(json_array_get(list, i));
                uint8_t b[8];

                if (!text || hex_decode(text, b, sizeof b) < 0)
                        return -EBADMSG;
                ids[i] = 0;
                for (size_t k = 0; k < sizeof b; k++)
                        ids[i] = ids[i] << 8 | b[k];
        }
        return 0;
}

static int give_text(json_t *o, char **ret, size_t *ret_size) {
        char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;

        json_decref(o);
        if (!text)
                return -ENOMEM;
        *ret = text;
        *ret_size = strlen(text);
        return 0;
}

int vip_record_render(const struct vip_record *r, char **ret, size_t *ret_size) {
        return give_text(json_pack("{s:o, s:o, s:o}", "list", members_to_json(&r->list), "etcd",
                                   ids_to_json(r->etcd, r->list.n), "previous",
                                   ids_to_json(r->previous, r->n_previous)),
                         ret, ret_size);
}

int vip_record_parse(const char *text, size_t size, struct vip_record *ret) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        json_t *list = NULL, *etcd = NULL, *previous = NULL;
        const struct jread_field fields[] = {
                { .name = "list", .type = JREAD_OBJECT, .target = &list },
                { .name = "etcd", .type = JREAD_ARRAY, .target = &etcd, .size = VRRP_LIST_MEMBERS },
                { .name = "previous", .type = JREAD_ARRAY, .target = &previous, .size = VRRP_LIST_MEMBERS },
                { 0 },
        };
        struct vip_record r = { 0 };
        int k;

        if ((k = jread_object(o, fields, NULL)) < 0 || (k = members_from_json(list, &r.list)) < 0 ||
            (k = ids_from_json(etcd, r.etcd)) < 0 || (k = ids_from_json(previous, r.previous)) < 0)
                return k;
        if (json_array_size(etcd) != r.list.n)
                return -EBADMSG;
        r.n_previous = json_array_size(previous);
        *ret = r;
        return 0;
}

int vip_seen_render(const struct vip_seen *s, char **ret, size_t *ret_size) {
        return give_text(
                json_pack("{s:I, s:I}", "generation", (json_int_t)s->gen, "keys", (json_int_t)s->keys), ret,
                ret_size);
}

int vip_seen_parse(const char *text, size_t size, struct vip_seen *ret) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);
        int64_t gen, keys;
        const struct jread_field fields[] = {
                { .name = "generation", .type = JREAD_INT, .target = &gen, .min = 0, .max = INT64_MAX },
                { .name = "keys", .type = JREAD_INT, .target = &keys, .min = 0, .max = INT64_MAX },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0)
                return r;
        *ret = (struct vip_seen){ (uint64_t)gen, (uint64_t)keys };
        return 0;
}
