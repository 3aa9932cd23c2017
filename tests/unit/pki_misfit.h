/* Misfits for the tests of what pki/ refuses, forged with OpenSSL's own means and not with what issues
 * the good ones; and the loop that shows that each is named and left alone. */
#ifndef TESTS_PKI_MISFIT_H
#define TESTS_PKI_MISFIT_H

#include "pki/file.h"
#include "pki/util.h"
#include "tests/unit/pki_fixture.h"

enum { DAY = 86400, SET = 31 };

struct refusal {
        const char *name;
        void (*spoil)(void *state, struct pki_params *p);
        const char *file, *reason; /* the end of the one; a part of the other */
};

/* A certificate that differs from apiserver.crt's good form in what is given. */
struct forgery {
        const char *file; /* to put it in; its key is FILE's own, without .crt */
        const char *ca;   /* NULL: itself */
        const char *ca_key;
        const char *cn, *o;
        const char *ku, *eku, *bc, *san;
        bool alien;  /* names another key of the issuer's */
        bool broken; /* a byte of the signature is changed */
};

static inline __attribute__((unused)) void put(void *state, const char *file, const char *text, mode_t mode) {
        char path[PATH_MAX];

        assert_int_equal(pki_file_write(tmp_path(state, file, path), mode, (gid_t)-1, text, strlen(text), 0),
                         0);
}

static inline __attribute__((unused)) char *slurp(void *state, const char *file) {
        char path[PATH_MAX], *text = NULL;
        size_t n;

        assert_int_equal(pki_file_read(tmp_path(state, file, path), 1 << 20, &text, &n), 0);
        return text;
}

/* Replace the first `from` by `to`. */
static inline __attribute__((unused)) void edit(void *state, const char *file, const char *from,
                                                const char *to) {
        char *text = slurp(state, file), *at = strstr(text, from), *out;

        assert_non_null(at);
        assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
        put(state, file, out, 0600);
        free(out);
        free(text);
}

static inline __attribute__((unused)) void copy(void *state, const char *from, const char *to) {
        char *text = slurp(state, from);

        put(state, to, text, 0600);
        free(text);
}

static inline __attribute__((unused)) void truncate_file(void *state, const char *file) {
        char path[PATH_MAX];
        struct stat st;

        assert_int_equal(stat(tmp_path(state, file, path), &st), 0);
        assert_int_equal(truncate(path, st.st_size / 2), 0);
}

static inline __attribute__((unused)) void set_mode(void *state, const char *file, mode_t mode) {
        char path[PATH_MAX];

        assert_int_equal(chmod(tmp_path(state, file, path), mode), 0);
}

static inline __attribute__((unused)) void add_extension(X509 *crt, int nid, const char *value) {
        X509_EXTENSION *x = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, (char *)value) : NULL;

        assert_true(!value || X509_add_ext(crt, x, -1) == 1);
        X509_EXTENSION_free(x);
}

static inline __attribute__((unused)) void add_alien_key_id(X509 *crt) {
        AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();

        id->keyid = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(id->keyid, (const unsigned char *)"alien", 5);
        assert_int_equal(X509_add1_ext_i2d(crt, NID_authority_key_identifier, id, 0, X509V3_ADD_DEFAULT), 1);
        AUTHORITY_KEYID_free(id);
}

static inline __attribute__((unused)) void write_cert(void *state, const char *file, X509 *crt) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;
        long n;

        assert_int_equal(PEM_write_bio_X509(bio, crt), 1);
        n = BIO_get_mem_data(bio, &text);
        text = strndup(text, (size_t)n);
        put(state, file, text, 0644);
        free(text);
        BIO_free(bio);
}

static inline __attribute__((unused)) void break_signature(X509 *crt) {
        const ASN1_BIT_STRING *sig;

        X509_get0_signature(&sig, NULL, crt);
        ((ASN1_BIT_STRING *)sig)->data[sig->length - 1] ^= 1;
}

static inline __attribute__((unused)) void forge(void *state, const struct forgery *f) {
        X509 *crt = X509_new(), *ca = f->ca ? fixture_cert(state, f->ca) : NULL;
        X509_NAME *name = X509_get_subject_name(crt);
        char key_file[PATH_MAX];
        EVP_PKEY *key, *ca_key;

        snprintf(key_file, sizeof key_file, "%.*s.key", (int)strlen(f->file) - 4, f->file);
        key = fixture_key(state, key_file);
        ca_key = fixture_key(state, f->ca_key ? f->ca_key : key_file);
        X509_set_version(crt, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(crt), 4711);
        ASN1_TIME_set(X509_getm_notBefore(crt), FIXTURE_NOW - 300);
        ASN1_TIME_set(X509_getm_notAfter(crt), FIXTURE_NOW + DAY);
        if (f->o)
                X509_NAME_add_entry_by_txt(name, "O", V_ASN1_PRINTABLESTRING, (unsigned char *)f->o, -1, -1,
                                           0);
        X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_PRINTABLESTRING, (unsigned char *)f->cn, -1, -1, 0);
        X509_set_issuer_name(crt, ca ? X509_get_subject_name(ca) : name);
        X509_set_pubkey(crt, key);
        add_extension(crt, NID_key_usage, f->ku);
        add_extension(crt, NID_ext_key_usage, f->eku);
        add_extension(crt, NID_basic_constraints, f->bc);
        add_extension(crt, NID_subject_alt_name, f->san);
        if (f->alien)
                add_alien_key_id(crt);
        assert_true(X509_sign(crt, ca_key, EVP_sha256()) > 0);
        if (f->broken)
                break_signature(crt);
        write_cert(state, f->file, crt);
        EVP_PKEY_free(key);
        EVP_PKEY_free(ca_key);
        X509_free(ca);
        X509_free(crt);
}

static inline __attribute__((unused)) bool ends_with(const char *text, const char *end) {
        size_t n = strlen(text), k = strlen(end);

        return n >= k && strcmp(text + n - k, end) == 0;
}

static inline __attribute__((unused)) void assert_refused(void *state, const struct pki_params *p,
                                                          const char *file, const char *reason) {
        char *before = fixture_snapshot(state), *after;
        struct fixture_log log;
        struct pki_error e;
        int r = fixture_all(p, &log, &e);

        if (r >= 0 || !ends_with(e.file, file) || !strstr(e.reason, reason) || log.made)
                print_error("got %d, %s: %s; %s\n%s", r, e.file, e.reason, e.remedy, log.text);
        assert_true(r < 0);
        assert_true(ends_with(e.file, file));
        assert_non_null(strstr(e.reason, reason));
        assert_int_equal(log.made, 0);
        after = fixture_snapshot(state);
        assert_string_equal(before, after);
        free(before);
        free(after);
}

static inline __attribute__((unused)) void assert_all_refused(const struct refusal *refusals, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct pki_params p;
                struct fixture_log log;
                struct pki_error e;
                void *dir = NULL;

                print_message("  %s\n", refusals[i].name);
                assert_int_equal(tmp_setup(&dir), 0);
                p = fixture_params(dir);
                assert_int_equal(fixture_all(&p, &log, &e), 0);
                refusals[i].spoil(dir, &p);
                assert_refused(dir, &p, refusals[i].file, refusals[i].reason);
                tmp_teardown(&dir);
        }
}

#endif
