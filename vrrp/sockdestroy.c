#include "vrrp/sockdestroy.h"
#include "pki/util.h"
#include "vrrp/diagmsg.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

enum {
        QUEUE = 64,
        BATCH = 128, /* connections of one round; then the kernel is asked again */
        ROUNDS = 256,
        STACK = 96 * 1024,
        READ_SIZE = 32 * 1024,
};

struct vrrp_abort {
        pthread_t thread;
        bool running;
        pthread_mutex_t lock;
        pthread_cond_t work;
        /* under the lock */
        bool stop;
        struct vrrp_ip queue[QUEUE], current; /* current: none when nothing is being done */
        size_t n;
        struct vrrp_abort_counters counters;
        /* the thread's own */
        struct mnl_socket *nl;
        uint32_t seq;
        struct vrrp_diag found[BATCH];
        size_t n_found;
};

/* The loop, of real-time priority, waits for nobody who is not run: who holds the lock is, then. */
static void init_lock(pthread_mutex_t *lock) {
        pthread_mutexattr_t attr;

        pthread_mutexattr_init(&attr);
        pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
        pthread_mutex_init(lock, &attr);
        pthread_mutexattr_destroy(&attr);
}

int vrrp_abort_new(struct vrrp_abort **ret) {
        struct vrrp_abort *a = calloc(1, sizeof *a);

        if (!a)
                return -ENOMEM;
        init_lock(&a->lock);
        pthread_cond_init(&a->work, NULL);
        *ret = a;
        return 0;
}

struct answer {
        struct vrrp_abort *a;
        const struct vrrp_ip *wanted;
        bool ended;
        int error;
};

static void on_message(const struct vrrp_diag *m, void *userdata) {
        struct answer *t = userdata;
        struct vrrp_abort *a = t->a;

        if (m->seq != a->seq)
                return;
        if (m->kind == VRRP_DIAG_END) {
                t->ended = true;
                t->error = m->error;
        } else if (t->wanted && vrrp_ip_equal(&m->local, t->wanted) && a->n_found < BATCH) {
                a->found[a->n_found++] = *m;
        }
}

static int transact(struct vrrp_abort *a, const void *request, size_t size, const struct vrrp_ip *wanted) {
        _Alignas(struct nlmsghdr) uint8_t buf[READ_SIZE];
        struct answer t = { .a = a, .wanted = wanted };
        ssize_t n;

        if (mnl_socket_sendto(a->nl, request, size) < 0)
                return -errno;
        while (!t.ended) {
                if ((n = mnl_socket_recvfrom(a->nl, buf, sizeof buf)) < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        vrrp_diag_parse(buf, (size_t)n, on_message, &t);
        }
        return t.error;
}

/* Still to be done, unless the address has come back to us meanwhile. */
static bool wanted(struct vrrp_abort *a) {
        bool yes;

        pthread_mutex_lock(&a->lock);
        yes = !a->stop && !vrrp_ip_none(&a->current);
        pthread_mutex_unlock(&a->lock);
        return yes;
}

/* 1: a full batch, there may be more; 0: all; or negative errno. */
static int end_batch(struct vrrp_abort *a, uint8_t family, const struct vrrp_ip *address) {
        _Alignas(struct nlmsghdr) uint8_t buf[VRRP_DIAG_REQUEST_MAX];
        uint64_t ended = 0;
        int k;

        a->n_found = 0;
        if ((k = transact(a, buf, vrrp_diag_dump(buf, ++a->seq, family, address), address)) < 0)
                return k;
        for (size_t i = 0; i < a->n_found && wanted(a); i++) {
                k = transact(a, buf, vrrp_diag_destroy(buf, ++a->seq, &a->found[i]), NULL);
                if (k < 0 && k != -ENOENT) /* it went by itself */
                        break;
                ended += k == 0;
        }
        pthread_mutex_lock(&a->lock);
        a->counters.ended += ended;
        pthread_mutex_unlock(&a->lock);
        return k < 0 && k != -ENOENT ? k : a->n_found == BATCH;
}

/* A dual-stack service has its IPv4 connections as mapped IPv6 ones. */
static int end_all(struct vrrp_abort *a, const struct vrrp_ip *address) {
        int k = 1;

        for (int i = 0; i < ROUNDS && k > 0 && wanted(a) && address->family == AF_INET; i++)
                k = end_batch(a, AF_INET, address);
        if (k < 0)
                return k;
        for (int i = 0, more = 1; i < ROUNDS && more > 0 && wanted(a); i++)
                k = more = end_batch(a, AF_INET6, address);
        return k < 0 ? k : 0;
}

static int open_socket(struct vrrp_abort *a) {
        struct timeval limit = { .tv_sec = 1 };
        int fd;

        if (a->nl)
                return 0;
        a->nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        if (!a->nl)
                return -errno;
        fd = mnl_socket_get_fd(a->nl);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        return mnl_socket_bind(a->nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

static bool next(struct vrrp_abort *a, struct vrrp_ip *ret) {
        bool got;

        pthread_mutex_lock(&a->lock);
        a->current = (struct vrrp_ip){ 0 };
        while (a->n == 0 && !a->stop)
                pthread_cond_wait(&a->work, &a->lock);
        got = !a->stop;
        if (got) {
                *ret = a->current = a->queue[0];
                memmove(a->queue, a->queue + 1, --a->n * sizeof *a->queue);
        }
        pthread_mutex_unlock(&a->lock);
        return got;
}

static void *run(void *arg) {
        struct vrrp_abort *a = arg;
        struct vrrp_ip address;
        int k;

        while (next(a, &address)) {
                if ((k = open_socket(a)) == 0)
                        k = end_all(a, &address);
                pthread_mutex_lock(&a->lock);
                a->counters.error = k < 0 ? k : a->counters.error;
                pthread_mutex_unlock(&a->lock);
        }
        return NULL;
}

/* Whatever the policy of who asks: this is nobody's deadline. */
static bool start(struct vrrp_abort *a) {
        struct sched_param idle = { 0 };
        sigset_t all, before;
        pthread_attr_t attr;

        if (a->running || pthread_attr_init(&attr) != 0)
                return a->running;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_setstacksize(&attr, STACK);
        pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
        pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
        pthread_attr_setschedparam(&attr, &idle);
        a->running = pthread_create(&a->thread, &attr, run, a) == 0;
        if (a->running)
                pthread_setname_np(a->thread, "triarch-abort");
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
        return a->running;
}

void vrrp_abort_sockets(struct vrrp_abort *a, const struct vrrp_ip *address) {
        if (!a || !start(a))
                return;
        pthread_mutex_lock(&a->lock);
        if (a->n < QUEUE)
                a->queue[a->n++] = *address;
        pthread_cond_signal(&a->work);
        pthread_mutex_unlock(&a->lock);
}

void vrrp_abort_cancel(struct vrrp_abort *a, const struct vrrp_ip *address) {
        size_t kept = 0;

        if (!a || !a->running)
                return;
        pthread_mutex_lock(&a->lock);
        for (size_t i = 0; i < a->n; i++)
                if (!vrrp_ip_equal(&a->queue[i], address))
                        a->queue[kept++] = a->queue[i];
        a->n = kept;
        if (vrrp_ip_equal(&a->current, address))
                a->current = (struct vrrp_ip){ 0 };
        pthread_mutex_unlock(&a->lock);
}

void vrrp_abort_counters(struct vrrp_abort *a, struct vrrp_abort_counters *ret) {
        *ret = (struct vrrp_abort_counters){ 0 };
        if (!a)
                return;
        pthread_mutex_lock(&a->lock);
        *ret = a->counters;
        pthread_mutex_unlock(&a->lock);
}

void vrrp_abort_free(struct vrrp_abort *a) {
        if (!a)
                return;
        pthread_mutex_lock(&a->lock);
        a->stop = true;
        pthread_cond_signal(&a->work);
        pthread_mutex_unlock(&a->lock);
        if (a->running)
                pthread_join(a->thread, NULL);
        if (a->nl)
                mnl_socket_close(a->nl);
        pthread_mutex_destroy(&a->lock);
        pthread_cond_destroy(&a->work);
        free(a);
}
