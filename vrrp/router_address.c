#include "vrrp/router_priv.h"

#include <errno.h>

bool vrrp_router_present(const struct vrrp_router *r) {
        for (size_t i = 0; i < r->p.n_vips; i++)
                if (!vrrp_interface_find(&r->carrier->now, &r->p.vips[i], vrrp_ip_bits(&r->p.vips[i])))
                        return false;
        return true;
}

/* One of another prefix length than ours is another program's. */
static bool is_here(const struct vrrp_interface *now, const struct vrrp_ip *vip) {
        for (size_t i = 0; i < now->n_addresses; i++)
                if (vrrp_ip_equal(&now->addresses[i].address, vip) && !now->addresses[i].unusable)
                        return true;
        return false;
}

bool vrrp_router_given(const struct vrrp_router *r) {
        for (size_t i = 0; i < r->p.n_vips; i++)
                if (!is_here(&r->carrier->now, &r->p.vips[i]))
                        return false;
        return true;
}

bool vrrp_router_any_present(const struct vrrp_router *r) {
        for (size_t i = 0; i < r->p.n_vips; i++)
                if (vrrp_interface_find(&r->carrier->now, &r->p.vips[i], vrrp_ip_bits(&r->p.vips[i])))
                        return true;
        return false;
}

/* The addresses expire unless they are refreshed: by half of their life, or thrice in it (lease rule 13). */
static uint64_t refresh_gap(const struct vrrp_router *r) {
        return r->p.valid_lft_s * UINT64_C(1000000) / (r->p.election == VRRP_ELECTION_MAJORITY ? 3 : 2);
}

/* Lease rule 13: the clock is read before each add. */
static int add(struct vrrp_router *r, const struct vrrp_ip *vip) {
        return vrrp_now_us() < r->until_us ? vrrp_link_add(r->carrier, vip, r->p.valid_lft_s) : -ETIME;
}

static int add_all(struct vrrp_router *r) {
        int error = 0, k;

        for (size_t i = 0; i < r->p.n_vips; i++)
                if ((k = add(r, &r->p.vips[i])) < 0 && error == 0)
                        error = k;
        r->refresh_us = vrrp_now_us() + refresh_gap(r);
        return error;
}

/* What became of the connections of addresses lost earlier: told once. */
static void tell_connections(struct vrrp_router *r) {
        struct vrrp_abort_counters c;

        vrrp_abort_counters(r->host->abort, &c);
        if (c.error == 0 || r->host->abort_told)
                return;
        r->host->abort_told = true;
        vrrp_router_notice(r, VRRP_NOTICE_CONNECTIONS, &r->self,
                           "connections of a lost address cannot be ended%s: %s",
                           c.error == -EOPNOTSUPP ? " by this kernel (CONFIG_INET_DIAG_DESTROY)" : "",
                           strerror(-c.error));
}

int vrrp_router_claim(struct vrrp_router *r) {
        tell_connections(r);
        r->counters.claims++;
        r->owns = true;
        vrrp_router_silence(r);
        for (size_t i = 0; i < r->p.n_vips; i++)
                vrrp_abort_cancel(r->host->abort, &r->p.vips[i]);
        return add_all(r);
}

static int delete_one(struct vrrp_router *r, const struct vrrp_ip *vip, uint8_t prefix) {
        int k = vrrp_link_delete(r->carrier, vip, prefix);

        if (k < 0)
                vrrp_router_notice(r, VRRP_NOTICE_ADDRESS, vip, "%s cannot be removed from %s: %s",
                                   vrrp_ip_text(vip).v, r->carrier->name, strerror(-k));
        return k;
}

/* Ours is deleted whatever we think is there; others' prefix lengths as they were seen. */
static int delete_all(struct vrrp_router *r, const struct vrrp_ip *vip) {
        const struct vrrp_interface *now = &r->carrier->now;
        int error = delete_one(r, vip, vrrp_ip_bits(vip)), k;

        for (size_t i = now->n_addresses; i-- > 0;)
                if (vrrp_ip_equal(&now->addresses[i].address, vip) &&
                    (k = delete_one(r, vip, now->addresses[i].prefix)) < 0)
                        error = k;
        return error;
}

int vrrp_router_release(struct vrrp_router *r) {
        int error = 0, k;

        r->counters.releases += r->owns;
        r->p.keep = r->p.keep && !r->owns;
        vrrp_router_silence(r);
        r->refresh_us = VRRP_NEVER;
        for (size_t i = 0; i < r->p.n_vips; i++)
                if ((k = delete_all(r, &r->p.vips[i])) < 0)
                        error = k;
        for (size_t i = 0; r->owns && i < r->p.n_vips; i++)
                vrrp_abort_sockets(r->host->abort, &r->p.vips[i]);
        r->owns = false;
        return error;
}

/* Whoever put it there: with another prefix length, or where we do not own it. A router that has kept
 * another's address leaves it to that one for as long as both are here; whoever ends the other removes it. */
static void remove_foreign(struct vrrp_router *r, const struct vrrp_ip *vip) {
        const struct vrrp_interface *now = &r->carrier->now;

        if (r->p.keep)
                return;
        for (size_t i = now->n_addresses; i-- > 0;) {
                struct vrrp_found f = now->addresses[i];

                if (!vrrp_ip_equal(&f.address, vip) || (f.prefix == vrrp_ip_bits(vip) && r->owns))
                        continue;
                vrrp_router_notice(r, VRRP_NOTICE_FOREIGN, vip,
                                   "removed the virtual address %s, put on %s by somebody else with /%u",
                                   vrrp_ip_text(vip).v, r->carrier->name, f.prefix);
                delete_one(r, vip, f.prefix);
        }
}

/* 1: put back, 0: it was there, or negative errno. */
static int put_back(struct vrrp_router *r, const struct vrrp_ip *vip) {
        const struct vrrp_found *f = vrrp_interface_find(&r->carrier->now, vip, vrrp_ip_bits(vip));
        bool unusable = f && f->unusable;
        int k;

        if (f && !unusable)
                return 0;
        if (unusable)
                delete_one(r, vip, vrrp_ip_bits(vip));
        if ((k = add(r, vip)) < 0)
                return k;
        r->counters.address_repaired++;
        vrrp_router_notice(r, VRRP_NOTICE_REPAIRED, vip, "the virtual address %s was %s %s, put back",
                           vrrp_ip_text(vip).v, unusable ? "not usable on" : "gone from", r->carrier->name);
        return 1;
}

static void heed(struct vrrp_router *r, int error) {
        if (error == -ETIME)
                r->election->check(r); /* the lease gives it up */
        else if (error < 0)
                r->election->refused(r, error);
}

void vrrp_router_repair(struct vrrp_router *r) {
        int error = 0, added = 0, k;

        for (size_t i = 0; i < r->p.n_vips; i++)
                remove_foreign(r, &r->p.vips[i]);
        for (size_t i = 0; r->owns && i < r->p.n_vips; i++) {
                if ((k = put_back(r, &r->p.vips[i])) < 0)
                        error = k;
                added += k > 0;
        }
        if (added > 0 && error == 0)
                r->election->check(r); /* lease rule 13: after every add */
        if (added > 0 && r->owns)
                vrrp_router_announce(r);
        heed(r, error);
}

void vrrp_router_refresh(struct vrrp_router *r) {
        int error;

        r->refresh_us = VRRP_NEVER;
        r->election->again(r);
        if (!r->owns)
                return;
        r->counters.refreshes++;
        error = add_all(r);
        if (error == 0)
                r->election->check(r);
        heed(r, error);
}
