/* What a single value must look like. Each check says what is wanted, as a verb phrase. */
#include "agent/config_fields.h"
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

bool cidr_parse(const char *s, struct cidr *ret) {
        char address[INET_ADDRSTRLEN], *end;
        const char *slash = strchr(s, '/');
        struct in_addr a;
        unsigned long prefix;

        if (!slash || (size_t)(slash - s) >= sizeof address || slash[1] < '0' || slash[1] > '9')
                return false;
        memcpy(address, s, (size_t)(slash - s));
        address[slash - s] = 0;
        prefix = strtoul(slash + 1, &end, 10);
        if (*end || prefix > 32 || (slash[1] == '0' && slash[2]) || inet_pton(AF_INET, address, &a) != 1)
                return false;
        ret->address = ntohl(a.s_addr);
        ret->prefix = (unsigned)prefix;
        ret->mask = prefix ? UINT32_MAX << (32 - prefix) : 0;
        return true;
}

bool cidr_holds(const struct cidr *c, uint32_t address) {
        return (address & c->mask) == (c->address & c->mask);
}

bool cidr_overlap(const struct cidr *a, const struct cidr *b) {
        uint32_t mask = a->mask & b->mask; /* of the larger network */

        return (a->address & mask) == (b->address & mask);
}

/* 0/8, 127/8, 224/4 and 240/4 are nobody's. */
static bool is_host(uint32_t address) {
        uint32_t first = address >> 24;

        return first != 0 && first != 127 && first < 224;
}

static const char *check_subnet(const char *s, unsigned min, unsigned max, const char *range) {
        struct cidr c;

        if (strchr(s, ','))
                return "is not supported yet: one IPv4 network, not two";
        if (strchr(s, ':'))
                return "is not supported yet: an IPv4 network, not IPv6";
        if (!cidr_parse(s, &c) || !is_host(c.address))
                return "must be an IPv4 network such as 10.96.0.0/12";
        if (c.address & ~c.mask)
                return "must be an IPv4 network: it has bits set beyond its prefix";
        return c.prefix < min || c.prefix > max ? range : NULL;
}

const char *syntax_service_subnet(const char *s) {
        return check_subnet(s, 12, 28, "must have a prefix of 12 to 28 (at least ten addresses)");
}

const char *syntax_pod_subnet(const char *s) {
        return check_subnet(s, 8, 24, "must have a prefix of 8 to 24 (each node gets a /24 of it)");
}

const char *syntax_host_address(const char *s) {
        struct in_addr a;

        if (strchr(s, ':'))
                return "is not supported yet: an IPv4 address, not IPv6";
        if (inet_pton(AF_INET, s, &a) != 1 || !is_host(ntohl(a.s_addr)))
                return "must be the IPv4 address of a host";
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
        char host[INET_ADDRSTRLEN], *end;
        size_t len = strlen(scheme), host_len;
        struct in_addr a;
        unsigned long port;

        if (strncmp(s, scheme, len) != 0)
                return wanted;
        s += len;
        host_len = strcspn(s, ":/?#");
        if (host_len >= sizeof host || s[host_len] != ':')
                return wanted;
        memcpy(host, s, host_len);
        host[host_len] = 0;
        s += host_len + 1;
        if (inet_pton(AF_INET, host, &a) != 1 || *s < '1' || *s > '9')
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
                         "must be https://ADDRESS:PORT/PATH with an IPv4 address, such as "
                         "https://172.18.0.154:6443/livez");
}

const char *syntax_http_url(const char *s) {
        return check_url(s, "http://", true,
                         "must be http://ADDRESS:PORT/PATH with an IPv4 address, such as "
                         "http://127.0.0.1:10248/healthz");
}

const char *syntax_http_base(const char *s) {
        return check_url(s, "http://", false,
                         "must be http://ADDRESS:PORT with an IPv4 address and no path, such as "
                         "http://127.0.0.1:2381");
}
