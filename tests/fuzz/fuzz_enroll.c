/* What a peer may send: an enrolment message, and a bundle. What decodes must encode to what decodes to
 * the same. */
#include "agent/enroll_proto.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const uint8_t *data, size_t size) {
        struct enroll_message m, again;
        char *text, *second;
        size_t n, k;

        if (enroll_decode(data, size, &m) < 0)
                return;
        if (enroll_encode(&m, &text, &n) < 0 || enroll_decode(text, n, &again) < 0 ||
            enroll_encode(&again, &second, &k) < 0 || n != k || memcmp(text, second, n) != 0)
                abort();
        free(text);
        free(second);
        enroll_message_done(&m);
        enroll_message_done(&again);
}

static void check_bundle(const uint8_t *data, size_t size) {
        struct enroll_bundle b, again;
        char *text, *second;
        size_t n, k;
        int r;

        if (enroll_bundle_decode(data, size, &b) < 0)
                return;
        r = enroll_bundle_encode(&b, &text, &n);
        enroll_bundle_done(&b);
        if (r == -EMSGSIZE) /* a bundle's bound is lower than a message's */
                return;
        if (r < 0 || enroll_bundle_decode(text, n, &again) < 0 ||
            enroll_bundle_encode(&again, &second, &k) < 0 || n != k || memcmp(text, second, n) != 0)
                abort();
        free(text);
        free(second);
        enroll_bundle_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size > ENROLL_FRAME_MAX)
                return 0;
        check_message(data, size);
        check_bundle(data, size);
        return 0;
}
