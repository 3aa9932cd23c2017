/* Any packet of either family and version: decoding reads only what is there, and what it accepts is encoded
 * to the same bytes again (but for the reserved nibble and the authentication data, which are sent as 0).
 *
 * Input: a byte 4 and an IPv4 packet as its raw socket gives it, or a byte 6, source, destination, hop
 * limit and a message as the IPv6 one does. */
#include "tests/fuzz/exact.h"
#include "vrrp/wire.h"

/* As far as it can differ: bits that are ignored when received. */
static bool same_but_ignored(const uint8_t *got, const uint8_t *sent, size_t size,
                             const struct vrrp_pdu *pdu) {
        size_t end = pdu->version == 2 ? size - 8 : size;

        if (pdu->version == 3 && got[4] >> 4 != 0)
                return true; /* then the checksum differs too */
        if (pdu->version == 2 && memcmp(got + end, sent + end, 8) != 0)
                return memcmp(got, sent, 6) == 0 && memcmp(got + 8, sent + 8, end - 8) == 0;
        return memcmp(got, sent, 6) == 0 && memcmp(got + 8, sent + 8, size - 8) == 0;
}

static void again(const struct vrrp_received *got, const struct vrrp_packet *p,
                  const struct vrrp_wire_config *own) {
        static uint8_t buf[VRRP_PDU_MAX];
        static struct vrrp_received back;
        size_t n = vrrp_wire_encode(&got->pdu, &got->src, &got->dst, got->sum, buf, sizeof buf);
        struct vrrp_packet q = { got->src, got->dst, VRRP_HOPS, buf, n };

        if (n != p->size || !same_but_ignored(p->msg, buf, n, &got->pdu))
                abort();
        if (vrrp_wire_decode(&q, own, &back) != VRRP_ACCEPT ||
            !vrrp_wire_same_addresses(&back.pdu, got->pdu.addresses, got->pdu.n_addresses) ||
            memcmp(&back.pdu, &got->pdu, offsetof(struct vrrp_pdu, addresses)) != 0)
                abort();
}

/* The receiver is set to what the message says, so that the last checks are reached too. */
static void try_both(const struct vrrp_packet *p) {
        static struct vrrp_received got;
        struct vrrp_wire_config own = { .version = p->size && p->msg[0] >> 4 == 2 ? 2 : 3,
                                        .vrid = vrrp_wire_vrid(p) };

        if (p->size > 5)
                own.interval_us = p->msg[5] * 1000000u;
        if (vrrp_wire_decode(p, &own, &got) == VRRP_ACCEPT)
                again(&got, p, &own);
        own.addresses = got.pdu.addresses;
        own.n_addresses = got.pdu.n_addresses;
        if (vrrp_wire_decode(p, &own, &got) == VRRP_ACCEPT)
                again(&got, p, &own);
}

static struct vrrp_ip ipv6_at(const uint8_t *p) {
        struct vrrp_ip a = { .family = AF_INET6 };

        memcpy(a.b, p, 16);
        return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct vrrp_packet p;
        uint8_t *exact;

        if (size == 0 || !(exact = exact_copy(data + 1, size - 1)))
                return 0;
        if (data[0] == 4 && vrrp_wire_ipv4(exact, size - 1, &p) == VRRP_ACCEPT)
                try_both(&p);
        if (data[0] == 6 && size >= 34) {
                p = (struct vrrp_packet){ ipv6_at(exact), ipv6_at(exact + 16), exact[32], exact + 33,
                                          size - 34 };
                try_both(&p);
        }
        free(exact);
        return 0;
}
