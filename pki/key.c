#include "pki/key.h"
#include "pki/file.h"
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MAX_THREADS = 16 };

struct work {
        enum pki_alg alg;
        EVP_PKEY ***keys;
        size_t n;
        atomic_size_t next;
        atomic_bool failed;
};

static const struct {
        const char *curve; /* NULL: RSA */
        unsigned bits;
} algorithms[] = {
        [PKI_ECDSA_P256] = { "P-256", 0 }, [PKI_ECDSA_P384] = { "P-384", 0 }, [PKI_RSA_2048] = { NULL, 2048 },
        [PKI_RSA_3072] = { NULL, 3072 },   [PKI_RSA_4096] = { NULL, 4096 },
};

static EVP_PKEY *generate(enum pki_alg alg) {
        return algorithms[alg].curve ? EVP_EC_gen(algorithms[alg].curve) : EVP_RSA_gen(algorithms[alg].bits);
}

static void *worker(void *arg) {
        struct work *w = arg;
        size_t i;

        while ((i = atomic_fetch_add(&w->next, 1)) < w->n) {
                if (*w->keys[i])
                        continue;
                *w->keys[i] = generate(w->alg);
                if (!*w->keys[i])
                        atomic_store(&w->failed, true);
        }
        return NULL;
}

/* A key on a curve costs less than the thread that would make it. */
static size_t helpers_for(enum pki_alg alg, size_t n) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        size_t most = cpus < 1 ? 1 : cpus > MAX_THREADS ? MAX_THREADS : (size_t)cpus;

        if (algorithms[alg].curve || n < 2)
                return 0;
        return (n < most ? n : most) - 1;
}

int pki_keys_generate(enum pki_alg alg, EVP_PKEY **keys[], size_t n) {
        struct work w = { .alg = alg, .keys = keys, .n = n };
        pthread_t threads[MAX_THREADS];
        size_t want = helpers_for(alg, n), have = 0;

        while (have < want && pthread_create(&threads[have], NULL, worker, &w) == 0)
                have++;
        worker(&w); /* also the way when no thread could be had */
        while (have > 0)
                pthread_join(threads[--have], NULL);
        ERR_clear_error();
        return atomic_load(&w.failed) ? -ENOMEM : 0;
}

int pki_bio_text(BIO *bio, char **ret) {
        char *data, *copy;
        long n = BIO_get_mem_data(bio, &data);

        if (n < 0 || !(copy = malloc((size_t)n + 1)))
                return -ENOMEM;
        memcpy(copy, data, (size_t)n);
        copy[n] = '\0';
        *ret = copy;
        return 0;
}

int pki_key_to_pem(const EVP_PKEY *key, char **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem()); /* wiped when freed */

        if (!bio || PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
                ERR_clear_error();
                return -ENOMEM;
        }
        return pki_bio_text(bio, ret);
}

int pki_key_public_to_pem(const EVP_PKEY *key, char **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || PEM_write_bio_PUBKEY(bio, key) != 1) {
                ERR_clear_error();
                return -ENOMEM;
        }
        return pki_bio_text(bio, ret);
}

/* Without this, OpenSSL asks the terminal for the passphrase of an encrypted key. */
static int no_passphrase(char *buf, int size, int rwflag, void *userdata) {
        (void)buf;
        (void)size;
        (void)rwflag;
        (void)userdata;
        return -1;
}

static int take_key(EVP_PKEY *key, EVP_PKEY **ret) {
        ERR_clear_error();
        if (!key)
                return -EINVAL;
        if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC")) {
                EVP_PKEY_free(key);
                return -EOPNOTSUPP;
        }
        *ret = key;
        return 0;
}

int pki_key_from_pem(const char *text, size_t size, EVP_PKEY **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = size > INT_MAX ? NULL : BIO_new_mem_buf(text, (int)size);

        return bio ? take_key(PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL), ret) : -ENOMEM;
}

int pki_key_public_from_pem(const char *text, size_t size, EVP_PKEY **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = size > INT_MAX ? NULL : BIO_new_mem_buf(text, (int)size);

        return bio ? take_key(PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL), ret) : -ENOMEM;
}
