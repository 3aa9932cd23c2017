/* A cluster's PKI in a directory of its own, as the tests of pki/ want it. */
#ifndef TESTS_PKI_FIXTURE_H
#define TESTS_PKI_FIXTURE_H

#include "pki/ossl.h"
#include "pki/pki.h"
#include "tests/unit/tmpdir.h"
#include <fts.h>
#include <openssl/pem.h>

enum { FIXTURE_NOW = 1795400000 }; /* 2026-11-23 */

#define CERT_DIR "/etc/kubernetes/pki"
#define KUBE_DIR "/etc/kubernetes"

static inline struct pki_params fixture_params(void *state) {
        return (struct pki_params){
                .root = state,
                .cert_dir = CERT_DIR,
                .kube_dir = KUBE_DIR,
                .node_name = "host1",
                .cluster_name = "kubernetes",
                .advertise_address = "172.18.0.154",
                .bind_port = 6443,
                .endpoint_host = "172.18.0.192",
                .endpoint_port = 6443,
                .service_ip = "10.96.0.1",
                .dns_domain = "cluster.local",
                .alg = PKI_ECDSA_P256,
                .now = FIXTURE_NOW,
                .super_admin = true,
        };
}

/* What the calls reported: one "made FILE\n" or "kept FILE\n" a file. */
struct fixture_log {
        char text[8192];
        unsigned made, kept;
};

static inline void fixture_report(void *userdata, enum pki_action action, const char *file) {
        struct fixture_log *log = userdata;
        size_t n = strlen(log->text);

        snprintf(log->text + n, sizeof log->text - n, "%s %s\n", action == PKI_MADE ? "made" : "kept", file);
        log->made += action == PKI_MADE;
        log->kept += action == PKI_KEPT;
}

/* Everything that a first master has. */
static inline int fixture_all(const struct pki_params *p, struct fixture_log *log, struct pki_error *e) {
        int r;

        memset(log, 0, sizeof *log);
        memset(e, 0, sizeof *e);
        if ((r = pki_certs_ensure(p, "all", fixture_report, log, e)) < 0 ||
            (r = pki_kubeconfig_ensure(p, "all", fixture_report, log, e)) < 0)
                return r;
        return pki_triarch_ensure(p, getegid(), fixture_report, log, e);
}

static inline __attribute__((unused)) X509 *fixture_cert(void *state, const char *file) {
        char path[PATH_MAX];
        FILE *f = fopen(tmp_path(state, file, path), "re");
        X509 *crt = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

        if (f)
                fclose(f);
        return crt;
}

static inline __attribute__((unused)) EVP_PKEY *fixture_key(void *state, const char *file) {
        char path[PATH_MAX];
        FILE *f = fopen(tmp_path(state, file, path), "re");
        EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

        if (f)
                fclose(f);
        return key;
}

/* Everything that names a file under the directory: path, inode, size, times. Two equal snapshots: no
 * file was touched between them. malloc'ed. */
static inline __attribute__((unused)) char *fixture_snapshot(void *state) {
        char *argv[] = { state, NULL }, *text = NULL;
        FTS *fts = fts_open(argv, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        size_t size;
        FILE *f = open_memstream(&text, &size);

        for (FTSENT *x; (x = fts_read(fts));)
                if (x->fts_info != FTS_D && x->fts_info != FTS_DP)
                        fprintf(f, "%s %ju %jd %jd.%09ld %jd.%09ld\n", x->fts_path,
                                (uintmax_t)x->fts_statp->st_ino, (intmax_t)x->fts_statp->st_size,
                                (intmax_t)x->fts_statp->st_mtim.tv_sec, x->fts_statp->st_mtim.tv_nsec,
                                (intmax_t)x->fts_statp->st_ctim.tv_sec, x->fts_statp->st_ctim.tv_nsec);
        fts_close(fts);
        fclose(f);
        return text;
}

#endif
