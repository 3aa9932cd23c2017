#include "pki/check.h"
#include "pki/fail.h"
#include "pki/san.h"
#include <errno.h>
#include <openssl/err.h>
#include <sys/stat.h>

enum { NAME_TEXT = 200, TIME_TEXT = 32 };

static const char remove_leaf[] = "remove it, and it is made again";
static const char replace_ca[] = "replace it by the cluster's own CA certificate";

static const char *remedy_for(const struct pki_check *c) {
        return c->spec->ca ? replace_ca : remove_leaf;
}

static const char *name_text(const X509_NAME *name, char out[NAME_TEXT]) {
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        int n = 0;

        if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
                n = BIO_read(bio, out, NAME_TEXT - 1);
        out[n > 0 ? n : 0] = '\0';
        return *out ? out : "(empty)";
}

static const char *time_text(time_t t, char out[TIME_TEXT]) {
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(out, TIME_TEXT, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
                snprintf(out, TIME_TEXT, "%lld s", (long long)t);
        return out;
}

/* Byte by byte, as Go's verifier does it. */
static bool same_name(const X509_NAME *a, const X509_NAME *b) {
        const unsigned char *da, *db;
        size_t na, nb;

        return X509_NAME_get0_der(a, &da, &na) == 1 && X509_NAME_get0_der(b, &db, &nb) == 1 && na == nb &&
               memcmp(da, db, na) == 0;
}

static int check_issuer(const struct pki_check *c, struct pki_error *e) {
        const X509_NAME *want = X509_get_subject_name(c->ca ? c->ca : c->crt);
        const X509_NAME *have = X509_get_issuer_name(c->crt);
        char a[NAME_TEXT], b[NAME_TEXT];

        if (same_name(want, have))
                return 0;
        if (!c->ca)
                return pki_fail(e, -EINVAL, c->path, replace_ca, "is not self-signed: subject %s, issuer %s",
                                name_text(want, a), name_text(have, b));
        return pki_fail(e, -EINVAL, c->path, remedy_for(c), "issuer is %s, wanted is %s of %s",
                        name_text(have, b), name_text(want, a), c->ca_path);
}

static int check_signature(const struct pki_check *c, struct pki_error *e) {
        X509 *ca = c->ca ? c->ca : c->crt;
        int r = X509_check_issued(ca, c->crt); /* key identifiers, and whether the CA may sign */

        if (r != X509_V_OK)
                return pki_fail(e, -EINVAL, c->path, remedy_for(c), "was not issued by %s: %s",
                                c->ca ? c->ca_path : "itself", X509_verify_cert_error_string(r));
        if (X509_verify(c->crt, X509_get0_pubkey(ca)) == 1)
                return 0;
        return pki_fail(e, -EINVAL, c->path, remedy_for(c), "its signature is not by the key of %s",
                        c->ca ? c->ca_path : "its own subject");
}

static bool to_time(const ASN1_TIME *t, time_t *ret) {
        struct tm tm;

        if (ASN1_TIME_to_tm(t, &tm) != 1)
                return false;
        *ret = timegm(&tm);
        return true;
}

static int check_validity(const struct pki_check *c, struct pki_error *e) {
        char a[TIME_TEXT], b[TIME_TEXT];
        time_t from, to;

        if (!to_time(X509_get0_notBefore(c->crt), &from) || !to_time(X509_get0_notAfter(c->crt), &to))
                return pki_fail(e, -EINVAL, c->path, remedy_for(c), "its validity cannot be read");
        if (c->now < from)
                return pki_fail(e, -EINVAL, c->path, "check this machine's clock",
                                "is not yet valid: from %s, and now is %s", time_text(from, a),
                                time_text(c->now, b));
        if (c->now > to)
                return pki_fail(e, -EINVAL, c->path, remedy_for(c), "expired at %s, and now is %s",
                                time_text(to, a), time_text(c->now, b));
        return 0;
}

static int check_subject(const struct pki_check *c, struct pki_error *e) {
        CLEANUP(X509_NAME_freep) X509_NAME *want = pki_cert_subject(c->spec);
        const X509_NAME *have = X509_get_subject_name(c->crt);
        char a[NAME_TEXT], b[NAME_TEXT];

        if (!want)
                return pki_fail_crypto(e, c->path, "writing a name");
        if (c->spec->ca || X509_NAME_cmp(want, have) == 0)
                return 0;
        return pki_fail(e, -EINVAL, c->path, remedy_for(c), "subject is %s, wanted is %s", name_text(have, a),
                        name_text(want, b));
}

static int check_constraints(const struct pki_check *c, struct pki_error *e) {
        bool is_ca = X509_get_extension_flags(c->crt) & EXFLAG_CA;

        if (is_ca == c->spec->ca)
                return 0;
        return pki_fail(e, -EINVAL, c->path, remedy_for(c), "is %s",
                        is_ca ? "a CA certificate" : "no CA certificate");
}

static int check_key_usage(const struct pki_check *c, struct pki_error *e) {
        uint32_t want = c->spec->ca ? KU_KEY_CERT_SIGN : KU_DIGITAL_SIGNATURE;

        /* All bits are set when there is no such extension. */
        if ((X509_get_key_usage(c->crt) & want) == want)
                return 0;
        return pki_fail(e, -EINVAL, c->path, remedy_for(c), "its key usage lacks %s",
                        c->spec->ca ? "Certificate Sign" : "Digital Signature");
}

static int check_ext_key_usage(const struct pki_check *c, struct pki_error *e) {
        uint32_t have = X509_get_extended_key_usage(c->crt); /* all bits when there is none */

        if ((c->spec->eku & PKI_EKU_SERVER) && !(have & XKU_SSL_SERVER))
                return pki_fail(e, -EINVAL, c->path, remedy_for(c),
                                "its extended key usage lacks TLS Web Server Authentication");
        if ((c->spec->eku & PKI_EKU_CLIENT) && !(have & XKU_SSL_CLIENT))
                return pki_fail(e, -EINVAL, c->path, remedy_for(c),
                                "its extended key usage lacks TLS Web Client Authentication");
        return 0;
}

static int check_sans(const struct pki_check *c, struct pki_error *e) {
        CLEANUP(GENERAL_NAMES_freep)
        GENERAL_NAMES *have = X509_get_ext_d2i(c->crt, NID_subject_alt_name, NULL, NULL);
        int n = c->spec->sans && !c->spec->ca ? sk_GENERAL_NAME_num(c->spec->sans) : 0;
        char text[NAME_TEXT];

        for (int i = 0; i < n; i++) {
                const GENERAL_NAME *want = sk_GENERAL_NAME_value(c->spec->sans, i);

                if (!pki_san_has(have, want))
                        return pki_fail(e, -EINVAL, c->path, remedy_for(c), "lacks the SAN %s",
                                        pki_san_text(want, text, sizeof text));
        }
        return 0;
}

int pki_cert_check(const struct pki_check *c, struct pki_error *e) {
        static int (*const checks[])(const struct pki_check *, struct pki_error *) = {
                check_subject, check_constraints, check_key_usage, check_ext_key_usage,
                check_issuer,  check_signature,   check_validity,  check_sans,
        };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                if ((r = checks[i](c, e)) < 0)
                        return r;
        ERR_clear_error();
        return 0;
}

int pki_check_key_fits(X509 *crt, const EVP_PKEY *key, const char *crt_path, const char *key_path,
                       struct pki_error *e) {
        EVP_PKEY *pub = X509_get0_pubkey(crt);

        if (pub && EVP_PKEY_eq(pub, key) == 1)
                return 0;
        return pki_fail(e, -EINVAL, key_path, "put the right one of the two back",
                        "is not the private key of the certificate in %s", crt_path);
}

int pki_check_private(const char *path, mode_t mode, struct pki_error *e) {
        char remedy[64];
        struct stat st;

        if (stat(path, &st) < 0)
                return pki_fail_errno(e, -errno, path, "read");
        if (st.st_uid != geteuid() && st.st_uid != 0)
                return pki_fail(e, -EINVAL, path, "chown it to root",
                                "holds a private key and is owned by user %u", (unsigned)st.st_uid);
        if ((st.st_mode & 07777 & ~mode) == 0)
                return 0;
        snprintf(remedy, sizeof remedy, "chmod it to %04o", (unsigned)mode);
        return pki_fail(e, -EINVAL, path, remedy, "holds a private key and has mode %04o",
                        (unsigned)st.st_mode & 07777);
}
