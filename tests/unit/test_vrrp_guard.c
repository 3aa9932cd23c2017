/* The guard thread (lease rule 13) against a real kernel in a network namespace of its own: the address is
 * gone at its deadline, whatever the loop's thread does. */
#include "vrrp/clock.h"
#include "vrrp/guard.h"
#include "vrrp/netlink.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
        struct vrrp_netlink nl;
        struct vrrp_guard *guard;
        struct vrrp_guard_slot *slot;
        unsigned ifindex;
        struct vrrp_ip vips[2];
};

static int setup(void **state) {
        static struct world w;

        *state = &w;
        w = (struct world){ .ifindex = if_nametoindex("lo") };
        assert_int_equal(vrrp_ip_parse("10.9.9.9", &w.vips[0]), 0);
        assert_int_equal(vrrp_ip_parse("fd00:9::9", &w.vips[1]), 0);
        assert_int_equal(vrrp_netlink_open(&w.nl), 0);
        assert_int_equal(vrrp_guard_new(&w.guard), 0);
        assert_int_equal(vrrp_guard_slot_new(w.guard, w.vips, 2, &w.slot), 0);
        return 0;
}

static int teardown(void **state) {
        struct world *w = *state;

        vrrp_guard_slot_free(w->slot);
        vrrp_guard_free(w->guard);
        vrrp_netlink_close(&w->nl);
        return 0;
}

static void add(struct world *w) {
        for (size_t i = 0; i < 2; i++) {
                struct vrrp_nl_address a = { w->ifindex, w->vips[i], vrrp_ip_bits(&w->vips[i]), 60 };

                assert_int_equal(vrrp_netlink_add(&w->nl, &a), 0);
        }
}

static unsigned present(struct world *w) {
        struct vrrp_interface i = { 0 };
        unsigned n = 0;

        assert_int_equal(vrrp_netlink_scan(&w->nl, "lo", &i), 0);
        for (size_t k = 0; k < 2; k++)
                n += vrrp_interface_find(&i, &w->vips[k], vrrp_ip_bits(&w->vips[k])) != NULL;
        vrrp_interface_done(&i);
        return n;
}

/* Looks at the clock only: as a loop that is stuck in a handler. */
static void busy_until(uint64_t until_us) {
        while (vrrp_now_us() < until_us)
                ;
}

/* Until the addresses are gone, which is due at `until`: the machine may be busy. */
static void busy_while_present(struct world *w, uint64_t until_us) {
        while (present(w) > 0)
                assert_true(vrrp_now_us() < until_us + 500000); /* generous: this machine may be busy */
}

static void removes_at_the_deadline(void **state) {
        struct world *w = *state;
        uint64_t until;
        size_t there;

        add(w);
        until = vrrp_now_us() + 100000;
        vrrp_guard_set(w->slot, w->ifindex, until);
        busy_until(until - 5000);
        there = present(w);
        assert_true(there == 2 || vrrp_now_us() >= until); /* not before it */
        busy_while_present(w, until);
        while (vrrp_guard_fired(w->slot) == 0)
                assert_true(vrrp_now_us() < until + 500000);
        busy_until(vrrp_now_us() + 100000);
        assert_int_equal(present(w), 0);
        assert_int_equal(vrrp_guard_fired(w->slot), 1);
}

/* False: the machine stalled, and an extension came too late. */
static bool extend_in_time(struct world *w) {
        uint64_t start = vrrp_now_us(), until = start + 400000;

        vrrp_guard_set(w->slot, w->ifindex, until);
        for (unsigned i = 1; i <= 20; i++) {
                busy_until(start + i * 20000);
                vrrp_guard_set(w->slot, w->ifindex, until + i * 20000);
                if (vrrp_now_us() >= until + (i - 1) * 20000)
                        return false;
        }
        vrrp_guard_set(w->slot, w->ifindex, VRRP_NEVER);
        return vrrp_now_us() < until + 400000;
}

static void an_extension_in_time_counts(void **state) {
        struct world *w = *state;
        uint64_t fired;
        unsigned tries = 0;

        do {
                assert_true(tries++ < 20);
                vrrp_guard_set(w->slot, w->ifindex, VRRP_NEVER);
                busy_until(vrrp_now_us() + 100000);
                fired = vrrp_guard_fired(w->slot);
                add(w);
        } while (!extend_in_time(w));
        assert_int_equal(present(w), 2);
        busy_until(vrrp_now_us() + 600000);
        assert_int_equal(present(w), 2);
        assert_int_equal(vrrp_guard_fired(w->slot), fired);
}

static void a_sooner_deadline_wakes_it(void **state) {
        struct world *w = *state;

        add(w);
        vrrp_guard_set(w->slot, w->ifindex, vrrp_now_us() + 60000000);
        usleep(20000); /* it sleeps for a minute now */
        vrrp_guard_set(w->slot, w->ifindex, vrrp_now_us() + 10000);
        busy_while_present(w, vrrp_now_us());
}

/* A loop that looked at the clock before the deadline and adds after it. */
static void an_add_that_comes_late_is_removed_too(void **state) {
        struct world *w = *state;
        uint64_t until = vrrp_now_us() + 10000;

        add(w);
        vrrp_guard_set(w->slot, w->ifindex, until);
        busy_while_present(w, until);
        busy_until(until + 500000);
        add(w);
        busy_while_present(w, vrrp_now_us() + 1000000); /* it asks again less and less often, up to that */
        vrrp_guard_set(w->slot, w->ifindex, VRRP_NEVER);
        busy_until(vrrp_now_us() + 100000); /* it may be in the middle of it */
        add(w);
        busy_until(vrrp_now_us() + 50000);
        assert_int_equal(present(w), 2); /* and then it lets go */
}

static void slots_come_and_go_while_it_runs(void **state) {
        struct world *w = *state;
        struct vrrp_guard_slot *more[511], *none;

        for (size_t i = 0; i < 511; i++) {
                assert_int_equal(vrrp_guard_slot_new(w->guard, w->vips, 1, &more[i]), 0);
                vrrp_guard_set(more[i], w->ifindex, vrrp_now_us() + i * 20);
        }
        assert_int_equal(vrrp_guard_slot_new(w->guard, w->vips, 1, &none), -ENOSPC);
        for (size_t i = 0; i < 511; i++)
                vrrp_guard_slot_free(more[i]);
        assert_int_equal(vrrp_guard_slot_new(w->guard, w->vips, 1, &none), 0);
        vrrp_guard_slot_free(none);
}

static void lo_up(void) {
        struct ifreq q = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &q), 0);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(removes_at_the_deadline, setup, teardown),
                cmocka_unit_test_setup_teardown(an_extension_in_time_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(a_sooner_deadline_wakes_it, setup, teardown),
                cmocka_unit_test_setup_teardown(an_add_that_comes_late_is_removed_too, setup, teardown),
                cmocka_unit_test_setup_teardown(slots_come_and_go_while_it_runs, setup, teardown),
        };

        if (unshare(CLONE_NEWNET) < 0) {
                printf("skipped: a network namespace of its own needs root\n");
                return 77;
        }
        lo_up();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
