#include "tests/lab/standin-apiserver.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ASK_MS = 200, START_LIMIT_S = 20 };

struct asker {
        struct standin *s;
        SSL_CTX *ctx;
};

static void sleep_ms(long ms) {
        const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

        nanosleep(&t, NULL);
}

static void *ask_for_ever(void *userdata) {
        const struct asker *a = userdata;

        for (;;) {
                atomic_store(&a->s->etcd_ok, standin_etcd_ask(a->ctx, a->s->flags[F_ETCD_SERVERS]));
                sleep_ms(ASK_MS);
        }
        return NULL;
}

/* As the real one, it does not listen before its storage answers, and gives up after a while. */
static bool wait_for_etcd(const struct asker *a) {
        time_t end = time(NULL) + START_LIMIT_S;

        while (!standin_etcd_ask(a->ctx, a->s->flags[F_ETCD_SERVERS])) {
                if (time(NULL) >= end) {
                        fprintf(stderr, "kube-apiserver: etcd at %s does not answer\n",
                                a->s->flags[F_ETCD_SERVERS]);
                        return false;
                }
                sleep_ms(ASK_MS);
        }
        atomic_store(&a->s->etcd_ok, true);
        return true;
}

/* The memory of a real API server, each page touched: a process that has it takes longer to die. From
 * the environment, as a flag would have to be in the manifest. */
static bool carry_memory(void) {
        const char *mib = getenv("STANDIN_MEMORY_MIB");
        size_t size = mib ? (size_t)strtoul(mib, NULL, 10) << 20 : 0;
        char *p;

        if (!size)
                return true;
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) {
                perror("kube-apiserver: STANDIN_MEMORY_MIB");
                return false;
        }
        madvise(p, size, MADV_NOHUGEPAGE);
        memset(p, 1, size);
        return true;
}

int main(int argc, char **argv) {
        struct standin s = { 0 };
        struct asker asker = { .s = &s };
        pthread_t thread;

        signal(SIGPIPE, SIG_IGN);
        if (!standin_flags(&s, argc, argv) || !standin_objects_start(&s, argc, argv) || !carry_memory() ||
            !(asker.ctx = standin_etcd_context(&s)))
                return 1;
        if (!wait_for_etcd(&asker) || !standin_objects_wait(&s) ||
            pthread_create(&thread, NULL, ask_for_ever, &asker))
                return 1;
        return standin_serve(&s) < 0;
}
