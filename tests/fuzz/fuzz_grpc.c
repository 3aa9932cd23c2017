/* What a server may send: frames cut out of a stream of bytes, and the messages in them. */
#include "agent/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct pb_in in, unsigned depth) {
        struct pb_value v;
        const uint8_t *before = in.at;

        while (pb_next(&in, &v) > 0) {
                CLEANUP(freep) char *text = NULL;
                CLEANUP(freep) char *key = NULL;
                CLEANUP(freep) char *value = NULL;

                if (in.at <= before || (v.is_data && (v.data < before || v.data + v.size > in.end)))
                        abort();
                before = in.at;
                (void)pb_copy_text(&v, &text);
                (void)pb_copy_entry(&v, &key, &value);
                if (v.is_data && depth < 8)
                        walk(pb_within(&v), depth + 1);
        }
}

static int on_message(void *userdata, const uint8_t *data, size_t size) {
        char text[64];

        *(size_t *)userdata += size;
        walk(pb_in(data, size), 0);
        grpc_unescape((const char *)data, size, text, sizeof text);
        if (strlen(text) >= sizeof text)
                abort();
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct grpc_frames f = { 0 };
        size_t heard = 0, step = size ? 1 + data[0] % 7 : 1;

        for (size_t at = 0; at < size; at += step)
                if (grpc_frames_feed(&f, data + at, size - at < step ? size - at : step, on_message, &heard) <
                    0)
                        break;
        if (heard > size)
                abort();
        grpc_frames_done(&f);
        return 0;
}
