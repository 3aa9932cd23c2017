/* A message of the lease: its type, then its body. What decodes must encode to the same bytes. */
#include "vrrp/seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static uint8_t again[VRRP_SEAL_MAX];
        struct vrrp_lease_msg m;
        struct vrrp_list list;

        if (size < 1 ||
            !vrrp_lease_decode(data[0], UINT64_C(0x1111111111111111), data + 1, size - 1, &list, &m))
                return 0;
        if (m.list && (vrrp_list_check(m.list) < 0 || m.list->gen != m.gen))
                abort();
        if (vrrp_lease_encode(&m, again, sizeof again) != size - 1 || memcmp(again, data + 1, size - 1) != 0)
                abort();
        return 0;
}
