#include "pki/san.h"
#include <arpa/inet.h>
#include <errno.h>

enum { MAX_NAME = 253, MAX_LABEL = 63 };

static bool is_alnum(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool label_ok(const char *s, size_t n) {
        if (n == 0 || n > MAX_LABEL || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_alnum(s[i]) && s[i] != '-')
                        return false;
        return true;
}

static bool dns_ok(const char *s) {
        size_t n;

        if (strlen(s) > MAX_NAME)
                return false;
        if (s[0] == '*' && s[1] == '.')
                s += 2;
        while (n = strcspn(s, "."), s[n] == '.') {
                if (!label_ok(s, n))
                        return false;
                s += n + 1;
        }
        return label_ok(s, n);
}

bool pki_san_has(const GENERAL_NAMES *names, const GENERAL_NAME *name) {
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
                if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), (GENERAL_NAME *)name) == 0)
                        return true;
        return false;
}

static int place_of_dns(const GENERAL_NAMES *names, const char *text) {
        int i = 0;

        for (; i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

                if (g->type != GEN_DNS || strcmp((const char *)g->d.ia5->data, text) > 0)
                        break;
        }
        return i;
}

/* Takes the bytes as an IA5String or OCTET STRING, both the same struct underneath. */
static int add(GENERAL_NAMES *names, int type, const void *data, size_t size, int place) {
        CLEANUP(GENERAL_NAME_freep) GENERAL_NAME *g = GENERAL_NAME_new();
        ASN1_STRING *s = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

        if (!g || !s || ASN1_STRING_set(s, data, (int)size) != 1) {
                ASN1_STRING_free(s);
                return -ENOMEM;
        }
        GENERAL_NAME_set0_value(g, type, s);
        if (pki_san_has(names, g))
                return 0;
        if (sk_GENERAL_NAME_insert(names, g, place) == 0)
                return -ENOMEM;
        g = NULL;
        return 0;
}

int pki_san_add(GENERAL_NAMES *names, const char *text) {
        unsigned char ip[16];

        if (inet_pton(AF_INET, text, ip) == 1)
                return add(names, GEN_IPADD, ip, 4, -1);
        if (inet_pton(AF_INET6, text, ip) == 1)
                return add(names, GEN_IPADD, ip, 16, -1);
        if (dns_ok(text))
                return add(names, GEN_DNS, text, strlen(text), place_of_dns(names, text));
        return -EINVAL;
}

int pki_san_add_uri(GENERAL_NAMES *names, const char *uri) {
        return add(names, GEN_URI, uri, strlen(uri), -1);
}

const char *pki_san_text(const GENERAL_NAME *name, char *out, size_t size) {
        char ip[INET6_ADDRSTRLEN] = "?";

        switch (name->type) {
        case GEN_DNS:
        case GEN_URI:
                snprintf(out, size, "%s:%.*s", name->type == GEN_DNS ? "DNS" : "URI", name->d.ia5->length,
                         (const char *)name->d.ia5->data);
                break;
        case GEN_IPADD:
                inet_ntop(name->d.ip->length == 4 ? AF_INET : AF_INET6, name->d.ip->data, ip, sizeof ip);
                snprintf(out, size, "IP:%s", ip);
                break;
        default:
                snprintf(out, size, "name of type %d", name->type);
        }
        return out;
}
