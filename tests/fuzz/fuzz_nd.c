/* Any frame as a neighbour advertisement: nothing is read beyond it, and what is understood is built and
 * understood again. */
#include "tests/fuzz/exact.h"
#include "vrrp/nd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *exact = exact_copy(data, size), frame[VRRP_ND_FRAME];
        struct vrrp_nd nd, back;

        if (!exact)
                return 0;
        if (vrrp_nd_parse(exact, size, &nd)) {
                vrrp_nd_build(&nd, frame);
                nd.solicited = false;
                if (!vrrp_nd_parse(frame, sizeof frame, &back) || memcmp(&nd, &back, sizeof nd))
                        abort();
        }
        free(exact);
        return 0;
}
