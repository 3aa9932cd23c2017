/* The sealed transport between members that are three instances on the loopback of a network namespace of the
 * test's own. */
#ifndef TESTS_SEALED_WORLD_H
#define TESTS_SEALED_WORLD_H

#include "pki/util.h"
#include "vrrp/sealed.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIP = 77, MEMBERS = 3, GAP_US = 20000, TEXT = 32, PORT = VRRP_SEAL_PORT };

struct member {
        struct vrrp_sealed *s;
        uint64_t id;
        struct vrrp_sealed_ops ops;
        unsigned heard[MEMBERS + 1], restarted[MEMBERS + 1], looked;
        char last[TEXT];
        const struct vrrp_list *set; /* set this list from within the next message */
};
struct world {
        sd_event *loop;
        struct vrrp_list list;
        struct member m[MEMBERS + 1]; /* by id */
};

static const struct vrrp_keys keys = {
        .n = 2,
        .v = { { .id = 1, .key = { 1 } }, { .id = 2, .key = { 2 } } },
};

static inline struct vrrp_ip address(const char *text) {
        struct vrrp_ip a;

        assert_int_equal(vrrp_ip_parse(text, &a), 0);
        return a;
}

static inline void on_message(void *userdata, const struct vrrp_sealed_in *in) {
        struct member *m = userdata;
        size_t n = in->size < TEXT ? in->size : TEXT - 1;

        assert_true(in->src >= 1 && in->src <= MEMBERS && in->src != m->id);
        m->heard[in->src]++;
        memcpy(m->last, in->body, n);
        m->last[n] = '\0';
        if (m->set) {
                const struct vrrp_list *l = TAKE_PTR(m->set);

                vrrp_sealed_drain(m->s); /* does nothing here */
                assert_int_equal(vrrp_sealed_set_list(m->s, l), 0);
        }
}

static inline void on_restart(void *userdata, uint64_t id) {
        ((struct member *)userdata)->restarted[id]++;
}

static inline void before_io(void *userdata) {
        ((struct member *)userdata)->looked++;
}

static inline int start(struct world *w, uint64_t id, size_t send) {
        struct member *m = &w->m[id];
        struct vrrp_sealed_params p = {
                .interface = "lo",
                .address = w->list.v[id - 1].address,
                .port = PORT,
                .self = id,
                .challenge_gap_us = GAP_US,
        };
        struct vrrp_keys k = keys;
        struct vrrp_keyring *ring;

        *m = (struct member){ .id = id, .ops = { .message = on_message, .peer_restarted = on_restart } };
        k.send = send;
        assert_int_equal(vrrp_keyring_new(&k, &ring), 0);
        assert_int_equal(vrrp_sealed_new(w->loop, &p, ring, before_io, m, &m->s), 0);
        assert_int_equal(vrrp_sealed_subscribe(m->s, 51, &m->ops, m), 0);
        return vrrp_sealed_set_list(m->s, &w->list);
}

static inline void stop(struct world *w, uint64_t id) {
        vrrp_sealed_free(TAKE_PTR(w->m[id].s));
}

static inline void make_list(struct world *w, const char *const addresses[MEMBERS]) {
        w->list = (struct vrrp_list){ .gen = 1, .n = MEMBERS };
        for (size_t i = 0; i < MEMBERS; i++) {
                w->list.v[i].id = i + 1;
                w->list.v[i].address = address(addresses[i]);
        }
        assert_int_equal(vrrp_list_check(&w->list), 0);
}

static const char *const ipv4[MEMBERS] = { "127.0.0.1", "127.0.0.2", "127.0.0.3" };

static inline int setup(void **state) {
        static struct world w;

        w = (struct world){ 0 };
        assert_true(sd_event_new(&w.loop) >= 0);
        make_list(&w, ipv4);
        *state = &w;
        return 0;
}

static inline int teardown(void **state) {
        struct world *w = *state;

        for (uint64_t id = 1; id <= MEMBERS; id++)
                stop(w, id);
        sd_event_unref(w->loop);
        return 0;
}

/* Until nothing has happened for 5 ms: on loopback what was sent is there. */
static inline void settle(struct world *w) {
        while (sd_event_run(w->loop, 5000) > 0)
                ;
}

/* Who has asked or answered may do so again. The gap's clock is not the one that is slewed, by up to 8 %. A
 * nonce lives for 16 gaps: what begins just before its end fails, so on a busy machine a gap must not be
 * short. */
static inline void pass_gap(struct world *w) {
        usleep(GAP_US + GAP_US / 8);
        settle(w);
}

/* One after the other, more than a gap between them: the first's challenges find nobody. */
static inline void start_all(struct world *w) {
        for (uint64_t id = 1; id <= MEMBERS; id++) {
                assert_int_equal(start(w, id, 0), 0);
                settle(w);
                pass_gap(w);
        }
}

static inline int say(struct world *w, uint64_t from, uint64_t to, const char *text) {
        return vrrp_sealed_send(w->m[from].s, to, 51, VRRP_SEAL_LEASE + VRRP_LEASE_CLAIM, text, strlen(text));
}

static inline void assert_all_hear_all(struct world *w) {
        for (uint64_t from = 1; from <= MEMBERS; from++) {
                assert_int_equal(say(w, from, 0, "hello"), 0);
                settle(w);
                for (uint64_t to = 1; to <= MEMBERS; to++)
                        assert_int_equal(w->m[to].heard[from], to != from);
        }
}

/* A loopback of our own. Negative errno: not allowed to have one. */
static inline int enter_network(void) {
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        CLEANUP(closep) int fd = -1;

        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}

#endif
