/* One timer for all routers: a heap of the routers by what each has to do next. */
#include "vrrp/router_priv.h"

#include <errno.h>

enum { MANY = 8 };

static uint64_t key(const struct vrrp_host *h, size_t i) {
        return h->heap[i]->next_us;
}

static void swap(struct vrrp_host *h, size_t i, size_t k) {
        struct vrrp_router *r = h->heap[i];

        h->heap[i] = h->heap[k];
        h->heap[k] = r;
        h->heap[i]->heap_at = i;
        h->heap[k]->heap_at = k;
}

static void up(struct vrrp_host *h, size_t i) {
        for (; i > 0 && key(h, i) < key(h, (i - 1) / 2); i = (i - 1) / 2)
                swap(h, i, (i - 1) / 2);
}

static void down(struct vrrp_host *h, size_t i) {
        size_t least;

        for (;; i = least) {
                least = i;
                for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < h->n_heap; k++)
                        if (key(h, k) < key(h, least))
                                least = k;
                if (least == i)
                        return;
                swap(h, i, least);
        }
}

/* With many routers a wake-up for each would cost more than what it is for: it waits a little for those that
 * are due next. */
static uint64_t patience(const struct vrrp_host *h) {
        return h->n_heap < MANY ? 0 : h->shortest_us / 128;
}

static void arm(struct vrrp_host *h) {
        h->armed_us = h->n_heap ? h->heap[0]->next_us : VRRP_NEVER;
        vrrp_clock_arm(h->timer, h->armed_us == VRRP_NEVER ? VRRP_NEVER : h->armed_us + patience(h));
}

/* With many routers a later time leaves the timer as it is: it fires once for nothing, which costs less than
 * arming it again for each advertisement that is heard. With few it is the wake-up that costs more. */
void vrrp_host_schedule(struct vrrp_host *h, struct vrrp_router *r) {
        uint64_t next_us;

        up(h, r->heap_at);
        down(h, r->heap_at);
        next_us = h->heap[0]->next_us;
        if (next_us < h->armed_us || (next_us > h->armed_us && h->n_heap < MANY))
                arm(h);
}

int vrrp_host_heap_add(struct vrrp_host *h, struct vrrp_router *r) {
        size_t size = h->heap_size ? 2 * h->heap_size : 8;
        struct vrrp_router **more;

        if (h->n_heap == h->heap_size) {
                if (!(more = reallocarray(h->heap, size, sizeof *more)))
                        return -ENOMEM;
                h->heap = more;
                h->heap_size = size;
        }
        r->next_us = VRRP_NEVER;
        r->heap_at = h->n_heap;
        h->heap[h->n_heap++] = r;
        return 0;
}

void vrrp_host_heap_remove(struct vrrp_host *h, struct vrrp_router *r) {
        size_t i = r->heap_at;

        swap(h, i, --h->n_heap);
        if (i < h->n_heap) {
                up(h, i);
                down(h, h->heap[i]->heap_at);
        }
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        struct vrrp_host *h = userdata;

        (void)s;
        (void)usec;
        vrrp_host_wake(h);
        /* Each at most twice: what is due again by then waits for what else the loop has to do. */
        for (size_t left = 2 * h->n_heap; left > 0 && h->heap[0]->next_us <= vrrp_now_us(); left--)
                vrrp_router_due(h->heap[0]);
        arm(h);
        return 0;
}

int vrrp_host_timer_new(struct vrrp_host *h) {
        int r;

        h->armed_us = VRRP_NEVER;
        /* Accuracy 1: 0 would mean a quarter of a second. */
        if ((r = sd_event_add_time(h->loop, &h->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, h)) < 0 ||
            (r = sd_event_source_set_priority(h->timer, VRRP_AT_ELECTION)) < 0)
                return r;
        return sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
}
