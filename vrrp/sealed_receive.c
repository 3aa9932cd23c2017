#include "vrrp/bytes.h"
#include "vrrp/clock.h"
#include "vrrp/sealed_priv.h"

enum {
        BATCHES = 4,    /* of one member per wake-up: then the others, and the timers, have their turn */
        ALL_OF_IT = 256 /* more batches than a socket's queue holds */
};

static bool read_nonce(const struct vrrp_sealed_datagram *d, uint64_t *ret) {
        struct vrrp_reader r = { .p = d->body, .left = d->size };

        *ret = vrrp_read_u64(&r);
        return !r.bad && r.left == 0 && *ret != 0 && d->header.group == 0;
}

static enum vrrp_session_kind kind_of(uint8_t type) {
        if (type == VRRP_SEAL_CHALLENGE)
                return VRRP_SESSION_CHALLENGE;
        return type == VRRP_SEAL_RESPONSE ? VRRP_SESSION_RESPONSE : VRRP_SESSION_DATA;
}

static void tell_proven(struct vrrp_sealed *s, uint64_t id) {
        for (size_t i = 0; i < VRRP_SEALED_GROUPS; i++)
                if (s->groups[i].ops && s->groups[i].ops->peer_restarted)
                        s->groups[i].ops->peer_restarted(s->groups[i].userdata, id);
}

static void send_challenge(struct sealed_peer *p) {
        p->s->counters.challenges++;
        sealed_send_nonce(p, VRRP_SEAL_CHALLENGE, p->session.nonce);
}

static void deliver(struct vrrp_sealed *s, const struct vrrp_sealed_datagram *d, uint64_t now_us) {
        const struct vrrp_seal_header *h = &d->header;
        const struct sealed_subscriber *to = h->group < VRRP_SEALED_GROUPS ? &s->groups[h->group] : NULL;
        struct vrrp_sealed_in in = { .src = h->src,
                                     .now_us = now_us,
                                     .group = h->group,
                                     .type = h->type,
                                     .body = d->body,
                                     .size = d->size };

        if (!to || !to->ops) {
                s->counters.unclaimed++;
                return;
        }
        to->ops->message(to->userdata, &in);
}

static void accept_data(struct sealed_peer *p, const struct vrrp_sealed_datagram *d, uint64_t now_us,
                        bool keep) {
        struct vrrp_sealed *s = p->s;

        p->last_us = now_us;
        p->key_id = d->header.key_id;
        s->counters.received++;
        if (keep)
                deliver(s, d, now_us);
        else
                s->counters.discarded++;
}

/* An authentic datagram. The peer may be gone when this returns. */
static void receive_authentic(struct sealed_peer *p, const struct vrrp_sealed_datagram *d, bool keep) {
        struct vrrp_sealed *s = p->s;
        enum vrrp_session_kind kind = kind_of(d->header.type);
        uint64_t now_us = vrrp_now_us(), nonce = 0, dropped = p->session.dropped, random = sealed_random(s);
        enum vrrp_session_verdict v;

        if ((kind != VRRP_SESSION_DATA && !read_nonce(d, &nonce)) || random == 0) {
                s->counters.bad[VRRP_SEAL_BAD_FORM]++;
                return;
        }
        v = vrrp_session_receive(&p->session, kind, d->header.boot, d->header.seq, nonce, now_us,
                                 s->challenge_gap_us, random);
        s->counters.replays += p->session.dropped - dropped;
        if (p->session.nonce == random)
                s->random = 0; /* used */
        if (v == VRRP_SESSION_RESPOND || v == VRRP_SESSION_RESPOND_AND_CHALLENGE)
                sealed_send_nonce(p, VRRP_SEAL_RESPONSE, nonce);
        if (v == VRRP_SESSION_CHALLENGE_IT || v == VRRP_SESSION_RESPOND_AND_CHALLENGE)
                send_challenge(p);
        if (v == VRRP_SESSION_PROVEN)
                tell_proven(s, p->id);
        if (v == VRRP_SESSION_ACCEPT)
                accept_data(p, d, now_us, keep);
}

static void receive_one(struct sealed_peer *p, const uint8_t *datagram, size_t size, bool keep) {
        struct vrrp_sealed *s = p->s;
        struct vrrp_sealed_datagram d;
        enum vrrp_seal_verdict v = vrrp_unseal(s->ring, p->network, p->id, s->self, datagram, size, &d);

        if (v == VRRP_SEAL_OK)
                receive_authentic(p, &d, keep);
        else
                s->counters.bad[v]++;
}

/* False when there is no more, or the list has changed meanwhile and with it perhaps this member. */
static bool receive_batch(struct sealed_peer *p, bool keep) {
        struct vrrp_sealed *s = p->s;
        uint64_t changes = s->changes;
        size_t n = vrrp_sealed_socket_receive(p->fd, &s->batch);

        for (size_t i = 0; i < n; i++) {
                receive_one(p, s->batch.v[i], s->batch.size[i], keep);
                if (s->changes != changes)
                        return false;
        }
        return n == VRRP_SEALED_BATCH;
}

static void receive(struct sealed_peer *p, unsigned batches, bool keep) {
        struct vrrp_sealed *s = p->s;

        if (s->receiving || p->fd < 0)
                return;
        s->receiving = true;
        while (batches-- > 0 && receive_batch(p, keep))
                ;
        s->receiving = false;
}

int sealed_on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct sealed_peer *p = userdata;
        struct vrrp_sealed *s = p->s;
        uint64_t changes = s->changes;

        (void)source, (void)fd, (void)events;
        if (s->before_io)
                s->before_io(s->userdata);
        if (s->changes == changes)
                receive(p, BATCHES, true);
        return 0;
}

static void receive_all(struct vrrp_sealed *s, unsigned batches, bool keep) {
        uint64_t changes = s->changes;

        for (size_t i = 0; i < s->n && s->changes == changes; i++)
                receive(s->peers[i], batches, keep);
}

void vrrp_sealed_drain(struct vrrp_sealed *s) {
        receive_all(s, BATCHES, true);
}

void vrrp_sealed_discard(struct vrrp_sealed *s) {
        receive_all(s, ALL_OF_IT, false);
}
