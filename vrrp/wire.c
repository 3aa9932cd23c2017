#include "vrrp/wire.h"

#include <string.h>

enum { TYPE_ADVERTISEMENT = 1, IPV4_HEADER = 20, PDU_HEADER = 8 };

/* Every read checks the bound; after one that failed all further ones give 0 and `bad` stays. */
struct cursor {
        const uint8_t *p;
        size_t left;
        bool bad;
};

static const uint8_t *take(struct cursor *c, size_t n) {
        const uint8_t *p = c->p;

        if (c->bad || c->left < n) {
                c->bad = true;
                return NULL;
        }
        c->p += n;
        c->left -= n;
        return p;
}

static uint8_t take_u8(struct cursor *c) {
        const uint8_t *p = take(c, 1);

        return p ? *p : 0;
}

static uint16_t take_u16(struct cursor *c) {
        const uint8_t *p = take(c, 2);

        if (!p)
                return 0;
        return (uint16_t)(p[0] << 8 | p[1]);
}

static struct in_addr take_address(struct cursor *c) {
        const uint8_t *p = take(c, 4);
        struct in_addr a = { 0 };

        if (p)
                memcpy(&a, p, sizeof a);
        return a;
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

static uint32_t pseudo_header(struct in_addr src, struct in_addr dst, size_t length) {
        uint8_t words[8];

        memcpy(words, &src, 4);
        memcpy(words + 4, &dst, 4);
        return sum_words(words, sizeof words, VRRP_PROTOCOL + (uint32_t)length);
}

static bool checksum_matches(const uint8_t *msg, size_t size, struct vrrp_received *ret) {
        uint32_t sum = sum_words(msg, size, 0);

        if (fold(sum) == 0xffff) {
                ret->sum = VRRP_SUM_MESSAGE;
                return true;
        }
        ret->sum = VRRP_SUM_PSEUDO_HEADER;
        return fold(sum + pseudo_header(ret->src, ret->dst, size)) == 0xffff;
}

/* Leaves *c at the payload. The total length counts, not what was received: Ethernet pads. */
static enum vrrp_reject decode_ip(struct cursor *c, struct vrrp_received *ret) {
        const uint8_t *header = c->p;
        size_t size = c->left, header_len, total;
        uint8_t first = take_u8(c), ttl, protocol;

        take(c, 1);
        total = take_u16(c);
        take(c, 4);
        ttl = take_u8(c);
        protocol = take_u8(c);
        take(c, 2);
        ret->src = take_address(c);
        ret->dst = take_address(c);
        header_len = 4 * (size_t)(first & 15);
        if (c->bad || first >> 4 != 4 || header_len < IPV4_HEADER || total < header_len || total > size ||
            protocol != VRRP_PROTOCOL)
                return VRRP_REJECT_LENGTH;
        *c = (struct cursor){ .p = header + header_len, .left = total - header_len };
        return ttl == VRRP_TTL ? VRRP_ACCEPT : VRRP_REJECT_TTL;
}

static enum vrrp_reject decode_pdu(struct cursor *c, uint8_t vrid, struct vrrp_received *ret) {
        const uint8_t *msg = c->p;
        size_t size = c->left;
        uint8_t first = take_u8(c);
        struct vrrp_pdu *pdu = &ret->pdu;

        pdu->vrid = ret->vrid = take_u8(c);
        pdu->priority = take_u8(c);
        pdu->n_addresses = take_u8(c);
        pdu->interval_cs = take_u16(c) & 0x0fff; /* the reserved nibble is ignored */
        take(c, 2);
        if (c->bad)
                return VRRP_REJECT_LENGTH;
        if (pdu->vrid != vrid)
                return VRRP_REJECT_VRID;
        if (first >> 4 != 3)
                return VRRP_REJECT_VERSION;
        if ((first & 15) != TYPE_ADVERTISEMENT)
                return VRRP_REJECT_TYPE;
        for (size_t i = 0; i < pdu->n_addresses; i++)
                pdu->addresses[i] = take_address(c);
        if (c->bad || c->left > 0)
                return VRRP_REJECT_LENGTH;
        if (!checksum_matches(msg, size, ret))
                return VRRP_REJECT_CHECKSUM;
        if (pdu->n_addresses == 0)
                return VRRP_REJECT_COUNT;
        return pdu->interval_cs == 0 ? VRRP_REJECT_INTERVAL : VRRP_ACCEPT;
}

enum vrrp_reject vrrp_wire_decode(const uint8_t *packet, size_t size, uint8_t vrid,
                                  struct vrrp_received *ret) {
        struct cursor c = { .p = packet, .left = size };
        enum vrrp_reject r;

        *ret = (struct vrrp_received){ 0 };
        if ((r = decode_ip(&c, ret)) != VRRP_ACCEPT)
                return r;
        return decode_pdu(&c, vrid, ret);
}

size_t vrrp_wire_encode(const struct vrrp_pdu *pdu, struct in_addr src, struct in_addr dst, enum vrrp_sum sum,
                        uint8_t *buf, size_t size) {
        size_t length = PDU_HEADER + 4 * (size_t)pdu->n_addresses;
        uint16_t checksum;

        if (size < length || pdu->n_addresses == 0 || pdu->interval_cs == 0 || pdu->interval_cs > 4095)
                return 0;
        buf[0] = 3 << 4 | TYPE_ADVERTISEMENT;
        buf[1] = pdu->vrid;
        buf[2] = pdu->priority;
        buf[3] = pdu->n_addresses;
        buf[4] = (uint8_t)(pdu->interval_cs >> 8);
        buf[5] = (uint8_t)pdu->interval_cs;
        buf[6] = buf[7] = 0;
        memcpy(buf + PDU_HEADER, pdu->addresses, length - PDU_HEADER);
        checksum = (uint16_t)~fold(
                sum_words(buf, length, sum == VRRP_SUM_PSEUDO_HEADER ? pseudo_header(src, dst, length) : 0));
        buf[6] = (uint8_t)(checksum >> 8);
        buf[7] = (uint8_t)checksum;
        return length;
}

static size_t count_of(const struct in_addr *list, size_t n, struct in_addr a) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                count += list[i].s_addr == a.s_addr;
        return count;
}

bool vrrp_wire_same_addresses(const struct vrrp_pdu *pdu, const struct in_addr *list, size_t n) {
        if (pdu->n_addresses != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (count_of(pdu->addresses, n, list[i]) != count_of(list, n, list[i]))
                        return false;
        return true;
}

const char *vrrp_reject_text(enum vrrp_reject r) {
        static const char *const texts[VRRP_N_REJECTS] = {
                [VRRP_ACCEPT] = "accepted",
                [VRRP_REJECT_LENGTH] = "length does not fit",
                [VRRP_REJECT_TTL] = "TTL is not 255",
                [VRRP_REJECT_VRID] = "other virtual router",
                [VRRP_REJECT_VERSION] = "version is not 3",
                [VRRP_REJECT_TYPE] = "type is not ADVERTISEMENT",
                [VRRP_REJECT_CHECKSUM] = "checksum is wrong",
                [VRRP_REJECT_COUNT] = "carries no address",
                [VRRP_REJECT_INTERVAL] = "advertisement interval is 0",
        };

        return texts[r];
}
