/* What of a group of addresses follows from its configuration alone. */
#include "agent/config_fields.h"
#include <openssl/sha.h>

bool config_by_majority(const struct config *c) {
        for (size_t i = 0; i < c->vips.n; i++)
                if (c->vips.items[i].election == VIP_ELECTION_MAJORITY)
                        return true;
        return false;
}

const struct vip_config *config_vip(const struct config *c) {
        return c->vips.n ? &c->vips.items[0] : NULL;
}

struct in_addr config_vip_address(const struct config *c) {
        const struct vip_config *v = config_vip(c);

        return v && v->n_addresses && v->addresses[0].ip.family == AF_INET ? vrrp_ip_in(&v->addresses[0].ip)
                                                                           : (struct in_addr){ INADDR_ANY };
}

const struct member *config_member(const struct vip_config *v, const char *name) {
        for (size_t i = 0; i < v->n_members; i++)
                if (!strcmp(v->members[i].name, name))
                        return &v->members[i];
        return NULL;
}

uint64_t config_member_id(const struct member *m) {
        uint8_t digest[SHA256_DIGEST_LENGTH];
        uint64_t id = 0;

        if (m->id)
                return m->id;
        SHA256((const uint8_t *)m->name, strlen(m->name), digest);
        for (size_t i = 0; i < sizeof id; i++)
                id = id << 8 | digest[i];
        return id == 0 || id == UINT64_MAX ? 1 : id;
}

void config_cluster_tag(const struct config *c, uint8_t ret[CONFIG_CLUSTER_TAG]) {
        uint8_t digest[SHA256_DIGEST_LENGTH];

        SHA256((const uint8_t *)c->cluster_name, strlen(c->cluster_name), digest);
        memcpy(ret, digest, CONFIG_CLUSTER_TAG);
}

static bool share_family(const struct vip_config *a, const struct vip_config *b) {
        for (size_t i = 0; i < a->n_addresses; i++)
                for (size_t j = 0; j < b->n_addresses; j++)
                        if (a->addresses[i].ip.family == b->addresses[j].ip.family)
                                return true;
        return false;
}

static bool same_text(const char *a, const char *b) {
        return a && b ? !strcmp(a, b) : a == b;
}

static bool same_members(const struct vip_config *a, const struct vip_config *b) {
        if (a->n_members != b->n_members)
                return false;
        for (size_t i = 0; i < a->n_members; i++) {
                const struct member *m = &a->members[i], *o = config_member(b, m->name);

                if (!o || !vrrp_ip_equal(&m->address, &o->address) || m->witness != o->witness ||
                    config_member_id(m) != config_member_id(o))
                        return false;
        }
        return true;
}

const char *config_conflict(const struct vip_config *a, const struct vip_config *b) {
        bool sealed = a->transport == VIP_TRANSPORT_SEALED;

        if (a->transport != b->transport || !same_text(a->interface, b->interface))
                return NULL;
        if (a->vrid == b->vrid && (sealed || share_family(a, b)))
                return "they have the same virtualRouterID; give each its own";
        if (sealed && !same_members(a, b))
                return "they have different members; groups on one interface share one transport";
        if (sealed && (!same_text(a->key_file, b->key_file) || a->port != b->port))
                return "they have different keyFile or port; groups on one interface share one transport";
        return NULL;
}
