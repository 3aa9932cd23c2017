/* Sessions between members, as vrrp/sealed.c keeps them: one for each listed peer. */
#include "tests/sim/sim.h"

unsigned sim_slot(const struct sim *w, uint64_t id) {
        for (unsigned i = 0; i < SIM_NODES; i++)
                if (w->host[i].exists && w->host[i].id == id)
                        return i;
        return SIM_NODES;
}

static void emit(struct sim *w, unsigned i, unsigned to, struct sim_packet *p) {
        struct sim_host *h = &w->host[i];

        p->from = (uint8_t)i;
        p->to = (uint8_t)to;
        p->src = h->id;
        p->dst = h->session_id[to];
        p->boot = h->boot;
        p->seq = vrrp_session_next_seq(&h->session[to]);
        p->to_life = w->host[to].life;
        sim_send(w, i, to, p);
}

static void handshake(struct sim *w, unsigned i, unsigned to, enum vrrp_session_kind kind, uint64_t nonce) {
        struct sim_packet p = { .kind = kind, .nonce = nonce };

        emit(w, i, to, &p);
}

void sim_session_list(struct sim *w, unsigned i) {
        struct sim_host *h = &w->host[i];

        for (unsigned k = 0; k < SIM_NODES; k++) {
                const struct sim_host *peer = &w->host[k];
                bool listed = k != i && peer->exists && vrrp_list_find(&h->lease.p.list, peer->id);

                if (h->session_id[k] != 0 && h->session_id[k] == peer->id &&
                    (listed || !sim_rule(SIM_RULE_SOCKETS)))
                        continue;
                h->session[k] = (struct vrrp_session){ 0 };
                h->session_id[k] = listed ? peer->id : 0;
                if (!listed)
                        continue;
                vrrp_session_open(&h->session[k], sim_local(w, i), sim_random(w) | 1);
                handshake(w, i, k, VRRP_SESSION_CHALLENGE, h->session[k].nonce);
        }
}

void sim_session_open(struct sim *w, unsigned i) {
        memset(w->host[i].session_id, 0, sizeof w->host[i].session_id);
        sim_session_list(w, i);
}

void sim_session_send(struct sim *w, unsigned i, uint64_t dst, const struct vrrp_lease_msg *m) {
        struct sim_host *h = &w->host[i];

        for (unsigned k = 0; k < SIM_NODES; k++) {
                struct sim_packet p = { .kind = VRRP_SESSION_DATA, .msg = *m };

                if (h->session_id[k] != 0 && (dst == 0 || dst == h->session_id[k]))
                        emit(w, i, k, &p);
        }
}

bool sim_session_receive(struct sim *w, unsigned i, const struct sim_packet *p, bool discard) {
        struct sim_host *h = &w->host[i];
        struct vrrp_session *s = &h->session[p->from];
        enum vrrp_session_verdict v;

        if (p->dst != h->id || p->src != h->session_id[p->from])
                return false; /* no socket, or not for us */
        v = vrrp_session_receive(s, p->kind, p->boot, p->seq, p->nonce, sim_local(w, i),
                                 w->base.interval_us / 4, sim_random(w) | 1);
        if (v == VRRP_SESSION_PROVEN)
                w->count.challenges++;
        if (v == VRRP_SESSION_DROP || v == VRRP_SESSION_CHALLENGE_IT)
                w->count.stale_dropped++;
        if (discard)
                return false;
        if (v == VRRP_SESSION_RESPOND || v == VRRP_SESSION_RESPOND_AND_CHALLENGE)
                handshake(w, i, p->from, VRRP_SESSION_RESPONSE, p->nonce);
        if (v == VRRP_SESSION_CHALLENGE_IT || v == VRRP_SESSION_RESPOND_AND_CHALLENGE)
                handshake(w, i, p->from, VRRP_SESSION_CHALLENGE, s->nonce);
        return v == VRRP_SESSION_ACCEPT;
}
