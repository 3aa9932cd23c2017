/* What a single value must look like. Each check says what is wanted, as a verb phrase. */
#include "agent/config_fields.h"
#include "agent/decimal.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/un.h>

static bool is_alnum_lower(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One RFC 1123 label of `len` bytes. */
static bool is_label(const char *s, size_t len) {
        if (!len || len > 63 || s[0] == '-' || s[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!is_alnum_lower(s[i]) && s[i] != '-')
                        return false;
        return true;
}

static bool is_subdomain(const char *s) {
        if (strlen(s) > 253)
                return false;
        for (;;) {
                size_t len = strcspn(s, ".");

                if (!is_label(s, len))
                        return false;
                if (!s[len])
                        return true;
                s += len + 1;
        }
}

static bool is_ip(const char *s) {
        struct in6_addr a;

        return inet_pton(AF_INET, s, &a) == 1 || inet_pton(AF_INET6, s, &a) == 1;
}

/* Digits and dots alone: an address with a mistake in it, not a name. */
static bool looks_like_address(const char *s) {
        return s[strspn(s, "0123456789.")] == 0;
}

const char *syntax_not_empty(const char *s) {
        return *s ? NULL : "must not be empty";
}

const char *syntax_node_name(const char *s) {
        return is_subdomain(s) ? NULL : "must be lower case letters, digits, \"-\" and \".\" (RFC 1123)";
}

const char *syntax_dns_name(const char *s) {
        return is_subdomain(s) && !looks_like_address(s)
                       ? NULL
                       : "must be a DNS name in lower case, such as cluster.local";
}

const char *syntax_label(const char *s) {
        return is_label(s, strlen(s)) ? NULL : "must be at most 63 lower case letters, digits and \"-\"";
}

const char *syntax_ip_or_dns(const char *s) {
        const char *name = strncmp(s, "*.", 2) != 0 ? s : s + 2;

        if (is_ip(s) || (is_subdomain(name) && !looks_like_address(name)))
                return NULL;
        return "must be an IP address or a DNS name in lower case";
}

const char *syntax_path(const char *s) {
        return *s == '/' && strlen(s) < PATH_MAX ? NULL : "must be an absolute path";
}

const char *syntax_directory(const char *s) {
        enum { ROOM = 256 }; /* for /etcd/healthcheck-client.key and the like */

        return *s == '/' && strlen(s) < PATH_MAX - ROOM ? NULL
                                                        : "must be an absolute path of at most 3839 bytes";
}

const char *syntax_socket_path(const char *s) {
        return *s == '/' && strlen(s) < sizeof(((struct sockaddr_un *)0)->sun_path)
                       ? NULL
                       : "must be an absolute path of at most 107 bytes";
}

const char *syntax_cri_socket(const char *s) {
        return !strncmp(s, "unix:///", 8) ? NULL : "must be unix:// and an absolute path";
}

const char *syntax_interface(const char *s) {
        size_t len = strlen(s);

        if (!len || len >= IF_NAMESIZE || !strcmp(s, ".") || !strcmp(s, ".."))
                return "must be the name of a network interface (1 to 15 bytes)";
        for (; *s; s++)
                if (*s == '/' || (unsigned char)*s <= ' ')
                        return "must be the name of a network interface (no \"/\", no white space)";
        return NULL;
}

const char *syntax_repository(const char *s) {
        size_t len = strlen(s);

        for (size_t i = 0; i < len; i++)
                if (!is_alnum_lower(s[i]) && !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ._-:/[]", s[i]))
                        return "must be an image repository such as registry.k8s.io";
        if (!len || s[0] == '/' || s[len - 1] == '/' || strstr(s, "://"))
                return "must be an image repository such as registry.k8s.io (no scheme, no final \"/\")";
        return NULL;
}

const char *syntax_image_tag(const char *s) {
        size_t len = strlen(s);

        if (!len || len > 128 || *s == '.' || *s == '-')
                return "must be an image tag of 1 to 128 characters";
        for (; *s; s++)
                if (!is_alnum_lower(*s) && !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ._-", *s))
                        return "must be an image tag (letters, digits, \".\", \"_\", \"-\")";
        return NULL;
}

/* ---- addresses and networks ---- */

/* 0/8, 127/8, 224/4 and 240/4 are nobody's; nor are ::, ::1, IPv4 in IPv6 clothes, and multicast. */
static bool is_host(const struct vrrp_ip *a) {
        static const uint8_t zero[10];

        if (a->family == AF_INET)
                return a->b[0] != 0 && a->b[0] != 127 && a->b[0] < 224;
        return a->b[0] != 0xff && memcmp(a->b, zero, sizeof zero) != 0;
}

bool network_parse(const char *s, struct network *ret) {
        char address[INET6_ADDRSTRLEN];
        const char *slash = strchr(s, '/');
        uint64_t prefix;

        if (!slash || (size_t)(slash - s) >= sizeof address)
                return false;
        memcpy(address, s, (size_t)(slash - s));
        address[slash - s] = 0;
        if (vrrp_ip_parse(address, &ret->address) < 0 ||
            !decimal_parse(slash + 1, 0, vrrp_ip_bits(&ret->address), &prefix))
                return false;
        ret->prefix = (unsigned)prefix;
        return true;
}

size_t networks_parse(const char *s, struct network ret[NETWORKS_MAX]) {
        char text[2 * INET6_ADDRSTRLEN + 16];
        char *comma;

        if (strlen(s) >= sizeof text)
                return 0;
        snprintf(text, sizeof text, "%s", s);
        if ((comma = strchr(text, ',')))
                *comma = 0;
        if (!network_parse(text, &ret[0]) || (comma && !network_parse(comma + 1, &ret[1])))
                return 0;
        return comma ? 2 : 1;
}

bool network_holds(const struct network *n, const struct vrrp_ip *address) {
        return n->address.family == address->family &&
               vrrp_ip_same_network(&n->address, address, (uint8_t)n->prefix);
}

bool network_overlap(const struct network *a, const struct network *b) {
        return network_holds(a->prefix < b->prefix ? a : b,
                             a->prefix < b->prefix ? &b->address : &a->address);
}

static bool bits_beyond(const struct network *n) {
        for (unsigned i = n->prefix; i < vrrp_ip_bits(&n->address); i++)
                if (n->address.b[i / 8] >> (7 - i % 8) & 1U)
                        return true;
        return false;
}

const char *syntax_networks(const char *s) {
        struct network n[NETWORKS_MAX];
        size_t count = networks_parse(s, n);

        if (count == 0)
                return "must be a network such as 10.96.0.0/12, or one of each family "
                       "(\"10.96.0.0/12,fd00:96::/112\")";
        for (size_t i = 0; i < count; i++) {
                if (!is_host(&n[i].address))
                        return "must be a network of hosts, not one of loopback, multicast or reserved "
                               "addresses";
                if (bits_beyond(&n[i]))
                        return "must be a network: it has bits set beyond its prefix";
        }
        if (count == 2 && n[0].address.family == n[1].address.family)
                return "must be one IPv4 and one IPv6 network, where there are two";
        return NULL;
}

const char *syntax_host_address(const char *s) {
        struct vrrp_ip a;

        if (vrrp_ip_parse(s, &a) < 0 || !is_host(&a) || vrrp_ip_link_local(&a))
                return "must be the IPv4 or IPv6 address of a host";
        return NULL;
}

const char *syntax_arg_name(const char *s) {
        if (!*s || *s == '-')
                return "must be the name of a command line flag without \"--\"";
        for (; *s; s++)
                if (*s == '=' || (unsigned char)*s <= ' ' || *s == 0x7f)
                        return "must be the name of a command line flag alone (no \"=\", no white space)";
        return NULL;
}

const char *syntax_env_name(const char *s) {
        if (!*s)
                return "must be the name of an environment variable";
        for (; *s; s++)
                if (*s == '=' || *s < ' ' || *s > '~')
                        return "must be the name of an environment variable (printable ASCII, no \"=\")";
        return NULL;
}

const char *syntax_path_type(const char *s) {
        static const char *const types[] = { "",           "DirectoryOrCreate",
                                             "Directory",  "FileOrCreate",
                                             "File",       "Socket",
                                             "CharDevice", "BlockDevice" };

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (!strcmp(s, types[i]))
                        return NULL;
        return "must be DirectoryOrCreate, Directory, FileOrCreate, File, Socket, CharDevice or BlockDevice";
}

/* scheme ADDRESS:PORT path. Names are refused: resolving one could block the agent. */
static const char *check_url(const char *s, const char *scheme, bool path, const char *wanted) {
        char host[INET6_ADDRSTRLEN];
        size_t len = strlen(scheme), host_len;
        bool bracket;
        struct vrrp_ip a;
        unsigned long port;
        char *end;

        if (strncmp(s, scheme, len) != 0)
                return wanted;
        s += len;
        bracket = *s == '[';
        host_len = strcspn(s + bracket, bracket ? "]" : ":/?#");
        if (host_len >= sizeof host || (bracket && s[host_len + 1] != ']') ||
            s[host_len + 2 * (size_t)bracket] != ':')
                return wanted;
        memcpy(host, s + bracket, host_len);
        host[host_len] = 0;
        s += host_len + 2 * (size_t)bracket + 1;
        if (vrrp_ip_parse(host, &a) < 0 || bracket != (a.family == AF_INET6) || *s < '1' || *s > '9')
                return wanted;
        port = strtoul(s, &end, 10);
        if (port > 65535 || (*end && (!path || *end != '/')))
                return wanted;
        for (; *end; end++)
                if ((unsigned char)*end <= ' ' || *end == '#' || (unsigned char)*end >= 0x7f)
                        return wanted;
        return NULL;
}

const char *syntax_https_url(const char *s) {
        return check_url(s, "https://", true,
                         "must be https://ADDRESS:PORT/PATH with an address, no name, such as "
                         "https://172.18.0.154:6443/livez");
}

const char *syntax_http_url(const char *s) {
        return check_url(s, "http://", true,
                         "must be http://ADDRESS:PORT/PATH with an address, no name, such as "
                         "http://127.0.0.1:10248/healthz");
}

const char *syntax_http_base(const char *s) {
        return check_url(s, "http://", false,
                         "must be http://ADDRESS:PORT with an address, no name, and no path, such as "
                         "http://127.0.0.1:2381");
}
