/* Any frame as a neighbour advertisement: nothing is read beyond it, and what is understood is built and
 * understood again. */
#include "vrrp/nd.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t *exact = malloc(size ? size : 1), frame[VRRP_ND_FRAME];
        struct vrrp_nd nd, back;

        if (!exact)
                return 0;
        memcpy(exact, data, size);
        if (vrrp_nd_parse(exact, size, &nd)) {
                vrrp_nd_build(&nd, frame);
                nd.solicited = false;
                if (!vrrp_nd_parse(frame, sizeof frame, &back) || memcmp(&nd, &back, sizeof nd))
                        abort();
        }
        free(exact);
        return 0;
}
