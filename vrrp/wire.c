#include "vrrp/wire.h"
#include "vrrp/bytes.h"

enum {
        TYPE_ADVERTISEMENT = 1,
        IPV4_HEADER = 20,
        PDU_HEADER = 8,
        V2_AUTH_DATA = 8, /* after the addresses, zero, and part of the checksum */
        V2_UNIT_US = 1000000,
        V3_UNIT_US = 10000,
        V3_UNITS_MAX = 4095,
};

static struct vrrp_ip take_address(struct vrrp_reader *c, uint8_t family) {
        struct vrrp_ip a = { .family = family };

        vrrp_read_bytes(c, a.b, vrrp_ip_size(&a));
        return a;
}

struct vrrp_ip vrrp_group(uint8_t family) {
        static const struct vrrp_ip ipv4 = { AF_INET, { 224, 0, 0, 18 } };
        static const struct vrrp_ip ipv6 = { AF_INET6, { 0xff, 2, [15] = 0x12 } };

        return family == AF_INET6 ? ipv6 : ipv4;
}

static uint32_t sum_words(const uint8_t *p, size_t size, uint32_t sum) {
        for (; size > 1; p += 2, size -= 2)
                sum += (uint32_t)(p[0] << 8 | p[1]);
        return size ? sum + (uint32_t)(*p << 8) : sum;
}

static uint16_t fold(uint32_t sum) {
        while (sum > 0xffff)
                sum = (sum >> 16) + (sum & 0xffff);
        return (uint16_t)sum;
}

static uint32_t pseudo_header(const struct vrrp_ip *src, const struct vrrp_ip *dst, size_t length) {
        uint32_t sum = sum_words(src->b, vrrp_ip_size(src), VRRP_PROTOCOL + (uint32_t)length);

        return sum_words(dst->b, vrrp_ip_size(dst), sum);
}

static bool checksum_matches(const struct vrrp_packet *p, uint8_t version, enum vrrp_sum *ret) {
        uint32_t sum = sum_words(p->msg, p->size, 0);

        *ret = VRRP_SUM_MESSAGE;
        if (p->src.family == AF_INET && fold(sum) == 0xffff)
                return true;
        *ret = VRRP_SUM_PSEUDO_HEADER;
        return version > 2 && fold(sum + pseudo_header(&p->src, &p->dst, p->size)) == 0xffff;
}

enum vrrp_reject vrrp_wire_ipv4(const uint8_t *packet, size_t size, struct vrrp_packet *ret) {
        struct vrrp_reader c = { .p = packet, .left = size };
        size_t header_len, total;
        uint8_t first = vrrp_read_u8(&c), protocol;

        vrrp_read(&c, 1);
        total = vrrp_read_u16(&c);
        vrrp_read(&c, 4);
        *ret = (struct vrrp_packet){ .hops = vrrp_read_u8(&c) };
        protocol = vrrp_read_u8(&c);
        vrrp_read(&c, 2);
        ret->src = take_address(&c, AF_INET);
        ret->dst = take_address(&c, AF_INET);
        header_len = 4 * (size_t)(first & 15);
        if (c.bad || first >> 4 != 4 || header_len < IPV4_HEADER || total < header_len || total > size ||
            protocol != VRRP_PROTOCOL)
                return VRRP_REJECT_LENGTH;
        ret->msg = packet + header_len;
        ret->size = total - header_len; /* not what was received: Ethernet pads */
        return VRRP_ACCEPT;
}

uint8_t vrrp_wire_vrid(const struct vrrp_packet *p) {
        return p->size > 1 ? p->msg[1] : 0;
}

/* What stands before the addresses; interval_us comes from the interval field of the version. */
static uint8_t take_header(struct vrrp_reader *c, struct vrrp_pdu *pdu, uint8_t *ret_auth) {
        uint8_t first = vrrp_read_u8(c);
        uint16_t field;

        pdu->version = first >> 4;
        pdu->vrid = vrrp_read_u8(c);
        pdu->priority = vrrp_read_u8(c);
        pdu->n_addresses = vrrp_read_u8(c);
        field = vrrp_read_u16(c);
        *ret_auth = (uint8_t)(field >> 8);
        pdu->interval_us = pdu->version == 2 ? (uint32_t)(field & 0xff) * V2_UNIT_US
                                             : (uint32_t)(field & 0x0fff) * V3_UNIT_US;
        vrrp_read(c, 2);
        return first & 15;
}

static enum vrrp_reject check_form(struct vrrp_reader *c, const struct vrrp_packet *p, uint8_t auth,
                                   struct vrrp_received *ret) {
        struct vrrp_pdu *pdu = &ret->pdu;

        for (size_t i = 0; i < pdu->n_addresses; i++)
                pdu->addresses[i] = take_address(c, pdu->family);
        if (pdu->version == 2)
                vrrp_read(c, V2_AUTH_DATA);
        if (c->bad || c->left > 0)
                return VRRP_REJECT_LENGTH;
        if (!checksum_matches(p, pdu->version, &ret->sum))
                return VRRP_REJECT_CHECKSUM;
        if (pdu->version == 2 && auth != 0)
                return VRRP_REJECT_AUTH;
        if (pdu->version > 2 && pdu->n_addresses == 0)
                return VRRP_REJECT_COUNT;
        if (pdu->interval_us == 0)
                return VRRP_REJECT_INTERVAL;
        return VRRP_ACCEPT;
}

static enum vrrp_reject check_v3(const struct vrrp_pdu *pdu, const struct vrrp_wire_config *own) {
        if (pdu->family == AF_INET6 && !own->sealed && !vrrp_ip_link_local(&pdu->addresses[0]))
                return VRRP_REJECT_LINK_LOCAL;
        return VRRP_ACCEPT;
}

static enum vrrp_reject check_v2(const struct vrrp_pdu *pdu, const struct vrrp_wire_config *own) {
        if (pdu->interval_us != own->interval_us)
                return VRRP_REJECT_OTHER_INTERVAL;
        if (pdu->priority < 255 && !vrrp_wire_same_addresses(pdu, own->addresses, own->n_addresses))
                return VRRP_REJECT_ADDRESSES;
        return VRRP_ACCEPT;
}

enum vrrp_reject vrrp_wire_decode(const struct vrrp_packet *p, const struct vrrp_wire_config *own,
                                  struct vrrp_received *ret) {
        struct vrrp_reader c = { .p = p->msg, .left = p->size };
        struct vrrp_pdu *pdu = &ret->pdu;
        enum vrrp_reject r;
        uint8_t type, auth;

        ret->src = p->src;
        ret->dst = p->dst;
        ret->sum = VRRP_SUM_PSEUDO_HEADER;
        pdu->family = p->src.family;
        type = take_header(&c, pdu, &auth);
        if (p->hops != VRRP_HOPS)
                return VRRP_REJECT_HOPS;
        if (c.bad)
                return VRRP_REJECT_LENGTH;
        if (pdu->vrid != own->vrid)
                return VRRP_REJECT_VRID;
        if (pdu->version != own->version || (pdu->version == 2 && pdu->family != AF_INET))
                return VRRP_REJECT_VERSION;
        if (type != TYPE_ADVERTISEMENT)
                return VRRP_REJECT_TYPE;
        if ((r = check_form(&c, p, auth, ret)) != VRRP_ACCEPT)
                return r;
        return pdu->version == 2 ? check_v2(pdu, own) : check_v3(pdu, own);
}

/* The interval field with the authentication type of version 2 before it; 0: cannot be expressed. */
static uint16_t interval_field(const struct vrrp_pdu *pdu) {
        uint32_t unit = pdu->version == 2 ? V2_UNIT_US : V3_UNIT_US;
        uint32_t max = pdu->version == 2 ? UINT8_MAX : V3_UNITS_MAX;

        if (pdu->interval_us % unit != 0 || pdu->interval_us / unit > max)
                return 0;
        return (uint16_t)(pdu->interval_us / unit);
}

static bool expressible(const struct vrrp_pdu *pdu, const struct vrrp_ip *src, const struct vrrp_ip *dst) {
        if (interval_field(pdu) == 0 || src->family != pdu->family || dst->family != pdu->family)
                return false;
        for (size_t i = 0; i < pdu->n_addresses; i++)
                if (pdu->addresses[i].family != pdu->family)
                        return false;
        if (pdu->version == 2)
                return pdu->family == AF_INET;
        return pdu->version == 3 && pdu->n_addresses > 0;
}

static void put_u16(uint8_t *p, uint16_t v) {
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

size_t vrrp_wire_encode(const struct vrrp_pdu *pdu, const struct vrrp_ip *src, const struct vrrp_ip *dst,
                        enum vrrp_sum sum, uint8_t *buf, size_t size) {
        size_t each = vrrp_ip_size(src), addresses_end = PDU_HEADER + each * pdu->n_addresses;
        size_t length = addresses_end + (pdu->version == 2 ? V2_AUTH_DATA : 0);
        uint32_t start = 0;

        if (size < length || !expressible(pdu, src, dst))
                return 0;
        buf[0] = (uint8_t)(pdu->version << 4 | TYPE_ADVERTISEMENT);
        buf[1] = pdu->vrid;
        buf[2] = pdu->priority;
        buf[3] = pdu->n_addresses;
        put_u16(buf + 4, interval_field(pdu));
        put_u16(buf + 6, 0);
        for (size_t i = 0; i < pdu->n_addresses; i++)
                memcpy(buf + PDU_HEADER + each * i, pdu->addresses[i].b, each);
        memset(buf + addresses_end, 0, length - addresses_end);
        if (pdu->family == AF_INET6 || (pdu->version == 3 && sum == VRRP_SUM_PSEUDO_HEADER))
                start = pseudo_header(src, dst, length);
        put_u16(buf + 6, (uint16_t)~fold(sum_words(buf, length, start)));
        return length;
}

static size_t count_of(const struct vrrp_ip *list, size_t n, const struct vrrp_ip *a) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                count += vrrp_ip_equal(&list[i], a);
        return count;
}

bool vrrp_wire_same_addresses(const struct vrrp_pdu *pdu, const struct vrrp_ip *list, size_t n) {
        if (pdu->n_addresses != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (count_of(pdu->addresses, n, &list[i]) != count_of(list, n, &list[i]))
                        return false;
        return true;
}

const char *vrrp_reject_text(enum vrrp_reject r) {
        static const char *const texts[VRRP_N_REJECTS] = {
                [VRRP_ACCEPT] = "accepted",
                [VRRP_REJECT_LENGTH] = "length does not fit",
                [VRRP_REJECT_HOPS] = "TTL or hop limit is not 255",
                [VRRP_REJECT_VRID] = "other virtual router",
                [VRRP_REJECT_VERSION] = "version is not ours",
                [VRRP_REJECT_TYPE] = "type is not ADVERTISEMENT",
                [VRRP_REJECT_CHECKSUM] = "checksum is wrong",
                [VRRP_REJECT_AUTH] = "authentication type is not 0",
                [VRRP_REJECT_COUNT] = "carries no address",
                [VRRP_REJECT_INTERVAL] = "advertisement interval is 0",
                [VRRP_REJECT_LINK_LOCAL] = "first address is not link-local",
                [VRRP_REJECT_OTHER_INTERVAL] = "advertisement interval is not ours",
                [VRRP_REJECT_ADDRESSES] = "address list is not ours",
        };

        return texts[r];
}
