/* Addresses of both families and member ids, as they are read from YAML. */
#include "agent/config_fields.h"
#include "agent/decimal.h"
#include <errno.h>

enum { ID_DIGITS = 16 };

static bool is_host_v4(const struct vrrp_ip *ip) {
        return ip->b[0] != 0 && ip->b[0] != 127 && ip->b[0] < 224;
}

/* Not ::, ::1, the IPv4 addresses in IPv6 clothes beside them, nor multicast. */
static bool is_host_v6(const struct vrrp_ip *ip) {
        static const uint8_t zero[10];

        return ip->b[0] != 0xff && memcmp(ip->b, zero, sizeof zero) != 0;
}

static bool is_host(const struct vrrp_ip *ip) {
        return ip->family == AF_INET ? is_host_v4(ip) : is_host_v6(ip);
}

/* All bits after the prefix are `bit`. */
static bool host_bits_are(const struct vip_address *a, unsigned bit) {
        for (unsigned i = a->prefix; i < vrrp_ip_bits(&a->ip); i++)
                if ((a->ip.b[i / 8] >> (7 - i % 8) & 1U) != bit)
                        return false;
        return true;
}

static const char *address_problem(const struct vip_address *a) {
        if (!is_host(&a->ip))
                return "is a loopback, multicast or reserved address";
        if (a->ip.family == AF_INET && (a->prefix < 8 || a->prefix > 30))
                return "must have the prefix of its network, 8 to 30";
        if (a->ip.family == AF_INET6 && (a->prefix < 8 || a->prefix > 126))
                return "must have the prefix of its network, 8 to 126";
        if (host_bits_are(a, 0))
                return "is the address of the network itself, not of a host";
        if (a->ip.family == AF_INET && host_bits_are(a, 1))
                return "is the network's broadcast address";
        return NULL;
}

/* "172.18.0.192/22", "fd00::9/64" */
static bool parse_address(const char *text, struct vip_address *ret) {
        const char *slash = strchr(text, '/');
        char address[INET6_ADDRSTRLEN];
        uint64_t prefix;

        if (!slash || (size_t)(slash - text) >= sizeof address)
                return false;
        memcpy(address, text, (size_t)(slash - text));
        address[slash - text] = '\0';
        if (vrrp_ip_parse(address, &ret->ip) < 0 ||
            !decimal_parse(slash + 1, 0, vrrp_ip_bits(&ret->ip), &prefix))
                return false;
        ret->prefix = (uint8_t)prefix;
        return true;
}

static int read_address(struct config_reader *r, const struct ynode *n, struct vip_address *ret) {
        const char *problem;
        int k = config_want_string(r, n);

        if (k < 0)
                return k;
        if (!parse_address(n->value, ret))
                return config_bad_value(r, n,
                                        "must be ADDRESS/PREFIX, such as 172.18.0.192/22 or fd00::c0/64");
        problem = address_problem(ret);
        return problem ? config_bad_value(r, n, problem) : 0;
}

int config_read_addresses(struct config_reader *r, const struct field *f, const struct ynode *n,
                          void *target) {
        const struct ynode *const alone[] = { n };
        const struct ynode *const *items =
                n->kind == YNODE_LIST ? (const struct ynode *const *)n->items : alone;
        size_t count = n->kind == YNODE_LIST ? n->n : 1;
        struct any_list *list = target;
        struct vip_address *v;
        int k;

        config_done_addresses(f, target);
        if (count == 0 || count > CONFIG_MAX_ADDRESSES)
                return config_fail(r, n, "must be one address or a list of up to %d", CONFIG_MAX_ADDRESSES);
        if (!(v = calloc(count, sizeof *v)))
                return config_no_memory(r);
        *list = (struct any_list){ (char *)v, count };
        for (size_t i = 0; i < count; i++)
                if ((k = read_address(r, items[i], &v[i])) < 0)
                        return k;
        return 0;
}

void config_done_addresses(const struct field *f, void *target) {
        struct any_list *list = target;

        (void)f;
        free(list->items);
        *list = (struct any_list){ 0 };
}

int config_read_ip(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        int k = config_want_string(r, n);

        (void)f;
        if (k < 0)
                return k;
        if (vrrp_ip_parse(n->value, target) < 0 || !is_host(target))
                return config_bad_value(r, n, "must be the IPv4 or IPv6 address of a host");
        return 0;
}

/* Digits alone are a number to YAML, and e among them makes it a fraction: any scalar will do. */
int config_read_id(struct config_reader *r, const struct field *f, const struct ynode *n, void *target) {
        uint64_t *id = target;

        (void)f;
        if (n->kind != YNODE_SCALAR)
                return config_fail(r, n, "must be 16 hexadecimal digits, not %s", ynode_describe(n));
        if (strlen(n->value) == ID_DIGITS && strspn(n->value, "0123456789abcdef") == ID_DIGITS)
                *id = strtoull(n->value, NULL, 16);
        if (*id == 0 || *id == UINT64_MAX)
                return config_bad_value(r, n,
                                        "must be 16 hexadecimal digits in lower case, not all 0 nor all f");
        return 0;
}
