/* Any frame as ARP: nothing is read beyond it, and an accepted one is built to the same addresses again. */
#include "tests/fuzz/exact.h"
#include "vrrp/arp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *exact = exact_copy(data, size), frame[VRRP_ARP_FRAME];
        struct vrrp_arp a, back;

        if (!exact)
                return 0;
        if (vrrp_arp_parse(exact, size, &a)) {
                vrrp_arp_build(&a, frame);
                if (!vrrp_arp_parse(frame, sizeof frame, &back) || memcmp(&a, &back, sizeof a))
                        abort();
        }
        free(exact);
        return 0;
}
