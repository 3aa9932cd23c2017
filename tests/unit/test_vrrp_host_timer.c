/* The host's one timer: whatever the routers do next, the earliest is at the top of the heap. */
#include "vrrp/router_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

enum { ROUTERS = 255, STEPS = 20000 };

static void check(const struct vrrp_host *h, const struct vrrp_router *r, const bool *in, size_t members) {
        uint64_t first = VRRP_NEVER;

        assert_int_equal(h->n_heap, members);
        for (size_t i = 0; i < ROUTERS; i++) {
                if (!in[i])
                        continue;
                assert_ptr_equal(h->heap[r[i].heap_at], &r[i]);
                first = r[i].next_us < first ? r[i].next_us : first;
        }
        if (members > 0)
                assert_int_equal(h->heap[0]->next_us, first);
}

static void the_earliest_is_first(void **state) {
        static struct vrrp_router r[ROUTERS];
        struct vrrp_host h = { .shortest_us = 100000 };
        bool in[ROUTERS] = { false };
        size_t members = 0;
        unsigned seed = (unsigned)time(NULL);

        (void)state;
        print_message("seed %u\n", seed);
        srand(seed);
        assert_int_equal(sd_event_new(&h.loop), 0);
        assert_int_equal(vrrp_host_timer_new(&h), 0);
        for (int step = 0; step < STEPS; step++) {
                size_t i = (size_t)rand() % ROUTERS;

                if (!in[i]) {
                        assert_int_equal(vrrp_host_heap_add(&h, &r[i]), 0);
                } else if (rand() % 50 == 0) {
                        vrrp_host_heap_remove(&h, &r[i]);
                } else {
                        r[i].next_us = rand() % 10 ? (uint64_t)rand() : VRRP_NEVER;
                        vrrp_host_schedule(&h, &r[i]);
                        check(&h, r, in, members);
                        continue;
                }
                in[i] = !in[i];
                members += in[i] ? 1 : (size_t)-1;
                check(&h, r, in, members);
        }
        sd_event_source_disable_unref(h.timer);
        sd_event_unref(h.loop);
        free(h.heap);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(the_earliest_is_first) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
