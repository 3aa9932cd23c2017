/* What must hold within a group of addresses, and between groups. */
#include "agent/config_fields.h"
#include <arpa/inet.h>

#define IP_INTERVAL_STEP_US 10000u
#define SECOND_US           1000000u

static bool is_sealed(const struct vip_config *v) {
        return v->transport == VIP_TRANSPORT_SEALED;
}

static bool is_vip(const struct vip_config *v, const struct vrrp_ip *ip) {
        for (size_t i = 0; i < v->n_addresses; i++)
                if (vrrp_ip_equal(&v->addresses[i].ip, ip))
                        return true;
        return false;
}

/* ---- members ---- */

static int check_unique(struct config_reader *r, const struct vip_config *v, size_t i) {
        const struct member *m = &v->members[i];

        for (size_t j = 0; j < i; j++) {
                const struct member *o = &v->members[j];

                if (!strcmp(o->name, m->name))
                        return config_blame(r, BLAME(&m->name), "vip.members: a second member named \"%s\"",
                                            m->name);
                if (vrrp_ip_equal(&o->address, &m->address))
                        return config_blame(r, BLAME(&m->address), "vip.members: %s is also \"%s\"'s address",
                                            vrrp_ip_text(&m->address).v, o->name);
                if (o->address.family != m->address.family)
                        return config_blame(
                                r, BLAME(&m->address),
                                "vip.members: %s and \"%s\"'s %s are of different families; the members "
                                "of a group send to each other over one",
                                vrrp_ip_text(&m->address).v, o->name, vrrp_ip_text(&o->address).v);
                if (config_member_id(o) == config_member_id(m))
                        return config_blame(
                                r, BLAME(&m->id, &o->id),
                                "vip.members: \"%s\" and \"%s\" have the same id; each needs its own",
                                o->name, m->name);
        }
        return 0;
}

static int check_member(struct config_reader *r, const struct vip_config *v, size_t i) {
        const struct config *c = r->c;
        const struct member *m = &v->members[i];
        struct vrrp_ip self;
        int k = check_unique(r, v, i);

        if (k < 0)
                return k;
        if (is_vip(v, &m->address))
                return config_blame(r, BLAME(&m->address),
                                    "vip.members: %s is the VIP; give the member's own address",
                                    vrrp_ip_text(&m->address).v);
        if (c->cluster && v == config_vip(c) && vrrp_ip_link_local(&m->address))
                return config_blame(r, BLAME(&m->address),
                                    "vip.members: %s is link-local; in a cluster it is also the address that "
                                    "the member's API server advertises, which no such can be",
                                    vrrp_ip_text(&m->address).v);
        if (v == config_vip(c) && !strcmp(m->name, c->node_name) && c->advertise_address &&
            vrrp_ip_parse(c->advertise_address, &self) == 0 && !vrrp_ip_equal(&self, &m->address))
                return config_blame(
                        r, BLAME(&c->advertise_address, &m->address),
                        "the advertise address %s is not the one that vip.members gives for \"%s\"",
                        c->advertise_address, m->name);
        return 0;
}

static int check_members(struct config_reader *r, const struct vip_config *v) {
        const struct config *c = r->c;
        size_t witnesses = 0;
        int k;

        if (v->n_members > CONFIG_MAX_MEMBERS)
                return config_blame(r, BLAME(&v->members), "vip.members: more than %d members",
                                    CONFIG_MAX_MEMBERS);
        for (size_t i = 0; i < v->n_members; witnesses += v->members[i++].witness)
                if ((k = check_member(r, v, i)) < 0)
                        return k;
        if (v->n_members && witnesses == v->n_members)
                return config_blame(r, BLAME(&v->members),
                                    "vip.members: all are witnesses, so nobody could have the address");
        if (c->cluster || !v->n_members || config_member(v, c->node_name))
                return 0; /* in a cluster a node joins first and is listed then */
        return config_blame(
                r, BLAME(&c->node_name, &v->members),
                "this node, \"%s\", is not among vip.members; list it, or set nodeName to its name there",
                c->node_name);
}

/* ---- transports ---- */

static int check_version_2(struct config_reader *r, const struct vip_config *v) {
        for (size_t i = 0; i < v->n_addresses; i++)
                if (v->addresses[i].ip.family != AF_INET)
                        return config_blame(
                                r, BLAME(&v->version, &v->addresses),
                                "vip.version: VRRPv2 has no IPv6, but %s is in the group; use version 3",
                                vrrp_ip_text(&v->addresses[i].ip).v);
        if (v->interval_us % SECOND_US)
                return config_blame(r, BLAME(&v->interval_us, &v->version),
                                    "vip.advertisementInterval: VRRPv2 counts whole seconds, %u us is none; "
                                    "give 1s or more, or use version 3",
                                    v->interval_us);
        if (v->checksum != VIP_CHECKSUM_PSEUDO_HEADER)
                return config_blame(r, BLAME(&v->checksum), "vip.checksum: is a choice of version 3 only");
        return 0;
}

static int check_ip(struct config_reader *r, const struct vip_config *v) {
        if (v->election == VIP_ELECTION_MAJORITY)
                return config_blame(
                        r, BLAME(&v->election, &v->transport),
                        "vip.election: majority needs transport: sealed; with transport: ip there is "
                        "priority only");
        if (v->key_file)
                return config_blame(
                        r, BLAME(&v->key_file, &v->transport),
                        "vip.keyFile: transport ip has no authentication (RFC 9568); leave it out, "
                        "or use transport: sealed");
        if (v->interval_us % IP_INTERVAL_STEP_US)
                return config_blame(
                        r, BLAME(&v->interval_us),
                        "vip.advertisementInterval: %u us is no multiple of 10ms, which the protocol "
                        "counts in",
                        v->interval_us);
        if (v->unicast && !v->n_members)
                return config_blame(r, BLAME(&v->unicast), "vip.unicast: needs vip.members to send to");
        return v->version == 2 ? check_version_2(r, v) : 0;
}

static int check_sealed(struct config_reader *r, const struct vip_config *v) {
        static const char remedy[] = "or choose transport: ip with election: priority, which authenticates "
                                     "nobody";
        const struct {
                const void *target;
                bool given;
                const char *key;
        } ip_only[] = {
                { &v->unicast, v->unicast, "unicast" },
                { &v->version, v->version != 3, "version" },
                { &v->checksum, v->checksum != VIP_CHECKSUM_PSEUDO_HEADER, "checksum" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(ip_only); i++)
                if (ip_only[i].given)
                        return config_blame(
                                r, BLAME(ip_only[i].target),
                                "vip.%s: belongs to transport: ip; transport sealed always sends to "
                                "each member alone and in one format",
                                ip_only[i].key);
        if (!v->key_file)
                return config_blame(r, BLAME(&v->transport, v),
                                    "vip.keyFile is missing: transport sealed needs the key that all members "
                                    "share (and members, who they are); give it, %s",
                                    remedy);
        if (!v->n_members && !r->c->cluster)
                return config_blame(
                        r, BLAME(&v->transport, v),
                        "vip.members is missing: transport sealed needs to know who takes part, each "
                        "with name and address; give them, %s",
                        remedy);
        return 0;
}

/* D - e - R >= 2 A: else a lease would hardly outlive the claim that makes it (docs/lease.md). */
static int check_lease(struct config_reader *r, const struct vip_config *v) {
        uint64_t interval = v->interval_us, down = 3 * interval, error = down / 50 + 1000;

        if (v->election != VIP_ELECTION_MAJORITY || down >= error + v->removal_us + 2 * interval)
                return 0;
        return config_blame(
                r, BLAME(&v->removal_us, &v->interval_us, v),
                "vip.removalBudget: %u us is too much for an advertisementInterval of %u us: three "
                "intervals less 6 %% of one, 1ms and the budget must be two intervals at least; "
                "lengthen the interval or lower the budget",
                v->removal_us, v->interval_us);
}

/* ---- groups ---- */

static int check_addresses(struct config_reader *r, const struct vip_config *v) {
        const struct config *c = r->c;
        struct vrrp_ip self;

        for (size_t i = 0; i < v->n_addresses; i++) {
                const struct vrrp_ip *ip = &v->addresses[i].ip;

                if (c->advertise_address && vrrp_ip_parse(c->advertise_address, &self) == 0 &&
                    vrrp_ip_equal(&self, ip))
                        return config_blame(
                                r, BLAME(&c->advertise_address, &v->addresses),
                                "the advertise address %s is the VIP; give the machine's own address",
                                c->advertise_address);
                for (size_t j = 0; j < i; j++)
                        if (vrrp_ip_equal(&v->addresses[j].ip, ip))
                                return config_blame(r, BLAME(&v->addresses), "vip.address: %s is there twice",
                                                    vrrp_ip_text(ip).v);
        }
        return 0;
}

static int check_pair(struct config_reader *r, const struct vip_config *a, const struct vip_config *b) {
        const char *conflict = config_conflict(a, b);

        for (size_t i = 0; i < b->n_addresses; i++)
                if (is_vip(a, &b->addresses[i].ip))
                        return config_blame(r, BLAME(&b->addresses), "vip.address: %s is in two groups",
                                            vrrp_ip_text(&b->addresses[i].ip).v);
        return !conflict ? 0
                         : config_blame(r, BLAME(&b->vrid, &b->members, &b->key_file, &b->port, b),
                                        "vip: %s and %s are on one interface: %s",
                                        vrrp_ip_text(&a->addresses[0].ip).v,
                                        vrrp_ip_text(&b->addresses[0].ip).v, conflict);
}

static int check_group(struct config_reader *r, const struct vip_config *v) {
        int k;

        if ((k = check_members(r, v)) < 0 || (k = check_addresses(r, v)) < 0 ||
            (k = is_sealed(v) ? check_sealed(r, v) : check_ip(r, v)) < 0)
                return k;
        return check_lease(r, v);
}

int config_check_vips(struct config_reader *r) {
        const struct config *c = r->c;
        int k;

        if (!c->vips.n)
                return c->cluster ? 0
                                  : config_blame(r, BLAME(NULL),
                                                 "\"vip\" is missing: without it there is nothing to do");
        for (size_t i = 0; i < c->vips.n; i++) {
                if ((k = check_group(r, &c->vips.items[i])) < 0)
                        return k;
                for (size_t j = 0; j < i; j++)
                        if ((k = check_pair(r, &c->vips.items[j], &c->vips.items[i])) < 0)
                                return k;
        }
        return 0;
}
