#include "tests/lab/standin-apiserver.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { EXACT, ADDRESS, PORT, CIDR, URL, CA_FILE, CERT_FILE, KEY_FILE, PUBLIC_FILE, TEXT };

/* EXACT: `want` is the only value; CERT_FILE: `usage` is what it must be good for. */
static const struct flag {
        const char *name;
        enum kind kind;
        const char *want;
        uint32_t usage;
} table[N_FLAGS] = {
        [F_ADVERTISE_ADDRESS] = { "advertise-address", ADDRESS, NULL, 0 },
        [F_ALLOW_PRIVILEGED] = { "allow-privileged", EXACT, "true", 0 },
        [F_AUTHORIZATION_MODE] = { "authorization-mode", EXACT, "Node,RBAC", 0 },
        [F_CLIENT_CA] = { "client-ca-file", CA_FILE, NULL, 0 },
        [F_ADMISSION] = { "enable-admission-plugins", EXACT, "NodeRestriction", 0 },
        [F_BOOTSTRAP_TOKEN] = { "enable-bootstrap-token-auth", EXACT, "true", 0 },
        [F_ETCD_CA] = { "etcd-cafile", CA_FILE, NULL, 0 },
        [F_ETCD_CERT] = { "etcd-certfile", CERT_FILE, NULL, XKU_SSL_CLIENT },
        [F_ETCD_KEY] = { "etcd-keyfile", KEY_FILE, NULL, 0 },
        [F_ETCD_SERVERS] = { "etcd-servers", URL, NULL, 0 },
        [F_KUBELET_CERT] = { "kubelet-client-certificate", CERT_FILE, NULL, XKU_SSL_CLIENT },
        [F_KUBELET_KEY] = { "kubelet-client-key", KEY_FILE, NULL, 0 },
        [F_KUBELET_ADDRESS_TYPES] = { "kubelet-preferred-address-types", EXACT,
                                      "InternalIP,ExternalIP,Hostname", 0 },
        [F_PROXY_CERT] = { "proxy-client-cert-file", CERT_FILE, NULL, XKU_SSL_CLIENT },
        [F_PROXY_KEY] = { "proxy-client-key-file", KEY_FILE, NULL, 0 },
        [F_REQUESTHEADER_NAMES] = { "requestheader-allowed-names", EXACT, "front-proxy-client", 0 },
        [F_REQUESTHEADER_CA] = { "requestheader-client-ca-file", CA_FILE, NULL, 0 },
        [F_REQUESTHEADER_EXTRA] = { "requestheader-extra-headers-prefix", EXACT, "X-Remote-Extra-", 0 },
        [F_REQUESTHEADER_GROUP] = { "requestheader-group-headers", EXACT, "X-Remote-Group", 0 },
        [F_REQUESTHEADER_USER] = { "requestheader-username-headers", EXACT, "X-Remote-User", 0 },
        [F_SECURE_PORT] = { "secure-port", PORT, NULL, 0 },
        [F_SA_ISSUER] = { "service-account-issuer", URL, NULL, 0 },
        [F_SA_PUBLIC] = { "service-account-key-file", PUBLIC_FILE, NULL, 0 },
        [F_SA_PRIVATE] = { "service-account-signing-key-file", KEY_FILE, NULL, 0 },
        [F_SERVICE_RANGE] = { "service-cluster-ip-range", CIDR, NULL, 0 },
        [F_TLS_CERT] = { "tls-cert-file", CERT_FILE, NULL, XKU_SSL_SERVER },
        [F_TLS_KEY] = { "tls-private-key-file", KEY_FILE, NULL, 0 },
};

/* Which key belongs to which certificate, and which CA issued it (N_FLAGS: not among the flags). */
static const struct pair {
        enum flag_id certificate, key, ca;
} pairs[] = {
        { F_TLS_CERT, F_TLS_KEY, F_CLIENT_CA },
        { F_ETCD_CERT, F_ETCD_KEY, F_ETCD_CA },
        { F_KUBELET_CERT, F_KUBELET_KEY, F_CLIENT_CA },
        { F_PROXY_CERT, F_PROXY_KEY, F_REQUESTHEADER_CA },
};

static bool refuse(enum flag_id id, const char *value, const char *why) {
        fprintf(stderr, "kube-apiserver: --%s=%s: %s\n", table[id].name, value, why);
        ERR_clear_error();
        return false;
}

static bool is_number_upto(const char *text, long max) {
        char *end;
        long n = strtol(text, &end, 10);

        return *text && !*end && n >= 0 && n <= max;
}

static bool is_address(const char *text) {
        struct in6_addr six;
        struct in_addr four;

        return inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1;
}

static bool is_network(const char *value, size_t size) {
        char text[64];
        char *slash;

        if (size >= sizeof text)
                return false;
        memcpy(text, value, size);
        text[size] = 0;
        if (!(slash = strchr(text, '/')))
                return false;
        *slash = 0;
        return is_address(text) && is_number_upto(slash + 1, strchr(text, ':') ? 128 : 32);
}

/* One, or two with a comma. */
static bool is_cidr(const char *value) {
        size_t first = strcspn(value, ",");

        return is_network(value, first) &&
               (!value[first] || is_network(value + first + 1, strlen(value + first + 1)));
}

static X509 *load_certificate(const char *path) {
        FILE *f = fopen(path, "re");
        X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

        if (f)
                fclose(f);
        return x;
}

static EVP_PKEY *load_key(const char *path, bool private) {
        FILE *f = fopen(path, "re");
        EVP_PKEY *k = NULL;

        if (f) {
                k = private ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : PEM_read_PUBKEY(f, NULL, NULL, NULL);
                fclose(f);
        }
        return k;
}

static const char *certificate_fault(const char *path, bool ca, uint32_t usage) {
        X509 *x = load_certificate(path);
        const char *fault = NULL;

        if (!x)
                return "no readable certificate";
        if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
                fault = "not yet valid";
        else if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
                fault = "expired";
        else if (ca && X509_check_ca(x) != 1)
                fault = "not a CA";
        else if (!ca &&
                 (X509_get_extended_key_usage(x) == UINT32_MAX || !(X509_get_extended_key_usage(x) & usage)))
                fault = usage == XKU_SSL_SERVER ? "not good for serverAuth" : "not good for clientAuth";
        X509_free(x);
        return fault;
}

static const char *key_fault(const char *path, bool private) {
        EVP_PKEY *k = load_key(path, private);
        const char *fault = k ? NULL : private ? "no readable private key" : "no readable public key";

        EVP_PKEY_free(k);
        return fault;
}

static const char *value_fault(const struct flag *flag, const char *value) {
        switch (flag->kind) {
        case EXACT:
                return strcmp(value, flag->want) ? "not the value a control plane needs" : NULL;
        case ADDRESS:
                return is_address(value) ? NULL : "not an address";
        case PORT:
                return is_number_upto(value, 65535) ? NULL : "not a port";
        case CIDR:
                return is_cidr(value) ? NULL : "not a network";
        case URL:
                return strncmp(value, "https://", 8) ? "not an https URL" : NULL;
        case CA_FILE:
                return certificate_fault(value, true, 0);
        case CERT_FILE:
                return certificate_fault(value, false, flag->usage);
        case KEY_FILE:
                return key_fault(value, true);
        case PUBLIC_FILE:
                return key_fault(value, false);
        case TEXT:
                return *value ? NULL : "empty";
        }
        return "of unknown kind";
}

static bool parse_one(struct standin *s, const char *argument) {
        const char *equals = strchr(argument, '=');
        size_t n = equals ? (size_t)(equals - argument) : 0;

        for (enum flag_id i = 0; equals && i < N_FLAGS; i++) {
                if (strncmp(argument, "--", 2) || n != strlen(table[i].name) + 2 ||
                    strncmp(argument + 2, table[i].name, n - 2) != 0)
                        continue;
                if (s->flags[i])
                        return refuse(i, equals + 1, "given twice");
                s->flags[i] = equals + 1;
                return true;
        }
        fprintf(stderr, "kube-apiserver: unknown flag %s\n", argument);
        return false;
}

static bool check_values(const struct standin *s) {
        for (enum flag_id i = 0; i < N_FLAGS; i++) {
                const char *fault;

                if (!s->flags[i]) {
                        fprintf(stderr, "kube-apiserver: --%s is missing\n", table[i].name);
                        return false;
                }
                if ((fault = value_fault(&table[i], s->flags[i])))
                        return refuse(i, s->flags[i], fault);
        }
        return true;
}

static bool check_pair(const struct standin *s, const struct pair *p) {
        X509 *x = load_certificate(s->flags[p->certificate]), *ca = load_certificate(s->flags[p->ca]);
        EVP_PKEY *k = load_key(s->flags[p->key], true);
        bool own = x && k && X509_check_private_key(x, k) == 1;
        bool issued = x && ca && X509_verify(x, X509_get0_pubkey(ca)) == 1;

        X509_free(x);
        X509_free(ca);
        EVP_PKEY_free(k);
        if (!own)
                return refuse(p->key, s->flags[p->key], "not the key of the certificate");
        return issued ||
               refuse(p->certificate, s->flags[p->certificate], "not issued by the CA given for it");
}

static bool check_service_account(const struct standin *s) {
        EVP_PKEY *public = load_key(s->flags[F_SA_PUBLIC], false),
                 *private = load_key(s->flags[F_SA_PRIVATE], true);
        bool same = public && private && EVP_PKEY_eq(public, private) == 1;

        EVP_PKEY_free(public);
        EVP_PKEY_free(private);
        return same || refuse(F_SA_PUBLIC, s->flags[F_SA_PUBLIC], "not the public half of the signing key");
}

bool standin_flags(struct standin *s, int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (!parse_one(s, argv[i]))
                        return false;
        if (!check_values(s))
                return false;
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
                if (!check_pair(s, &pairs[i]))
                        return false;
        return check_service_account(s);
}
