/* How long the complete PKI of a first master takes: 10 certificates, the service-account pair and
 * 5 kubeconfigs (16 keys), on disk and synced. Prints "name median unit". */
#include "pki/pki.h"
#include "pki/util.h"
#include <fts.h>
#include <time.h>

enum { MAX_RUNS = 64 };

static double now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void remove_tree(char *path) {
        char *argv[] = { path, NULL };
        FTS *fts = fts_open(argv, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

        for (FTSENT *x; fts && (x = fts_read(fts));)
                if (x->fts_info != FTS_D)
                        remove(x->fts_accpath);
        if (fts)
                fts_close(fts);
}

static int ensure(const char *root, enum pki_alg alg) {
        const struct pki_params p = {
                .root = root,
                .cert_dir = "/etc/kubernetes/pki",
                .kube_dir = "/etc/kubernetes",
                .node_name = "host1",
                .cluster_name = "kubernetes",
                .advertise_address = "172.18.0.154",
                .bind_port = 6443,
                .endpoint_host = "172.18.0.192",
                .endpoint_port = 6443,
                .service_ip = "10.96.0.1",
                .dns_domain = "cluster.local",
                .alg = alg,
                .now = time(NULL),
                .super_admin = true,
        };
        struct pki_error e;
        int r;

        if ((r = pki_certs_ensure(&p, "all", NULL, NULL, &e)) < 0 ||
            (r = pki_kubeconfig_ensure(&p, "all", NULL, NULL, &e)) < 0)
                fprintf(stderr, "bench_pki: %s: %s\n", e.file, e.reason);
        return r;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void print_median(const char *name, double *ms, unsigned n) {
        qsort(ms, n, sizeof *ms, compare);
        printf("%s %.1f ms\n", name, n % 2 ? ms[n / 2] : (ms[n / 2 - 1] + ms[n / 2]) / 2);
}

/* Makes the set `runs` times, and looks through it as often. */
static int measure(const char *name, const char *kept, enum pki_alg alg, unsigned runs) {
        const char *base = getenv("TMPDIR");
        double made_ms[MAX_RUNS], kept_ms[MAX_RUNS];

        for (unsigned i = 0; i < runs && i < MAX_RUNS; i++) {
                char root[256];
                double begin;
                int r;

                snprintf(root, sizeof root, "%s/triarch-bench-XXXXXX", base ? base : "/tmp");
                if (!mkdtemp(root))
                        return -1;
                begin = now_ms();
                r = ensure(root, alg);
                made_ms[i] = now_ms() - begin;
                begin = now_ms();
                if (r == 0)
                        r = ensure(root, alg);
                kept_ms[i] = now_ms() - begin;
                remove_tree(root);
                if (r < 0)
                        return r;
        }
        print_median(name, made_ms, runs);
        print_median(kept, kept_ms, runs);
        return 0;
}

int main(void) {
        return measure("pki-ecdsa-p256-made", "pki-ecdsa-p256-kept", PKI_ECDSA_P256, 25) < 0 ||
               measure("pki-rsa-2048-made", "pki-rsa-2048-kept", PKI_RSA_2048, 5) < 0;
}
