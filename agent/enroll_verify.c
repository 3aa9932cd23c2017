#include "agent/enroll_tls.h"
#include "pki/pin.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)

static int parse_one(const char *text, size_t n, char out[PKI_PIN_SIZE]) {
        if (n != PKI_PIN_SIZE - 1)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
        out[n] = '\0';
        return !strncmp(out, "sha256:", 7) && strspn(out + 7, "0123456789abcdef") == n - 7 ? 0 : -EINVAL;
}

int enroll_pins_parse(const char *text, struct enroll_pins *ret, struct error *e) {
        const char *s = text;

        for (ret->n = 0;; s++) {
                size_t n = strcspn(s, ",");

                if (ret->n == ENROLL_MAX_PINS)
                        return error_set(e, EXIT_INPUT, "--discovery-token-ca-cert-hash: at most %d hashes",
                                         ENROLL_MAX_PINS);
                if (parse_one(s, n, ret->v[ret->n++]) < 0)
                        return error_set(e, EXIT_INPUT,
                                         "--discovery-token-ca-cert-hash \"%.*s\": want \"sha256:\" and 64 "
                                         "hexadecimal digits; `triarch token create --print-join-command` "
                                         "prints it",
                                         (int)n, s);
                s += n;
                if (!*s)
                        return 0;
        }
}

static void pins_text(const struct enroll_pins *pins, char *out, size_t size) {
        size_t at = 0;

        *out = '\0';
        for (size_t i = 0; i < pins->n && at < size; i++)
                at += (size_t)snprintf(out + at, size - at, "%s%s", i ? " or " : "", pins->v[i]);
}

/* The certificate of the chain whose key is pinned. */
static int find_anchor(STACK_OF(X509) * chain, const struct enroll_pins *pins, X509 **ret, char id[],
                       struct error *e) {
        char pin[PKI_PIN_SIZE], seen[PKI_PIN_SIZE] = "", wanted[ENROLL_MAX_PINS * (PKI_PIN_SIZE + 4)];

        for (int i = 0; i < sk_X509_num(chain); i++) {
                X509 *cert = sk_X509_value(chain, i);

                if (X509_check_ca(cert) != 1 || pki_cert_pin(cert, pin) < 0)
                        continue;
                memcpy(seen, pin, sizeof seen);
                for (size_t j = 0; j < pins->n; j++)
                        if (!strcmp(pin, pins->v[j])) {
                                *ret = cert;
                                snprintf(id, PKI_CLUSTER_ID_SIZE, "%.*s", PKI_CLUSTER_ID_SIZE - 1, pin + 7);
                                return 0;
                        }
        }
        if (!*seen)
                return error_set(e, EXIT_FAILED,
                                 "the server presents no CA certificate: it is no master of triarch");
        pins_text(pins, wanted, sizeof wanted);
        return error_set(
                e, EXIT_FAILED,
                "the server's cluster CA has the hash %s, but the command line says %s: this is another "
                "cluster, or someone between you and it; nothing was sent to it",
                seen, wanted);
}

static int verify_chain(X509 *leaf, X509 *anchor, struct error *e) {
        CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
        CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

        if (!store || !ctx || X509_STORE_add_cert(store, anchor) != 1 ||
            X509_STORE_CTX_init(ctx, store, leaf, NULL) != 1)
                return error_set(e, EXIT_FAILED, "out of memory");
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_NO_CHECK_TIME);
        X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
        if (X509_verify_cert(ctx) == 1)
                return 0;
        return error_set(e, EXIT_FAILED, "the server's certificate is not one of the cluster's CA: %s",
                         X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
}

static bool has_uri(X509 *leaf, const char *uri) {
        CLEANUP(GENERAL_NAMES_freep)
        GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);

        for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

                if (g->type == GEN_URI &&
                    (size_t)ASN1_STRING_length(g->d.uniformResourceIdentifier) == strlen(uri) &&
                    !memcmp(ASN1_STRING_get0_data(g->d.uniformResourceIdentifier), uri, strlen(uri)))
                        return true;
        }
        return false;
}

static int verify_role(X509 *leaf, const char *cluster_id, struct error *e) {
        char uri[64];

        /* Purpose checks let a certificate without the extension pass: want it to be there. */
        if (!(X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) ||
            !(X509_get_extended_key_usage(leaf) & XKU_SSL_SERVER))
                return error_set(e, EXIT_FAILED,
                                 "the server's certificate is not a serving certificate (no serverAuth)");
        if (X509_get_extension_flags(leaf) & EXFLAG_CA)
                return error_set(e, EXIT_FAILED, "the server presents a CA certificate as its own");
        snprintf(uri, sizeof uri, "triarch://%s/enroll", cluster_id);
        if (!has_uri(leaf, uri))
                return error_set(
                        e, EXIT_FAILED,
                        "the server's certificate does not have the name %s: it belongs to the cluster, but "
                        "not to its enrolment service; is this the right port?",
                        uri);
        return 0;
}

int enroll_verify_server(X509 *leaf, STACK_OF(X509) * chain, const struct enroll_pins *pins,
                         char ret_cluster_id[PKI_CLUSTER_ID_SIZE], struct error *e) {
        char id[PKI_CLUSTER_ID_SIZE];
        X509 *anchor = NULL;
        int r;

        r = find_anchor(chain, pins, &anchor, id, e);
        if (r == 0)
                r = verify_chain(leaf, anchor, e);
        if (r == 0)
                r = verify_role(leaf, id, e);
        if (r == 0)
                memcpy(ret_cluster_id, id, sizeof id);
        ERR_clear_error();
        return r;
}
