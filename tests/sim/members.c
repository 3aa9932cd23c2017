/* The root services, which publish the lists (lease rule 12), and the disks of the members. */
#include "tests/sim/sim.h"

bool sim_listed(const struct sim *w, unsigned gen, unsigned i) {
        return vrrp_list_find(&w->list[gen], w->host[i].id) != NULL;
}

/* What the agent tells that it goes by; it has stored that. Where none runs, what it will start with. */
static unsigned told_gen(const struct sim_host *h) {
        return h->running ? (unsigned)h->lease.p.list.gen : h->disk_gen;
}

/* Whether a majority of the list of `gen` goes by one of `at_least`. */
static bool majority_stored(const struct sim *w, unsigned gen, unsigned at_least) {
        const struct vrrp_list *list = &w->list[gen];
        unsigned stored = 0;

        for (unsigned i = 0; i < SIM_NODES; i++)
                if (w->host[i].exists && vrrp_list_find(list, w->host[i].id) &&
                    told_gen(&w->host[i]) >= at_least)
                        stored++;
        return stored >= list->n / 2 + 1;
}

void sim_members_watch(struct sim *w) {
        if (w->gen > 1 && w->stored_us == 0 && majority_stored(w, w->gen - 1, w->gen))
                w->stored_us = w->now_us;
}

bool sim_members_may_change(struct sim *w) {
        if (w->gen + 1 >= SIM_GENS)
                return false;
        if (w->gen == 1)
                return true;
        if (w->stored_us == 0)
                return !sim_rule(SIM_RULE_PUBLISH_MAJORITY);
        return w->now_us >= w->stored_us + sim_d(w) * 11 / 10 || !sim_rule(SIM_RULE_PUBLISH_WAIT);
}

static void publish(struct sim *w, const struct vrrp_list *list) {
        unsigned gen = ++w->gen;

        w->list[gen] = *list;
        w->list[gen].gen = gen;
        w->stored_us = 0;
        sim_members_watch(w);
        sim_tell(w, "list %u: %zu members", gen, list->n);
        for (unsigned i = 0; i < SIM_NODES; i++)
                if (w->host[i].exists && (sim_listed(w, gen, i) || sim_listed(w, gen - 1, i)) &&
                    (w->exact || sim_chance(w, 750)))
                        sim_at(w, w->now_us + (w->exact ? 1000 : sim_spread(w, 4ULL * w->base.interval_us)),
                               SIM_TOLD, i, w->host[i].born, gen);
}

static struct vrrp_list_member entry(const struct sim *w, unsigned i) {
        struct vrrp_list_member m = { .id = w->host[i].id, .witness = w->host[i].witness };

        m.address.family = AF_INET;
        memcpy(m.address.b, (const uint8_t[]){ 10, 0, 0, (uint8_t)(i + 1) }, 4);
        m.name[0] = 'n';
        m.name[1] = (char)('a' + i);
        return m;
}

uint64_t sim_members_id(struct sim *w) {
        return (sim_random(w) | 1) >> 1 | 1;
}

void sim_members_first(struct sim *w, unsigned n) {
        w->gen = 1;
        w->list[1].gen = 1;
        w->list[1].n = n;
        for (unsigned i = 0; i < n; i++) {
                w->list[1].v[i] = entry(w, i);
                w->host[i].disk_gen = 1;
        }
}

/* A machine that has never been a member, or was removed and switched off, with a new id. */
static unsigned spare(const struct sim *w) {
        for (unsigned i = 0; i < SIM_NODES; i++)
                if (!w->host[i].exists)
                        return i;
        for (unsigned i = 0; i < SIM_NODES; i++)
                if (!w->host[i].running && !w->host[i].powered && !sim_listed(w, w->gen, i) &&
                    (w->gen == 1 || !sim_listed(w, w->gen - 1, i)))
                        return i;
        return SIM_NODES;
}

unsigned sim_members_create(struct sim *w) {
        unsigned i = spare(w);

        if (i == SIM_NODES)
                return i;
        sim_host_create(w, i, w->exact ? i + 1 : sim_members_id(w));
        if (!w->exact)
                w->host[i].priority = (uint8_t)sim_between(w, 1, 254);
        w->host[i].disk_gen = w->gen;
        return i;
}

bool sim_members_add(struct sim *w, unsigned i) {
        struct vrrp_list list = w->list[w->gen];

        if (!sim_members_may_change(w) || list.n >= SIM_MEMBERS)
                return false;
        w->count.grown++;
        list.v[list.n++] = entry(w, i);
        publish(w, &list);
        return true;
}

void sim_members_grow(struct sim *w) {
        unsigned i;

        if (!sim_members_may_change(w) || w->list[w->gen].n >= SIM_MEMBERS ||
            (i = sim_members_create(w)) == SIM_NODES)
                return;
        sim_members_add(w, i);
        if (!sim_chance(w, 300)) /* else it starts with the list before, which has it not */
                w->host[i].disk_gen = w->gen;
        sim_members_watch(w);
        sim_at(w, w->now_us + sim_spread(w, 4ULL * w->base.interval_us), SIM_BOOT, i, w->host[i].life, 0);
}

bool sim_members_shrink(struct sim *w, unsigned i) {
        struct vrrp_list list = w->list[w->gen];
        size_t at = 0;

        while (at < list.n && list.v[at].id != w->host[i].id)
                at++;
        if (!sim_members_may_change(w) || at == list.n || list.n == 1)
                return false;
        w->count.shrunk++;
        memmove(&list.v[at], &list.v[at + 1], (list.n - at - 1) * sizeof list.v[0]);
        list.n--;
        memset(&list.v[list.n], 0, sizeof list.v[0]);
        publish(w, &list);
        return true;
}

void sim_members_store(struct sim *w, unsigned i, unsigned gen) {
        struct sim_host *h = &w->host[i];
        uint64_t us = 100;

        if (gen <= h->storing)
                return;
        if (sim_chance(w, w->trouble.slow_disk)) {
                w->count.slow_disks++;
                us = sim_spread(w, (w->slow_disks ? 10ULL : 3ULL) * w->base.interval_us);
        }
        h->storing = gen;
        sim_at(w, w->now_us + us, SIM_STORED, i, h->life, gen);
}

void sim_members_stored(struct sim *w, unsigned i, unsigned gen) {
        struct sim_host *h = &w->host[i];

        if (h->storing == gen)
                h->storing = 0;
        if (gen > h->disk_gen && sim_rule(SIM_RULE_STORE))
                h->disk_gen = gen;
        sim_members_watch(w);
        sim_loop_event(w, i,
                       (struct vrrp_lease_event){ .type = VRRP_LEASE_EV_LIST,
                                                  .list = &w->list[gen > h->disk_gen ? gen : h->disk_gen] });
}

void sim_members_hand(struct sim *w, unsigned i, unsigned gen) {
        struct sim_host *h = &w->host[i];

        if (!h->powered || h->suspended_us != 0)
                return;
        if (h->running) {
                sim_members_store(w, i, gen);
        } else if (gen > h->disk_gen) {
                h->disk_gen = gen;
                sim_members_watch(w);
        }
}
