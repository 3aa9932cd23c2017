#include "vrrp/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

struct vrrp_ip vrrp_ip_v4(struct in_addr a) {
        struct vrrp_ip ip = { .family = AF_INET };

        memcpy(ip.b, &a, sizeof a);
        return ip;
}

struct vrrp_ip vrrp_ip_v6(const struct in6_addr *a) {
        struct vrrp_ip ip = { .family = AF_INET6 };

        memcpy(ip.b, a, sizeof *a);
        return ip;
}

struct in_addr vrrp_ip_in(const struct vrrp_ip *a) {
        struct in_addr in;

        memcpy(&in, a->b, sizeof in);
        return in;
}

struct in6_addr vrrp_ip_in6(const struct vrrp_ip *a) {
        struct in6_addr in;

        memcpy(&in, a->b, sizeof in);
        return in;
}

bool vrrp_ip_none(const struct vrrp_ip *a) {
        return a->family == AF_UNSPEC;
}

bool vrrp_ip_equal(const struct vrrp_ip *a, const struct vrrp_ip *b) {
        return a->family == b->family && memcmp(a->b, b->b, sizeof a->b) == 0;
}

int vrrp_ip_compare(const struct vrrp_ip *a, const struct vrrp_ip *b) {
        return memcmp(a->b, b->b, sizeof a->b);
}

size_t vrrp_ip_size(const struct vrrp_ip *a) {
        switch (a->family) {
        case AF_INET:
                return sizeof(struct in_addr);
        case AF_INET6:
                return sizeof(struct in6_addr);
        default:
                return 0;
        }
}

uint8_t vrrp_ip_bits(const struct vrrp_ip *a) {
        return (uint8_t)(8 * vrrp_ip_size(a));
}

bool vrrp_ip_link_local(const struct vrrp_ip *a) {
        return a->family == AF_INET6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool vrrp_ip_same_network(const struct vrrp_ip *a, const struct vrrp_ip *b, uint8_t prefix) {
        unsigned bytes = prefix / 8, rest = prefix % 8;

        if (a->family != b->family || prefix > vrrp_ip_bits(a) || memcmp(a->b, b->b, bytes) != 0)
                return false;
        return rest == 0 || (a->b[bytes] ^ b->b[bytes]) >> (8 - rest) == 0;
}

int vrrp_ip_parse(const char *text, struct vrrp_ip *ret) {
        struct vrrp_ip ip = { .family = AF_INET };

        if (inet_pton(AF_INET, text, ip.b) != 1) {
                ip = (struct vrrp_ip){ .family = AF_INET6 };
                if (inet_pton(AF_INET6, text, ip.b) != 1)
                        return -EINVAL;
        }
        *ret = ip;
        return 0;
}

struct vrrp_ip_text vrrp_ip_text(const struct vrrp_ip *a) {
        struct vrrp_ip_text t = { "" };

        if (!vrrp_ip_none(a))
                inet_ntop(a->family, a->b, t.v, sizeof t.v);
        return t;
}

socklen_t vrrp_ip_sockaddr(const struct vrrp_ip *a, uint16_t port, unsigned scope,
                           struct sockaddr_storage *ret) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

        memset(ret, 0, sizeof *ret);
        ret->ss_family = a->family;
        if (a->family == AF_INET) {
                in->sin_addr = vrrp_ip_in(a);
                in->sin_port = htons(port);
                return sizeof *in;
        }
        in6->sin6_addr = vrrp_ip_in6(a);
        in6->sin6_port = htons(port);
        in6->sin6_scope_id = vrrp_ip_link_local(a) ? scope : 0;
        return sizeof *in6;
}

struct vrrp_ip vrrp_ip_of_sockaddr(const struct sockaddr_storage *sa) {
        if (sa->ss_family == AF_INET)
                return vrrp_ip_v4(((const struct sockaddr_in *)sa)->sin_addr);
        if (sa->ss_family == AF_INET6)
                return vrrp_ip_v6(&((const struct sockaddr_in6 *)sa)->sin6_addr);
        return (struct vrrp_ip){ 0 };
}
