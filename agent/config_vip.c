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

/* An interface that is still to be found may turn out to be any: then config_resolve() asks again. */
bool config_same_router(const struct vip_config *a, const struct vip_config *b) {
        bool same_interface = a->interface && b->interface ? !strcmp(a->interface, b->interface)
                                                           : !a->interface && !b->interface;

        if (a->vrid != b->vrid || a->transport != b->transport || !same_interface)
                return false;
        return a->transport == VIP_TRANSPORT_SEALED || share_family(a, b);
}
