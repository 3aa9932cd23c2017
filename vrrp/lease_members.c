/* Generations of the member list: lease rule 12. */
#include "vrrp/lease_priv.h"

#include <string.h>

void vrrp_lease_heard(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now) {
        struct vrrp_lease_peer *p = vrrp_lease_peer(l, m->src);

        if (!p)
                return;
        if (!p->heard || p->gen != m->gen) {
                p->gen = m->gen;
                p->gen_since_us = now;
        }
        p->heard = true;
        p->last_us = now;
        p->rank = m->rank;
        p->rank.id = m->src;
        p->standby = m->standby;
}

static void tell_list(struct vrrp_lease *l, uint64_t dst, struct vrrp_lease_actions *out) {
        vrrp_lease_send(l, dst, VRRP_LEASE_NACK, out)->list = &l->p.list;
        l->counters.nacks++;
}

/* At most one per A/4 and peer, so that two whose disks are slow do not fill the network. */
static void tell_peer(struct vrrp_lease *l, uint64_t id, uint64_t now, struct vrrp_lease_actions *out) {
        struct vrrp_lease_peer *p = vrrp_lease_peer(l, id);

        if (!p || (p->nack_us && now - p->nack_us < l->p.interval_us / 4))
                return; /* nobody we have an address of, or told just now */
        p->nack_us = now;
        tell_list(l, id, out);
}

/* That generation is on its way to the disk. After D it is asked for again: the disk may have failed. */
static bool storing(const struct vrrp_lease *l, uint64_t gen, uint64_t now) {
        return gen <= l->storing_gen && now - l->storing_us < l->d_us;
}

static void store(struct vrrp_lease *l, const struct vrrp_list *list, uint64_t now,
                  struct vrrp_lease_actions *out) {
        if (storing(l, list->gen, now))
                return;
        l->storing_gen = list->gen;
        l->storing_us = now;
        vrrp_lease_act(out, VRRP_LEASE_STORE);
        out->list = list;
}

/* Who is behind is told our list. Of who is ahead we want the list: told ours, it sees that we are behind. */
void vrrp_lease_other_gen(struct vrrp_lease *l, const struct vrrp_lease_msg *m, uint64_t now,
                          struct vrrp_lease_actions *out) {
        bool list = m->type == VRRP_LEASE_NACK && m->list && vrrp_list_check(m->list) == 0;

        if (list && m->list->gen > l->p.list.gen)
                store(l, m->list, now, out);
        else if (m->gen < l->p.list.gen || !storing(l, m->gen, now))
                tell_peer(l, m->src, now, out);
}

/* What we know of those who stay; acknowledgements and answers were given under the old list. */
static void keep_peers(struct vrrp_lease *l, const struct vrrp_list *list) {
        struct vrrp_lease_peer old[VRRP_LIST_MEMBERS];

        memcpy(old, l->peers, sizeof old);
        memset(l->peers, 0, sizeof l->peers);
        for (size_t i = 0; i < list->n; i++) {
                const struct vrrp_list_member *m = vrrp_list_find(&l->p.list, list->v[i].id);

                if (!m)
                        continue;
                l->peers[i] = old[m - l->p.list.v];
                l->peers[i].probe = 0;
                if (LEASE_RULE(FORGET_ACKS))
                        l->peers[i].ack_us = 0;
        }
}

void vrrp_lease_adopt(struct vrrp_lease *l, const struct vrrp_list *list, uint64_t now,
                      struct vrrp_lease_actions *out) {
        if (list->gen <= l->p.list.gen || vrrp_list_check(list) < 0)
                return;
        keep_peers(l, list);
        l->p.list = *list;
        l->probe_first = l->probe + 1;
        l->counters.list_changes++;
        if (!LEASE_RULE(KEEP_PROMISE))
                l->promise.src = 0;
        if (LEASE_RULE(NOT_LISTED) && !vrrp_lease_listed(l))
                vrrp_lease_withdraw(l, now, "not in the list of members any more", out); /* lease rule 10 */
        if (l->started && list->n > 1)
                tell_list(l, 0, out);
}
