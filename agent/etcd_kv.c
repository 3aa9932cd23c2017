#include "agent/etcd_kv.h"
#include "agent/etcd_call.h"
#include "agent/etcd_reply.h"
#include "agent/jread.h"
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

static const char range_call[] = "kv/range", txn_call[] = "kv/txn", delete_call[] = "kv/deleterange";

void etcd_value_done(struct etcd_value *v) {
        if (v->data)
                OPENSSL_cleanse(v->data, v->size);
        free(v->data);
        *v = (struct etcd_value){ 0 };
}

/* The gateway carries bytes as base64. NULL: no memory. */
static char *base64(const void *data, size_t size) {
        char *text = malloc(4 * ((size + 2) / 3) + 1);

        if (text)
                EVP_EncodeBlock((unsigned char *)text, data, (int)size);
        return text;
}

static int from_base64(const char *text, struct etcd_value *ret) {
        size_t n = strlen(text), padding = 0;
        unsigned char *data;

        if (n % 4 || n > 4 * (size_t)ETCD_VALUE_MAX / 3)
                return -EBADMSG;
        while (padding < n && padding < 2 && text[n - 1 - padding] == '=')
                padding++;
        if (!(data = malloc(n / 4 * 3 + 1)))
                return -ENOMEM;
        if (EVP_DecodeBlock(data, (const unsigned char *)text, (int)n) != (int)(n / 4 * 3)) { /* blanks */
                free(data);
                return -EBADMSG;
        }
        ret->size = n / 4 * 3 - padding;
        data[ret->size] = '\0';
        ret->data = (char *)data;
        return 0;
}

static int malformed(const char *call, struct error *e) {
        error_set(e, EXIT_FAILED, "etcd %s: not a reply of etcd", call);
        return -EBADMSG;
}

int etcd_kv_parse_range(const char *body, size_t size, struct etcd_value *ret, struct error *e) {
        CLEANUP(jread_decref) json_t *o = NULL;
        struct etcd_value v = { 0 };
        const json_t *kvs, *kv, *value;
        int r;

        if ((r = etcd_reply_open(range_call, body, size, &o, e)) < 0)
                return r;
        if (etcd_reply_u64(json_object_get(json_object_get(o, "header"), "revision"), &v.at) < 0)
                return malformed(range_call, e);
        kvs = json_object_get(o, "kvs");
        if (!kvs || (json_is_array(kvs) && json_array_size(kvs) == 0)) {
                *ret = v;
                return 0;
        }
        kv = json_array_get(kvs, 0);
        value = json_object_get(kv, "value"); /* an empty value does not come at all */
        if (etcd_reply_u64(json_object_get(kv, "mod_revision"), &v.revision) < 0 || v.revision == 0 ||
            (value && !json_is_string(value)))
                return malformed(range_call, e);
        if ((r = from_base64(value ? json_string_value(value) : "", &v)) < 0)
                return r == -ENOMEM ? r : malformed(range_call, e);
        *ret = v;
        return 0;
}

int etcd_kv_parse_txn(const char *body, size_t size, bool *ret_done, struct error *e) {
        CLEANUP(jread_decref) json_t *o = NULL;
        const json_t *succeeded;
        int r;

        if ((r = etcd_reply_open(txn_call, body, size, &o, e)) < 0)
                return r;
        succeeded = json_object_get(o, "succeeded"); /* false does not come at all */
        if (!json_is_object(json_object_get(o, "header")) || (succeeded && !json_is_boolean(succeeded)))
                return malformed(txn_call, e);
        *ret_done = json_is_true(succeeded);
        return 0;
}

static int call(const struct etcd_client *c, const char *name, json_t *request, char **ret, size_t *ret_size,
                struct error *e) {
        return etcd_call(c, "", name, request, ret, ret_size, e);
}

int etcd_get(const struct etcd_client *c, const char *key, struct etcd_value *ret, struct error *e) {
        CLEANUP(freep) char *key64 = base64(key, strlen(key)), *reply = NULL;
        CLEANUP(jread_decref) json_t *request = json_pack("{s:s}", "key", key64);
        size_t size;
        int r;

        if ((r = call(c, range_call, request, &reply, &size, e)) < 0)
                return r;
        r = etcd_kv_parse_range(reply, size, ret, e);
        OPENSSL_cleanse(reply, size);
        return r;
}

int etcd_put_if(const struct etcd_client *c, const char *key, uint64_t revision, const void *data,
                size_t size, struct error *e) {
        CLEANUP(freep) char *key64 = base64(key, strlen(key)), *data64 = base64(data, size), *reply = NULL;
        CLEANUP(jread_decref) json_t *request = NULL;
        char text[24];
        size_t reply_size;
        bool done;
        int r;

        snprintf(text, sizeof text, "%" PRIu64, revision);
        request = json_pack("{s:[{s:s, s:s, s:s, s:s}], s:[{s:{s:s, s:s}}]}", "compare", "target", "MOD",
                            "result", "EQUAL", "key", key64, "mod_revision", text, "success", "request_put",
                            "key", key64, "value", data64);
        r = call(c, txn_call, request, &reply, &reply_size, e);
        if (data64)
                OPENSSL_cleanse(data64, strlen(data64));
        if (r < 0 || (r = etcd_kv_parse_txn(reply, reply_size, &done, e)) < 0)
                return r;
        return done;
}

/* The end of the range of keys with this prefix: its last byte plus one. */
static char *prefix_end(const char *prefix) {
        char *end = strdup(prefix);

        if (end && *end)
                end[strlen(end) - 1]++;
        return end;
}

int etcd_watch(const struct etcd_client *c, const char *prefix, uint64_t after, unsigned timeout_ms,
               struct error *e) {
        CLEANUP(freep) char *end = prefix_end(prefix), *key64 = base64(prefix, strlen(prefix)), *end64 = NULL;
        CLEANUP(jread_decref) json_t *request = NULL;
        char start[24];

        if (!end || !(end64 = base64(end, strlen(end))))
                return -ENOMEM;
        snprintf(start, sizeof start, "%" PRIu64, after + 1);
        request = json_pack("{s:{s:s, s:s, s:s}}", "create_request", "key", key64, "range_end", end64,
                            "start_revision", start);
        return etcd_call_events(c, "watch", request, timeout_ms, e);
}

int etcd_delete(const struct etcd_client *c, const char *key, struct error *e) {
        CLEANUP(freep) char *key64 = base64(key, strlen(key)), *reply = NULL;
        CLEANUP(jread_decref) json_t *request = json_pack("{s:s}", "key", key64);
        CLEANUP(jread_decref) json_t *o = NULL;
        size_t size;
        int r;

        if ((r = call(c, delete_call, request, &reply, &size, e)) < 0)
                return r;
        return etcd_reply_open(delete_call, reply, size, &o, e);
}
