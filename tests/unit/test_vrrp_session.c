/* Sessions by challenge (lease rule 2): what counts, what is asked, what is answered. */
#include "vrrp/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { GAP = 25000, BOOT = 0xb001, OLD_BOOT = 0x01d };

#define SEC(n) ((n)*UINT64_C(1000000))

static enum vrrp_session_verdict feed(struct vrrp_session *s, enum vrrp_session_kind kind, uint64_t boot,
                                      uint64_t seq, uint64_t nonce, uint64_t now_us) {
        static uint64_t fresh;

        return vrrp_session_receive(s, kind, boot, seq, nonce, now_us, GAP, ++fresh << 32 | 1);
}

static enum vrrp_session_verdict data(struct vrrp_session *s, uint64_t boot, uint64_t seq, uint64_t now_us) {
        return feed(s, VRRP_SESSION_DATA, boot, seq, 0, now_us);
}

static enum vrrp_session_verdict answer(struct vrrp_session *s, uint64_t boot, uint64_t seq, uint64_t nonce,
                                        uint64_t now_us) {
        return feed(s, VRRP_SESSION_RESPONSE, boot, seq, nonce, now_us);
}

/* A session with BOOT, of which datagram 10 was the answer. */
static struct vrrp_session proven(uint64_t now_us) {
        struct vrrp_session s = { 0 };

        vrrp_session_open(&s, now_us, 77);
        assert_int_equal(answer(&s, BOOT, 10, 77, now_us + 100), VRRP_SESSION_PROVEN);
        return s;
}

static void data_counts_once_and_in_order(void **state) {
        struct vrrp_session s = proven(SEC(1));

        (void)state;
        assert_int_equal(data(&s, BOOT, 9, SEC(2)), VRRP_SESSION_DROP); /* older than the answer */
        assert_int_equal(data(&s, BOOT, 10, SEC(2)), VRRP_SESSION_DROP);
        assert_int_equal(data(&s, BOOT, 11, SEC(2)), VRRP_SESSION_ACCEPT);
        assert_int_equal(data(&s, BOOT, 11, SEC(2)), VRRP_SESSION_DROP);
        assert_int_equal(data(&s, BOOT, 15, SEC(2)), VRRP_SESSION_ACCEPT); /* some were lost */
        assert_int_equal(data(&s, BOOT, 13, SEC(2)), VRRP_SESSION_DROP);   /* or only late */
        assert_int_equal(data(&s, BOOT, UINT64_MAX, SEC(2)), VRRP_SESSION_ACCEPT);
        assert_int_equal(s.dropped, 4);
        assert_int_equal(s.challenges, 1); /* none of it was worth a challenge */
}

static void a_restarted_peer_is_asked_before_it_counts(void **state) {
        struct vrrp_session s = proven(SEC(1));
        uint64_t nonce;

        (void)state;
        assert_int_equal(data(&s, 0xb002, 1, SEC(2)), VRRP_SESSION_CHALLENGE_IT);
        nonce = s.nonce;
        assert_int_not_equal(nonce, 0);
        assert_int_equal(data(&s, BOOT, 11, SEC(2)), VRRP_SESSION_ACCEPT); /* until the other is proven */
        assert_int_equal(answer(&s, 0xb002, 2, nonce, SEC(2) + 300), VRRP_SESSION_PROVEN);
        assert_int_equal(data(&s, BOOT, 12, SEC(3)), VRRP_SESSION_CHALLENGE_IT);
        assert_int_equal(data(&s, 0xb002, 3, SEC(3)), VRRP_SESSION_ACCEPT);
}

/* All that was ever sent by earlier boots, repeated to a receiver that knows nothing. */
static void a_receiver_that_has_just_started_believes_nothing_old(void **state) {
        static const uint64_t old_nonces[] = { 5, 77, 1 };
        struct vrrp_session s = { 0 };

        (void)state;
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(answer(&s, OLD_BOOT, 1000, old_nonces[i], SEC(1)), VRRP_SESSION_DROP);
        assert_int_equal(answer(&s, OLD_BOOT, 1001, 0, SEC(1)), VRRP_SESSION_DROP); /* no challenge is out */
        assert_false(s.known);
        vrrp_session_open(&s, SEC(1), 0xfeed);
        for (uint64_t seq = 1; seq < 100; seq++) {
                assert_int_not_equal(data(&s, OLD_BOOT, seq, SEC(1) + seq), VRRP_SESSION_ACCEPT);
                assert_int_equal(answer(&s, OLD_BOOT, seq, old_nonces[seq % 3], SEC(1) + seq),
                                 VRRP_SESSION_DROP);
                assert_int_not_equal(feed(&s, VRRP_SESSION_CHALLENGE, OLD_BOOT, seq, 5, SEC(1) + seq),
                                     VRRP_SESSION_ACCEPT);
        }
        assert_false(s.known);
        assert_int_equal(answer(&s, BOOT, 3, 0xfeed, SEC(1) + 200), VRRP_SESSION_PROVEN);
        assert_int_equal(s.peer_boot, BOOT);
}

static void a_nonce_is_used_once(void **state) {
        struct vrrp_session s = proven(SEC(1));

        (void)state;
        assert_int_equal(answer(&s, BOOT, 20, 77, SEC(1) + 200), VRRP_SESSION_DROP);
        assert_int_equal(s.last_seq, 10);
        assert_int_equal(answer(&s, OLD_BOOT, 20, 77, SEC(1) + 200), VRRP_SESSION_DROP);
        assert_int_equal(s.peer_boot, BOOT);
        assert_int_equal(answer(&s, OLD_BOOT, 20, 0, SEC(1) + 200), VRRP_SESSION_DROP); /* 0: none is out */
}

static void an_answer_does_not_take_the_sequence_back(void **state) {
        struct vrrp_session s = proven(SEC(1));

        (void)state;
        assert_int_equal(data(&s, BOOT, 30, SEC(2)), VRRP_SESSION_ACCEPT);
        assert_int_equal(data(&s, OLD_BOOT, 1, SEC(2)), VRRP_SESSION_CHALLENGE_IT);
        /* the peer answered before it sent 30 */
        assert_int_equal(answer(&s, BOOT, 29, s.nonce, SEC(2) + 500), VRRP_SESSION_DROP);
        assert_int_equal(s.last_seq, 30);
        assert_int_equal(s.nonce, 0);
        assert_int_equal(data(&s, BOOT, 30, SEC(2)), VRRP_SESSION_DROP);
}

static void at_most_one_challenge_per_gap(void **state) {
        struct vrrp_session s = { 0 };
        unsigned sent = 0;

        (void)state;
        for (uint64_t t = 0; t < SEC(1); t += 10) /* 100,000 per second */
                sent += data(&s, OLD_BOOT, 1, SEC(5) + t) == VRRP_SESSION_CHALLENGE_IT;
        assert_int_equal(sent, SEC(1) / GAP);
        assert_int_equal(s.challenges, sent);
        assert_int_equal(s.dropped, SEC(1) / 10);
}

static void a_slow_answer_still_counts(void **state) {
        struct vrrp_session s = { 0 };
        uint64_t nonce, t = SEC(1);

        (void)state;
        assert_int_equal(data(&s, BOOT, 1, t), VRRP_SESSION_CHALLENGE_IT);
        nonce = s.nonce;
        assert_int_equal(data(&s, BOOT, 2, t + GAP), VRRP_SESSION_CHALLENGE_IT); /* asked again */
        assert_int_equal(s.nonce, nonce);
        assert_int_equal(answer(&s, BOOT, 3, nonce, t + 15 * GAP), VRRP_SESSION_PROVEN);
}

/* Whatever old lives are repeated meanwhile: the peer, which answers each challenge after `delay`, is known
 * after its first answer. The nonce that is out is neither replaced nor used up, nor held back by what is
 * repeated. */
static void replays_do_not_keep_a_peer_from_being_known(void **state) {
        enum { STEPS = 10 };

        (void)state;
        for (uint64_t delay = 1; delay < VRRP_SESSION_LIFE * STEPS; delay++) {
                uint64_t nonces[40 * STEPS] = { 0 }, begin = SEC(1), known = 0;
                struct vrrp_session s = { 0 };

                for (uint64_t i = 0; i < 40 * STEPS && !known; i++) {
                        uint64_t t = begin + i * (GAP / STEPS);
                        unsigned kind = (unsigned)(i % 3);
                        enum vrrp_session_verdict v = feed(&s, (enum vrrp_session_kind)kind, OLD_BOOT + i % 7,
                                                           1000 - i, 0xbad + i, t);

                        if (v == VRRP_SESSION_CHALLENGE_IT || v == VRRP_SESSION_RESPOND_AND_CHALLENGE)
                                nonces[i] = s.nonce;
                        if (i >= delay && nonces[i - delay] &&
                            answer(&s, BOOT, i, nonces[i - delay], t) == VRRP_SESSION_PROVEN)
                                known = i;
                }
                assert_int_equal(known, delay);
                assert_int_equal(s.peer_boot, BOOT);
        }
}

static void a_challenge_grows_old(void **state) {
        struct vrrp_session s = { 0 };
        uint64_t nonce;

        (void)state;
        assert_int_equal(data(&s, BOOT, 1, SEC(1)), VRRP_SESSION_CHALLENGE_IT);
        nonce = s.nonce;
        assert_int_equal(answer(&s, BOOT, 3, nonce, SEC(1) + 16 * GAP), VRRP_SESSION_DROP);
        assert_false(s.known);
        assert_int_equal(data(&s, BOOT, 4, SEC(1) + 16 * GAP), VRRP_SESSION_CHALLENGE_IT);
        assert_int_not_equal(s.nonce, nonce);
        assert_int_equal(answer(&s, BOOT, 5, s.nonce, SEC(1) + 17 * GAP), VRRP_SESSION_PROVEN);
}

static void challenges_of_the_proven_boot_are_answered_once_each(void **state) {
        struct vrrp_session s = proven(SEC(1));

        (void)state;
        for (uint64_t seq = 11; seq < 15; seq++) {
                assert_int_equal(feed(&s, VRRP_SESSION_CHALLENGE, BOOT, seq, 5, SEC(2)),
                                 VRRP_SESSION_RESPOND);
                assert_int_equal(feed(&s, VRRP_SESSION_CHALLENGE, BOOT, seq, 5, SEC(2)), VRRP_SESSION_DROP);
        }
}

static void a_peer_that_starts_is_answered_and_asked(void **state) {
        struct vrrp_session s = proven(SEC(1));
        unsigned answers = 0;

        (void)state;
        assert_int_equal(feed(&s, VRRP_SESSION_CHALLENGE, 0xb002, 1, 5, SEC(2)),
                         VRRP_SESSION_RESPOND_AND_CHALLENGE);
        assert_int_equal(feed(&s, VRRP_SESSION_CHALLENGE, 0xb002, 1, 5, SEC(2) + 10), VRRP_SESSION_DROP);
        for (uint64_t t = 0; t < GAP; t += 10)
                answers += feed(&s, VRRP_SESSION_CHALLENGE, OLD_BOOT, 4, 9, SEC(3) + t) != VRRP_SESSION_DROP;
        assert_int_equal(answers, 1);
        assert_int_equal(s.peer_boot, BOOT); /* asking proves nothing */
}

/* Challenges of eight lives of a peer, repeated without end, by turns: few are answered, and the one that the
 * peer sends once a gap after it has started again is among them soon. */
static void repeated_challenges_neither_multiply_nor_displace_the_new_one(void **state) {
        struct vrrp_session s = proven(SEC(1));
        unsigned answers = 0, genuine = 0, longest = 0, waiting = 0;

        (void)state;
        for (uint64_t t = SEC(2), gaps = 0; gaps < 1000; gaps++, t += GAP) {
                for (uint64_t i = 0; i < 200; i++) {
                        enum vrrp_session_verdict v =
                                feed(&s, VRRP_SESSION_CHALLENGE, 0xb100 + i % 8, 4, 9, t + i * (GAP / 201));

                        answers += v == VRRP_SESSION_RESPOND || v == VRRP_SESSION_RESPOND_AND_CHALLENGE;
                }
                waiting++;
                if (feed(&s, VRRP_SESSION_CHALLENGE, 0xb003, 1, 5, t + GAP - 1) != VRRP_SESSION_DROP) {
                        genuine++;
                        longest = waiting > longest ? waiting : longest;
                        waiting = 0;
                }
        }
        assert_in_range(answers, 1000, 4000);
        assert_in_range(genuine, 60, 1000);
        assert_in_range(longest, 1, 100);
}

/* Two that start at once: each asks, and after one answer each hears the other. */
static void two_that_start_know_each_other_after_one_exchange(void **state) {
        struct vrrp_session a = { 0 }, b = { 0 };

        (void)state;
        vrrp_session_open(&a, SEC(1), 101);
        vrrp_session_open(&b, SEC(1), 102);
        assert_int_equal(feed(&a, VRRP_SESSION_CHALLENGE, 0xb, vrrp_session_next_seq(&b), b.nonce, SEC(1)),
                         VRRP_SESSION_RESPOND_AND_CHALLENGE);
        assert_int_equal(feed(&b, VRRP_SESSION_CHALLENGE, 0xa, vrrp_session_next_seq(&a), a.nonce, SEC(1)),
                         VRRP_SESSION_RESPOND_AND_CHALLENGE);
        assert_int_equal(answer(&b, 0xa, vrrp_session_next_seq(&a), 102, SEC(1)), VRRP_SESSION_PROVEN);
        assert_int_equal(answer(&a, 0xb, vrrp_session_next_seq(&b), 101, SEC(1)), VRRP_SESSION_PROVEN);
        assert_int_equal(data(&a, 0xb, vrrp_session_next_seq(&b), SEC(1)), VRRP_SESSION_ACCEPT);
        assert_int_equal(data(&b, 0xa, vrrp_session_next_seq(&a), SEC(1)), VRRP_SESSION_ACCEPT);
}

/* The first challenge found nobody. Who comes a moment later, and only asks, is asked at once: else we would
 * not know it when first it has something to say. Then the gap counts again. */
static void who_comes_a_little_later_is_known_too(void **state) {
        struct vrrp_session s = { 0 };

        (void)state;
        vrrp_session_open(&s, SEC(1), 101);
        assert_int_equal(feed(&s, VRRP_SESSION_CHALLENGE, 0xb, 1, 102, SEC(1) + GAP / 10),
                         VRRP_SESSION_RESPOND_AND_CHALLENGE);
        assert_int_equal(data(&s, 0xb, 2, SEC(1) + GAP / 5), VRRP_SESSION_DROP);
        assert_int_equal(answer(&s, 0xb, 3, 101, SEC(1) + GAP / 4), VRRP_SESSION_PROVEN);
}

/* One peer that restarts now and then; the network loses, repeats (late, too) and reorders all it ever sent.
 * Each datagram counts at most once, in the order in which it was sent, and never one of an earlier boot once
 * the next was proven. */
static void random_replays(uint64_t seed) {
        enum { KEPT = 4096 };
        static struct {
                uint64_t boot, seq, nonce;
                enum vrrp_session_kind kind;
        } log[KEPT];
        struct vrrp_session s = { 0 };
        uint64_t random = seed, boot = 1, seq = 0, last_boot = 0, last_seq = 0, accepted = 0;
        size_t n = 0;

        vrrp_session_open(&s, 1, 1);
        for (uint64_t t = 1; n < KEPT; t += 500) {
                enum vrrp_session_verdict v;
                size_t pick;

                random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                if (random >> 55 == 0) {
                        boot++;
                        seq = 0;
                }
                log[n].boot = boot;
                log[n].seq = ++seq;
                log[n].nonce = s.nonce;
                log[n].kind = random >> 40 & 1 ? VRRP_SESSION_DATA : VRRP_SESSION_RESPONSE;
                n++;
                pick = random >> 20 & 1 ? n - 1 : (size_t)(random >> 21) % n;
                v = vrrp_session_receive(&s, log[pick].kind, log[pick].boot, log[pick].seq, log[pick].nonce,
                                         t, GAP, random | 1);
                if (v != VRRP_SESSION_ACCEPT)
                        continue;
                accepted++;
                assert_true(log[pick].boot > last_boot ||
                            (log[pick].boot == last_boot && log[pick].seq > last_seq));
                last_boot = log[pick].boot;
                last_seq = log[pick].seq;
        }
        assert_true(accepted > 100);
}

static void random_schedules(void **state) {
        uint64_t seed = (uint64_t)time(NULL);

        (void)state;
        print_message("seed %llu\n", (unsigned long long)seed);
        for (unsigned i = 0; i < 50; i++)
                random_replays(seed + i);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(data_counts_once_and_in_order),
                cmocka_unit_test(a_restarted_peer_is_asked_before_it_counts),
                cmocka_unit_test(a_receiver_that_has_just_started_believes_nothing_old),
                cmocka_unit_test(a_nonce_is_used_once),
                cmocka_unit_test(an_answer_does_not_take_the_sequence_back),
                cmocka_unit_test(at_most_one_challenge_per_gap),
                cmocka_unit_test(a_slow_answer_still_counts),
                cmocka_unit_test(replays_do_not_keep_a_peer_from_being_known),
                cmocka_unit_test(a_challenge_grows_old),
                cmocka_unit_test(challenges_of_the_proven_boot_are_answered_once_each),
                cmocka_unit_test(a_peer_that_starts_is_answered_and_asked),
                cmocka_unit_test(repeated_challenges_neither_multiply_nor_displace_the_new_one),
                cmocka_unit_test(two_that_start_know_each_other_after_one_exchange),
                cmocka_unit_test(who_comes_a_little_later_is_known_too),
                cmocka_unit_test(random_schedules),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
