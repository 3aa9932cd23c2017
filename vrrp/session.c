#include "vrrp/session.h"
#include "vrrp/lease_rules.h"

static bool passed(uint64_t since_us, uint64_t now_us, uint64_t span_us) {
        return now_us >= since_us && now_us - since_us >= span_us;
}

static bool in_order(struct vrrp_session *s, uint64_t seq) {
        if (LEASE_RULE(SESSION_ORDER) && seq <= s->last_seq) {
                s->dropped++;
                return false;
        }
        s->last_seq = seq;
        return true;
}

/* Whether a challenge is to leave now; s->nonce is its nonce. */
static bool challenge(struct vrrp_session *s, uint64_t now_us, uint64_t gap_us, uint64_t random) {
        if (s->challenged_us > 0 && !passed(s->challenged_us, now_us, gap_us))
                return false;
        if (s->nonce == 0 || passed(s->nonce_us, now_us, VRRP_SESSION_LIFE * gap_us)) {
                s->nonce = random;
                s->nonce_us = now_us;
        }
        s->challenged_us = now_us;
        s->challenges++;
        return true;
}

/* Spreads the bits (the finalizer of splitmix64). */
static uint64_t mix(uint64_t v) {
        v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
        return v ^ v >> 31;
}

static bool may_answer(struct vrrp_session *s, uint64_t boot, uint64_t now_us, uint64_t gap_us,
                       uint64_t random) {
        uint64_t rank;

        if (s->answered_us == 0 || passed(s->answered_us, now_us, gap_us)) {
                s->answered_us = now_us;
                s->answered_rank = 0;
                s->salt = mix(random ^ now_us);
        }
        rank = mix(boot ^ s->salt) | 1;
        if (rank <= s->answered_rank)
                return false;
        s->answered_rank = rank;
        return true;
}

static enum vrrp_session_verdict unknown_boot(struct vrrp_session *s, enum vrrp_session_kind kind,
                                              uint64_t boot, uint64_t now_us, uint64_t gap_us,
                                              uint64_t random) {
        bool answer = kind == VRRP_SESSION_CHALLENGE && may_answer(s, boot, now_us, gap_us, random);
        bool ask = challenge(s, now_us, gap_us, random);

        s->dropped++;
        if (answer)
                return ask ? VRRP_SESSION_RESPOND_AND_CHALLENGE : VRRP_SESSION_RESPOND;
        return ask ? VRRP_SESSION_CHALLENGE_IT : VRRP_SESSION_DROP;
}

/* Whoever repeats our nonce has made this datagram after the nonce was made; the boot in it was alive then.
 */
static enum vrrp_session_verdict response(struct vrrp_session *s, uint64_t boot, uint64_t seq, uint64_t nonce,
                                          uint64_t now_us, uint64_t gap_us) {
        bool ours = s->nonce != 0 && nonce == s->nonce &&
                    !passed(s->nonce_us, now_us, VRRP_SESSION_LIFE * gap_us);

        if (!ours) {
                s->dropped++;
                return VRRP_SESSION_DROP;
        }
        s->nonce = 0;
        if (s->known && boot == s->peer_boot) {
                in_order(s, seq);
                return VRRP_SESSION_DROP;
        }
        s->known = true;
        s->peer_boot = boot;
        s->last_seq = seq;
        return VRRP_SESSION_PROVEN;
}

enum vrrp_session_verdict vrrp_session_receive(struct vrrp_session *s, enum vrrp_session_kind kind,
                                               uint64_t boot, uint64_t seq, uint64_t nonce, uint64_t now_us,
                                               uint64_t gap_us, uint64_t random) {
        if (kind == VRRP_SESSION_RESPONSE)
                return response(s, boot, seq, nonce, now_us, gap_us);
        if (!LEASE_RULE(SESSION_PROOF) && boot != s->peer_boot) {
                s->known = true;
                s->peer_boot = boot;
                s->last_seq = 0;
        }
        if (!s->known || boot != s->peer_boot)
                return unknown_boot(s, kind, boot, now_us, gap_us, random);
        if (!in_order(s, seq))
                return VRRP_SESSION_DROP;
        return kind == VRRP_SESSION_CHALLENGE ? VRRP_SESSION_RESPOND : VRRP_SESSION_ACCEPT;
}

void vrrp_session_open(struct vrrp_session *s, uint64_t now_us, uint64_t random) {
        s->nonce = random;
        s->nonce_us = now_us;
        s->challenged_us = 0;
        s->challenges++;
}

uint64_t vrrp_session_next_seq(struct vrrp_session *s) {
        return ++s->seq;
}
