/* Which datagrams of one peer count (lease rule 2): a value per peer. Pure; authenticity is seal.h's part.
 *
 * boot is random per process, so that a clock that goes back or a lost memory harms nothing. A datagram of a
 * boot that was not proven is dropped and answered by CHALLENGE with a fresh nonce; only RESPONSE with that
 * nonce makes the boot known. Within a known boot the sequence number must grow. So no replay, duplicate or
 * reordering counts, not even at a receiver that has just started.
 *
 * A nonce is used once. Challenges that are sent again within VRRP_SESSION_LIFE gaps repeat it, or an answer
 * that takes longer than a gap would never count; after that it is void. The proven boot stays until another
 * one is proven: what somebody repeats of an older boot costs challenges, not the session. */
#ifndef VRRP_SESSION_H
#define VRRP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

enum { VRRP_SESSION_LIFE = 16 }; /* 4 A: longer than an acknowledgement may take */

struct vrrp_session {                 /* all 0: nothing known, nothing sent */
        uint64_t seq;                 /* own, last sent to this peer */
        bool known;                   /* peer_boot is proven */
        uint64_t peer_boot, last_seq; /* of the newest datagram that counted */
        uint64_t nonce, nonce_us;     /* of our challenge that is out and since when, 0: none */
        uint64_t challenged_us;       /* when a challenge last left */
        uint64_t answered_us,
                answered_rank;        /* challenges of boots not proven: this gap's begin; the highest */
        uint64_t salt;                /* rank that was answered in it; what the ranks come from */
        uint64_t dropped, challenges; /* counters */
};

enum vrrp_session_kind { VRRP_SESSION_DATA, VRRP_SESSION_CHALLENGE, VRRP_SESSION_RESPONSE };
enum vrrp_session_verdict {
        VRRP_SESSION_DROP,                  /* nothing to do */
        VRRP_SESSION_ACCEPT,                /* DATA: it counts */
        VRRP_SESSION_CHALLENGE_IT,          /* drop it; send CHALLENGE with s->nonce */
        VRRP_SESSION_RESPOND,               /* CHALLENGE: send RESPONSE repeating the nonce received */
        VRRP_SESSION_RESPOND_AND_CHALLENGE, /* both: the peer has just started */
        VRRP_SESSION_PROVEN,                /* RESPONSE: a boot is known that was not known before */
};

/* An authentic datagram of the peer. `random` becomes the nonce of a challenge, if one is due: 64 fresh
 * random bits, not 0. At most one challenge per gap_us (A / 4). A challenge of an unknown boot is responded
 * to, too. Old ones that somebody repeats must neither make us flood the peer nor take the answer from a peer
 * that has started: each gap ranks the boots anew, as nobody can foresee, and answers only what ranks higher
 * than those before. Of n boots that is about ln n answers a gap, and each boot's turn comes. */
enum vrrp_session_verdict vrrp_session_receive(struct vrrp_session *s, enum vrrp_session_kind kind,
                                               uint64_t boot, uint64_t seq, uint64_t nonce, uint64_t now_us,
                                               uint64_t gap_us, uint64_t random);
/* A challenge on our own account (at start, so that sessions are there before they are needed). The first who
 * is heard after it is asked at once: nobody may have been there yet. */
void vrrp_session_open(struct vrrp_session *s, uint64_t now_us, uint64_t random);
uint64_t vrrp_session_next_seq(struct vrrp_session *s);

#endif
