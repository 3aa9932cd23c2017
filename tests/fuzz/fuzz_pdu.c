/* Any packet: decoding reads only what is there, and what it accepts is encoded to the same bytes again
 * (but for the reserved nibble, which is sent as 0). */
#include "vrrp/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct vrrp_received *got, const uint8_t *message, size_t size) {
        static uint8_t packet[VRRP_PACKET_MAX];
        static struct vrrp_received back;
        uint8_t header[20] = { 0x45, 0xc0, 0, 0, 0, 0, 0, 0, VRRP_TTL, VRRP_PROTOCOL };
        size_t n = vrrp_wire_encode(&got->pdu, got->src, got->dst, got->sum, packet + 20, sizeof packet - 20);

        if (n == 0 || n > size)
                abort();
        if ((message[4] & 0xf0) == 0 && memcmp(message, packet + 20, 6))
                abort();
        header[2] = (uint8_t)((n + 20) >> 8);
        header[3] = (uint8_t)(n + 20);
        memcpy(header + 12, &got->src, 4);
        memcpy(header + 16, &got->dst, 4);
        memcpy(packet, header, 20);
        if (vrrp_wire_decode(packet, n + 20, got->pdu.vrid, &back) != VRRP_ACCEPT ||
            memcmp(back.pdu.addresses, got->pdu.addresses, n - 8) ||
            back.pdu.interval_cs != got->pdu.interval_cs || back.pdu.priority != got->pdu.priority)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct vrrp_received got;
        uint8_t *exact = malloc(size ? size : 1); /* so that a read beyond the end is seen */
        size_t header = size ? 4 * (size_t)(data[0] & 15) : 0;
        uint8_t vrid = size > header + 1 ? data[header + 1] : 1;

        if (!exact)
                return 0;
        memcpy(exact, data, size);
        if (vrrp_wire_decode(exact, size, vrid, &got) == VRRP_ACCEPT)
                again(&got, exact + header, size - header);
        free(exact);
        return 0;
}
