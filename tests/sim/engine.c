/* Random numbers, clocks and the queue of the future. */
#include "tests/sim/sim.h"

uint64_t sim_random(struct sim *w) {
        uint64_t z = (w->random += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

uint64_t sim_below(struct sim *w, uint64_t n) {
        return sim_random(w) % n;
}

uint64_t sim_between(struct sim *w, uint64_t low, uint64_t high) {
        return low + sim_below(w, high - low + 1);
}

bool sim_chance(struct sim *w, unsigned permille) {
        return permille > 0 && sim_below(w, 1000) < permille;
}

uint64_t sim_spread(struct sim *w, uint64_t max) {
        uint64_t top = max >> sim_below(w, 10);

        return 1 + sim_below(w, top > 0 ? top : 1);
}

uint64_t sim_local_at(const struct sim_host *h, uint64_t true_us) {
        int64_t t = (int64_t)true_us;

        if (h->suspended_us != 0 && true_us > h->slept_us) /* its clock stands still */
                t = (int64_t)h->slept_us;
        return (uint64_t)(h->offset_us + t + t * h->ppm / 1000000);
}

uint64_t sim_local(const struct sim *w, unsigned i) {
        return sim_local_at(&w->host[i], w->now_us);
}

uint64_t sim_true(const struct sim_host *h, uint64_t local_us) {
        int64_t passed = (int64_t)(local_us - (uint64_t)h->offset_us), t;

        if (local_us == VRRP_NEVER)
                return VRRP_NEVER;
        if (passed <= 0)
                return 0;
        t = passed - passed * h->ppm / (1000000 + h->ppm);
        while (t > 0 && t - 1 + (t - 1) * h->ppm / 1000000 >= passed)
                t--;
        while (t + t * h->ppm / 1000000 < passed)
                t++;
        return (uint64_t)t;
}

static bool earlier(const struct sim_event *a, const struct sim_event *b) {
        return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void sift_up(struct sim *w, unsigned at) {
        struct sim_event e = w->heap[at];

        while (at > 0 && earlier(&e, &w->heap[(at - 1) / 2])) {
                w->heap[at] = w->heap[(at - 1) / 2];
                at = (at - 1) / 2;
        }
        w->heap[at] = e;
}

static void sift_down(struct sim *w, unsigned at) {
        struct sim_event e = w->heap[at];

        for (unsigned child; (child = 2 * at + 1) < w->n_events; at = child) {
                if (child + 1 < w->n_events && earlier(&w->heap[child + 1], &w->heap[child]))
                        child++;
                if (!earlier(&w->heap[child], &e))
                        break;
                w->heap[at] = w->heap[child];
        }
        w->heap[at] = e;
}

static void push(struct sim *w, struct sim_event e) {
        if (w->n_events == SIM_EVENTS) {
                fprintf(stderr, "lease_sim: the queue of events is full\n");
                abort();
        }
        if (e.at_us < w->now_us)
                e.at_us = w->now_us;
        e.order = w->order++;
        w->heap[w->n_events] = e;
        sift_up(w, w->n_events++);
}

void sim_at(struct sim *w, uint64_t at_us, enum sim_what what, unsigned node, unsigned stamp, unsigned arg) {
        push(w, (struct sim_event){ .at_us = at_us,
                                    .what = (uint8_t)what,
                                    .node = (uint8_t)node,
                                    .stamp = stamp,
                                    .arg = arg });
}

void sim_at_error(struct sim *w, uint64_t at_us, enum sim_what what, unsigned node, unsigned stamp,
                  int error) {
        push(w, (struct sim_event){ .at_us = at_us,
                                    .what = (uint8_t)what,
                                    .node = (uint8_t)node,
                                    .stamp = stamp,
                                    .error = error });
}

bool sim_next(struct sim *w, uint64_t until_us, struct sim_event *ret) {
        if (w->n_events == 0 || w->heap[0].at_us > until_us)
                return false;
        *ret = w->heap[0];
        w->heap[0] = w->heap[--w->n_events];
        if (w->n_events > 0)
                sift_down(w, 0);
        w->now_us = ret->at_us;
        return true;
}
