/* What single values of kubeadm's kinds and of registries must look like. */
#include "agent/config_fields.h"
#include "agent/decimal.h"
#include "pki/proof.h"

static bool is_alnum(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and "-_.", an alphanumeric at both ends. */
static bool is_qualified(const char *s, size_t len) {
        if (!len || len > 63 || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
                return false;
        for (size_t i = 0; i < len; i++)
                if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
                        return false;
        return true;
}

const char *syntax_label_key(const char *s) {
        const char *slash = strchr(s, '/'), *name = slash ? slash + 1 : s;
        char prefix[256];

        if (slash) {
                if (slash - s >= (ptrdiff_t)sizeof prefix)
                        return "has too long a prefix";
                snprintf(prefix, sizeof prefix, "%.*s", (int)(slash - s), s);
        }
        if ((slash && syntax_node_name(prefix)) || !is_qualified(name, strlen(name)))
                return "must be NAME or DOMAIN/NAME, such as node-role.kubernetes.io/control-plane";
        return NULL;
}

const char *syntax_label_value(const char *s) {
        return !*s || is_qualified(s, strlen(s))
                       ? NULL
                       : "must be at most 63 letters, digits, \"-\", \"_\" and \".\", a letter or digit at "
                         "both ends";
}

static const char *one_of(const char *s, const char *const *words, const char *wanted) {
        for (; *words; words++)
                if (!strcmp(s, *words))
                        return NULL;
        return wanted;
}

const char *syntax_taint_effect(const char *s) {
        static const char *const effects[] = { "NoSchedule", "PreferNoSchedule", "NoExecute", NULL };

        return one_of(s, effects, "must be NoSchedule, PreferNoSchedule or NoExecute");
}

const char *syntax_token(const char *s) {
        return pki_token_check(s) == 0 ? NULL
                                       : "must be six letters and digits, a dot, and sixteen more, all lower "
                                         "case";
}

const char *syntax_token_usage(const char *s) {
        static const char *const usages[] = { "signing", "authentication", NULL };

        return one_of(s, usages, "must be signing or authentication");
}

const char *syntax_token_group(const char *s) {
        static const char prefix
                [] = "system:bootstrappers:",
          wanted[] =
                  "must be system:bootstrappers: and a name of lower case letters, digits, \":\" and \"-\"";
        size_t n;

        if (strncmp(s, prefix, sizeof prefix - 1) != 0)
                return wanted;
        s += sizeof prefix - 1;
        n = strlen(s);
        if (!n || n > 255 || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789:-") != n || s[n - 1] == ':' ||
            s[n - 1] == '-')
                return wanted;
        return NULL;
}

const char *syntax_pin(const char *s) {
        return !strncmp(s, "sha256:", 7) && strlen(s) == 7 + 64 &&
                               strspn(s + 7, "0123456789abcdefABCDEF") == 64
                       ? NULL
                       : "must be sha256: and 64 hexadecimal digits";
}

const char *syntax_join_phase(const char *s) {
        return !strcmp(s, "preflight") ? NULL
                                       : "must be preflight: each other step of join needs the one before";
}

const char *syntax_path_or_empty(const char *s) {
        return *s ? syntax_path(s) : NULL;
}

/* A host, or each node itself: a mirror or a proxy may run on all of them. */
static bool is_server_address(const char *s) {
        static const uint8_t one[16] = { [15] = 1 };
        struct vrrp_ip a;

        if (!syntax_host_address(s))
                return true;
        if (vrrp_ip_parse(s, &a) < 0)
                return false;
        return a.family == AF_INET ? a.b[0] == 127 : !memcmp(a.b, one, sizeof one);
}

/* "NAME", "ADDRESS", "[IPv6]", with ":PORT" where `port`, to the end or to `stop`. Returns what is after it,
 * or NULL. */
static const char *skip_host(const char *s, const char *stop, bool port) {
        size_t n = strcspn(s, stop), host;
        char text[256];
        char *colon;
        uint64_t number;

        if (n >= sizeof text)
                return NULL;
        snprintf(text, sizeof text, "%.*s", (int)n, s);
        colon = strrchr(text, ':');
        if (colon && strchr(colon, ']'))
                colon = NULL;
        if (port && !colon)
                return NULL;
        if (colon && !decimal_parse(colon + 1, 1, UINT16_MAX, &number))
                return NULL;
        if (colon)
                *colon = 0;
        host = strlen(text);
        if (*text == '[') {
                if (text[host - 1] != ']')
                        return NULL;
                text[host - 1] = 0;
                return strchr(text + 1, ':') && is_server_address(text + 1) ? s + n : NULL;
        }
        return strchr(text, ':') || (!is_server_address(text) && syntax_dns_name(text)) ? NULL : s + n;
}

static const char *skip_scheme(const char *s) {
        return !strncmp(s, "https://", 8) ? s + 8 : !strncmp(s, "http://", 7) ? s + 7 : NULL;
}

const char *syntax_etcd_url(const char *s) {
        const char *host = skip_scheme(s);

        return host && skip_host(host, "", true)
                       ? NULL
                       : "must be https://HOST:PORT (or http://), such as https://172.18.0.160:2379";
}

const char *syntax_mirror_url(const char *s) {
        const char *host = skip_scheme(s), *path = host ? skip_host(host, "/", false) : NULL;

        if (!path || strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") !=
                             strlen(path))
                return "must be https://HOST[:PORT][/PATH] (or http://), such as "
                       "https://mirror.example:5000/v2/k8s";
        return NULL;
}

const char *syntax_registry(const char *s) {
        return skip_host(s, "", false) ? NULL
                                       : "must be HOST or HOST:PORT of a registry, such as registry.k8s.io";
}

const char *syntax_mirrored(const char *s) {
        return !strcmp(s, "*") ? NULL : syntax_registry(s);
}

const char *syntax_time_source(const char *s) {
        return syntax_host_address(s) && syntax_dns_name(s)
                       ? "must be the address or DNS name of an NTP server"
                       : NULL;
}
