/* Work in the thread, its end in the loop, in order; and what becomes of work that is still there at the end.
 */
#include "agent/worker.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

struct job {
        pthread_t loop, worked;
        int result, order, delay_ms;
        int *done, *dropped;
};

static int work(void *arg) {
        struct job *j = arg;

        j->worked = pthread_self();
        nanosleep(&(struct timespec){ 0, j->delay_ms * 1000000L }, NULL);
        return j->result;
}

static void done(void *arg, int r) {
        struct job *j = arg;

        assert_true(pthread_equal(j->loop, pthread_self()));
        assert_false(pthread_equal(j->worked, pthread_self()));
        assert_int_equal(r, j->result);
        assert_int_equal(*j->done, j->order);
        ++*j->done;
}

static void drop(void *arg) {
        struct job *j = arg;

        ++*j->dropped;
}

static void test_jobs_end_in_the_loop_in_their_order(void **state) {
        struct worker *w = NULL;
        struct job jobs[10];
        int n = 0, dropped = 0;
        sd_event *loop;

        (void)state;
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(worker_new(loop, &w), 0);
        for (int i = 0; i < 10; i++) {
                jobs[i] = (struct job){
                        .loop = pthread_self(), .result = -i, .order = i, .done = &n, .dropped = &dropped
                };
                assert_int_equal(worker_run(w, &(struct worker_job){ work, done, drop, &jobs[i] }), 0);
        }
        for (int i = 0; i < 1000 && n < 10; i++)
                assert_true(sd_event_run(loop, 5000) >= 0);
        assert_int_equal(n, 10);
        worker_free(w);
        assert_int_equal(dropped, 0);
        sd_event_unref(loop);
}

/* The one under way is waited for; its end, and the others, are dropped, each exactly once. */
static void test_the_end_drops_what_is_left(void **state) {
        struct worker *w = NULL;
        struct job jobs[WORKER_QUEUE + 1];
        int n = 0, dropped = 0, taken = 0;
        sd_event *loop;

        (void)state;
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(worker_new(loop, &w), 0);
        for (int i = 0; i <= WORKER_QUEUE; i++) {
                jobs[i] = (struct job){
                        .loop = pthread_self(), .order = i, .delay_ms = 20, .done = &n, .dropped = &dropped
                };
                int r = worker_run(w, &(struct worker_job){ work, done, drop, &jobs[i] });

                assert_int_equal(r, i < WORKER_QUEUE ? 0 : -EAGAIN);
                taken += r == 0;
        }
        worker_free(w);
        assert_int_equal(n, 0);
        assert_int_equal(dropped, taken);
        sd_event_unref(loop);
}

static void test_without_a_job_there_is_no_thread(void **state) {
        struct worker *w = NULL;
        sd_event *loop;

        (void)state;
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(worker_new(loop, &w), 0);
        worker_free(w);
        worker_free(NULL);
        sd_event_unref(loop);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_jobs_end_in_the_loop_in_their_order),
                cmocka_unit_test(test_the_end_drops_what_is_left),
                cmocka_unit_test(test_without_a_job_there_is_no_thread),
        };

        return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
