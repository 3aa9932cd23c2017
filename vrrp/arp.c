#include "vrrp/arp.h"

#include <net/ethernet.h>
#include <string.h>

/* Offsets in the frame: Ethernet, then ARP with addresses of 6 and 4 bytes. */
enum { TYPE = 12, ARP = 14, OPERATION = 20, SENDER_MAC = 22, SENDER = 28, TARGET_MAC = 32, TARGET = 38 };

/* Ethernet, IPv4, lengths 6 and 4: what stands before the operation. */
static const uint8_t arp_head[] = { 0, 1, 8, 0, 6, 4 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void vrrp_arp_build(const struct vrrp_arp *a, uint8_t frame[VRRP_ARP_FRAME]) {
        memcpy(frame, broadcast, 6);
        memcpy(frame + 6, a->sender_mac, 6);
        frame[TYPE] = ETHERTYPE_ARP >> 8;
        frame[TYPE + 1] = ETHERTYPE_ARP & 0xff;
        memcpy(frame + ARP, arp_head, sizeof arp_head);
        frame[OPERATION] = 0;
        frame[OPERATION + 1] = 1;
        memcpy(frame + SENDER_MAC, a->sender_mac, 6);
        memcpy(frame + SENDER, &a->sender, 4);
        memcpy(frame + TARGET_MAC, a->target_mac, 6);
        memcpy(frame + TARGET, &a->target, 4);
}

bool vrrp_arp_parse(const uint8_t *frame, size_t size, struct vrrp_arp *ret) {
        if (size < VRRP_ARP_FRAME || frame[TYPE] != ETHERTYPE_ARP >> 8 ||
            frame[TYPE + 1] != (ETHERTYPE_ARP & 0xff) || memcmp(frame + ARP, arp_head, sizeof arp_head) != 0)
                return false;
        if (frame[OPERATION] != 0 || frame[OPERATION + 1] < 1 || frame[OPERATION + 1] > 2)
                return false;
        memcpy(ret->sender_mac, frame + SENDER_MAC, 6);
        memcpy(&ret->sender, frame + SENDER, 4);
        memcpy(ret->target_mac, frame + TARGET_MAC, 6);
        memcpy(&ret->target, frame + TARGET, 4);
        return true;
}
