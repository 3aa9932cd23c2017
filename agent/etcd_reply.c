#include "agent/etcd_reply.h"
#include "agent/jread.h"
#include <errno.h>
#include <inttypes.h>

/* gRPC's codes that etcd uses. */
enum {
        CANCELLED = 1,
        UNKNOWN = 2,
        INVALID_ARGUMENT = 3,
        DEADLINE_EXCEEDED = 4,
        NOT_FOUND = 5,
        ALREADY_EXISTS = 6,
        PERMISSION_DENIED = 7,
        RESOURCE_EXHAUSTED = 8,
        FAILED_PRECONDITION = 9,
        ABORTED = 10,
        UNIMPLEMENTED = 12,
        UNAVAILABLE = 14,
        UNAUTHENTICATED = 16,
};

/* First row that fits. One code stands for several outcomes, which only the text tells apart. */
static const struct {
        const char *text; /* NULL: any */
        int code, error;
} verdicts[] = {
        { "in sync with leader", FAILED_PRECONDITION, -EAGAIN },
        { "too many learner members", FAILED_PRECONDITION, -EAGAIN },
        { "not enough started members", FAILED_PRECONDITION, -EAGAIN },
        { "rpc not supported for learner", FAILED_PRECONDITION, -EAGAIN },
        { "can only promote a learner member", FAILED_PRECONDITION, -EALREADY },
        { "member ID already exist", FAILED_PRECONDITION, -EEXIST },
        { "Peer URLs already exists", FAILED_PRECONDITION, -EEXIST },
        { NULL, FAILED_PRECONDITION, -EPERM },
        { "database space exceeded", RESOURCE_EXHAUSTED, -ENOSPC },
        { NULL, RESOURCE_EXHAUSTED, -EAGAIN },
        { "context deadline exceeded", UNKNOWN, -EAGAIN },
        { NULL, UNAVAILABLE, -EAGAIN },
        { NULL, DEADLINE_EXCEEDED, -EAGAIN },
        { NULL, CANCELLED, -EAGAIN },
        { NULL, ABORTED, -EAGAIN },
        { NULL, NOT_FOUND, -ENOENT },
        { NULL, ALREADY_EXISTS, -EEXIST },
        { NULL, INVALID_ARGUMENT, -EINVAL },
        { NULL, PERMISSION_DENIED, -EACCES },
        { NULL, UNAUTHENTICATED, -EACCES },
        { NULL, UNIMPLEMENTED, -EOPNOTSUPP },
};

static int verdict_of(json_int_t code, const char *text) {
        for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
                if (verdicts[i].code == code && (!verdicts[i].text || strstr(text, verdicts[i].text)))
                        return verdicts[i].error;
        return -EIO;
}

static int malformed(const char *call, const char *what, struct error *e) {
        error_set(e, EXIT_FAILED, "etcd %s: not a reply of etcd: %s", call, what);
        return -EBADMSG;
}

/* 0: it is no error. */
static int read_error(const char *call, const json_t *o, struct error *e) {
        const json_t *code = json_object_get(o, "code");
        const char *text = json_string_value(json_object_get(o, "message"));

        if (!text)
                text = json_string_value(json_object_get(o, "error"));
        if (!code && !json_object_get(o, "error"))
                return 0;
        if (!json_is_integer(code))
                return malformed(call, "an error without a numeric code", e);
        if (!json_integer_value(code))
                return 0;
        error_set(e, EXIT_FAILED, "etcd %s: %s (code %" JSON_INTEGER_FORMAT ")", call,
                  text ? text : "no reason given", json_integer_value(code));
        return verdict_of(json_integer_value(code), text ? text : "");
}

int etcd_reply_u64(const json_t *v, uint64_t *ret) {
        const char *s = json_string_value(v);
        char *end;

        *ret = 0;
        if (!v)
                return 0;
        if (json_is_integer(v) && json_integer_value(v) >= 0) {
                *ret = (uint64_t)json_integer_value(v);
                return 0;
        }
        if (!s || *s < '0' || *s > '9')
                return -EBADMSG;
        errno = 0;
        *ret = strtoull(s, &end, 10);
        return errno || *end ? -EBADMSG : 0;
}

static int read_string(const json_t *v, char *ret, size_t size) {
        *ret = '\0';
        if (!v)
                return 0;
        if (!json_is_string(v) || json_string_length(v) >= size)
                return -EBADMSG;
        memcpy(ret, json_string_value(v), json_string_length(v) + 1);
        return 0;
}

static int read_first(const json_t *v, char *ret, size_t size) {
        *ret = '\0';
        if (v && !json_is_array(v))
                return -EBADMSG;
        return read_string(json_array_get(v, 0), ret, size);
}

static int read_member(const json_t *o, struct etcd_member *m) {
        const json_t *learner = json_object_get(o, "isLearner");
        int r;

        if (!json_is_object(o) || (learner && !json_is_boolean(learner)))
                return -EBADMSG;
        m->learner = json_is_true(learner);
        if ((r = etcd_reply_u64(json_object_get(o, "ID"), &m->id)) < 0 ||
            (r = read_string(json_object_get(o, "name"), m->name, sizeof m->name)) < 0 ||
            (r = read_first(json_object_get(o, "peerURLs"), m->peer_url, sizeof m->peer_url)) < 0)
                return r;
        return read_first(json_object_get(o, "clientURLs"), m->client_url, sizeof m->client_url);
}

static int read_members(const json_t *list, struct etcd_members *ret) {
        *ret = (struct etcd_members){ 0 };
        if (!list)
                return 0;
        if (!json_is_array(list) || json_array_size(list) > ETCD_MAX_MEMBERS)
                return -EBADMSG;
        for (size_t i = 0; i < json_array_size(list); i++)
                if (read_member(json_array_get(list, i), &ret->v[i]) < 0)
                        return -EBADMSG;
        ret->n = json_array_size(list);
        return 0;
}

int etcd_reply_open(const char *call, const char *body, size_t size, json_t **ret, struct error *e) {
        CLEANUP(jread_decref) json_t *o = jread_parse(body, size);
        int r;

        *ret = NULL;
        if (!json_is_object(o))
                return malformed(call, o ? "no JSON object" : "no JSON", e);
        if ((r = read_error(call, o, e)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int etcd_reply_parse(const char *call, const char *body, size_t size, struct etcd_members *ret,
                     uint64_t *ret_member, struct error *e) {
        CLEANUP(jread_decref) json_t *o = NULL;
        const json_t *member;
        struct etcd_members members;
        uint64_t id;
        int r = etcd_reply_open(call, body, size, &o, e);

        if (r < 0)
                return r;
        member = json_object_get(o, "member");
        if (member && !json_is_object(member))
                return malformed(call, "\"member\" is no object", e);
        if (etcd_reply_u64(json_object_get(member, "ID"), &id) < 0)
                return malformed(call, "\"member\" has no valid ID", e);
        if (read_members(json_object_get(o, "members"), &members) < 0)
                return malformed(call, "\"members\" is no list of members that fits", e);
        if (ret)
                *ret = members;
        if (ret_member)
                *ret_member = id;
        return 0;
}
