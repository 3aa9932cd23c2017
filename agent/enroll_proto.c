#include "agent/enroll_proto.h"
#include "agent/jread.h"
#include "vrrp/ip.h"
#include <arpa/inet.h>
#include <errno.h>

static const char *const type_names[] = {
        [ENROLL_HELLO] = "hello",
        [ENROLL_REQUEST] = "request",
        [ENROLL_GRANT] = "grant",
        [ENROLL_REFUSAL] = "refusal",
};
static const char *const code_names[ENROLL_CODES] = {
        [ENROLL_DENIED] = "denied",   [ENROLL_NO_TOKEN] = "no-token",
        [ENROLL_EXPIRED] = "expired", [ENROLL_USED_UP] = "used-up",
        [ENROLL_BOUND] = "bound",     [ENROLL_ROLE] = "role",
        [ENROLL_ADDRESS] = "address", [ENROLL_NAME_EXISTS] = "name-exists",
        [ENROLL_CLOCK] = "clock",     [ENROLL_SLOW_DOWN] = "slow-down",
        [ENROLL_BUSY] = "busy",       [ENROLL_MALFORMED] = "malformed",
        [ENROLL_FAILED] = "failed",
};

void enroll_header_put(uint8_t out[ENROLL_HEADER], size_t size) {
        uint32_t n = htonl((uint32_t)size);

        memcpy(out, &n, sizeof n);
}

int enroll_header_get(const uint8_t in[ENROLL_HEADER], size_t *ret_size) {
        uint32_t n;

        memcpy(&n, in, sizeof n);
        n = ntohl(n);
        if (n == 0 || n > ENROLL_FRAME_MAX)
                return -EMSGSIZE;
        *ret_size = n;
        return 0;
}

const char *enroll_code_name(enum enroll_code code) {
        return code < ENROLL_CODES ? code_names[code] : "unknown";
}

static int code_from_name(const char *name, enum enroll_code *ret) {
        for (size_t i = 0; i < ENROLL_CODES; i++)
                if (!strcmp(code_names[i], name)) {
                        *ret = (enum enroll_code)i;
                        return 0;
                }
        return -EBADMSG;
}

/* Encoding. */

static json_t *hello_to_json(const struct enroll_hello *h) {
        return json_pack("{s:s, s:I}", "cluster", h->cluster_id, "clock_ns", (json_int_t)h->clock_ns);
}

static json_t *request_to_json(const struct enroll_request *q) {
        char pub[2 * PKI_X25519_SIZE + 1], proof[2 * PKI_MAC_SIZE + 1];

        hex_encode(q->joiner_pub, PKI_X25519_SIZE, pub);
        hex_encode(q->proof, PKI_MAC_SIZE, proof);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "token", q->token_id, "role",
                         enroll_role_name(q->role), "name", q->node_name, "address", q->node_address, "csr",
                         q->csr, "clock_ns", (json_int_t)q->clock_ns, "joiner_key", pub, "proof", proof);
}

static json_t *grant_to_json(const struct enroll_grant *g) {
        CLEANUP(freep) char *hex = malloc(2 * g->size + 1);

        if (!hex)
                return NULL;
        hex_encode(g->sealed, g->size, hex);
        return json_pack("{s:s}", "bundle", hex);
}

static json_t *refusal_to_json(const struct enroll_refusal *f) {
        return json_pack("{s:s, s:s, s:i}", "code", enroll_code_name(f->code), "message", f->message,
                         "retry_s", (int)f->retry_s);
}

static json_t *body_to_json(const struct enroll_message *m) {
        switch (m->type) {
        case ENROLL_HELLO:
                return hello_to_json(&m->hello);
        case ENROLL_REQUEST:
                return request_to_json(&m->request);
        case ENROLL_GRANT:
                return grant_to_json(&m->grant);
        case ENROLL_REFUSAL:
                return refusal_to_json(&m->refusal);
        }
        return NULL;
}

static int dump(const json_t *o, char **ret, size_t *ret_size) {
        char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

        if (!text)
                return -ENOMEM;
        if (strlen(text) > ENROLL_FRAME_MAX) {
                free(text);
                return -EMSGSIZE;
        }
        *ret = text;
        *ret_size = strlen(text);
        return 0;
}

int enroll_encode(const struct enroll_message *m, char **ret, size_t *ret_size) {
        CLEANUP(jread_decref) json_t *body = body_to_json(m);
        CLEANUP(jread_decref) json_t *o = NULL;

        if (!body)
                return -ENOMEM;
        o = json_pack("{s:i, s:s, s:O}", "version", ENROLL_VERSION, "type", type_names[m->type], "body",
                      body);
        return dump(o, ret, ret_size);
}

/* Decoding. */

static int hello_from_json(const json_t *o, struct enroll_hello *h) {
        const struct jread_field fields[] = {
                { .name = "cluster",
                  .type = JREAD_STRING,
                  .target = h->cluster_id,
                  .size = sizeof h->cluster_id },
                { .name = "clock_ns", .type = JREAD_INT, .target = &h->clock_ns, .max = INT64_MAX },
                { 0 },
        };

        return jread_object(o, fields, NULL);
}

/* A Kubernetes node name: RFC 1123 subdomain. */
static int check_name(const char *s) {
        static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        size_t run;

        for (;; s += run + 1) {
                run = strcspn(s, ".");
                if (run == 0 || run > 63 || !strchr(inner, s[0]) || !strchr(inner, s[run - 1]))
                        return -EBADMSG;
                for (size_t i = 0; i < run; i++)
                        if (s[i] != '-' && !strchr(inner, s[i]))
                                return -EBADMSG;
                if (!s[run])
                        return 0;
        }
}

/* The canonical form only: addresses are compared as text. */
static int check_address(const char *s) {
        struct vrrp_ip a;

        return vrrp_ip_parse(s, &a) < 0 || strcmp(s, vrrp_ip_text(&a).v) != 0 ? -EBADMSG : 0;
}

/* PEM's letters and line breaks. Who wants a certificate must ask for it, and nobody else may. */
static int take_csr(const char *csr, struct enroll_request *q) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=- \n";

        if ((*csr != '\0') != (q->role == ENROLL_WORKER) || csr[strspn(csr, letters)])
                return -EBADMSG;
        snprintf(q->csr, sizeof q->csr, "%s", csr);
        return 0;
}

static int request_from_json(const json_t *o, struct enroll_request *q) {
        char role[ENROLL_ROLE_SIZE];
        const char *csr = NULL;
        const struct jread_field fields[] = {
                { .name = "token", .type = JREAD_STRING, .target = q->token_id, .size = sizeof q->token_id },
                { .name = "role", .type = JREAD_STRING, .target = role, .size = sizeof role },
                { .name = "csr", .type = JREAD_TEXT, .target = &csr, .size = sizeof q->csr - 1 },
                { .name = "name", .type = JREAD_STRING, .target = q->node_name, .size = sizeof q->node_name },
                { .name = "address",
                  .type = JREAD_STRING,
                  .target = q->node_address,
                  .size = sizeof q->node_address },
                { .name = "clock_ns", .type = JREAD_INT, .target = &q->clock_ns, .max = INT64_MAX },
                { .name = "joiner_key",
                  .type = JREAD_HEX,
                  .target = q->joiner_pub,
                  .size = sizeof q->joiner_pub },
                { .name = "proof", .type = JREAD_HEX, .target = q->proof, .size = sizeof q->proof },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0 || (r = enroll_role_parse(role, &q->role)) < 0 || (r = take_csr(csr, q)) < 0 ||
            (r = check_name(q->node_name)) < 0)
                return r;
        if (strlen(q->token_id) != PKI_TOKEN_ID ||
            strspn(q->token_id, "abcdefghijklmnopqrstuvwxyz0123456789") != PKI_TOKEN_ID)
                return -EBADMSG;
        return check_address(q->node_address);
}

static int grant_from_json(const json_t *o, struct enroll_grant *g) {
        const char *hex = NULL;
        const struct jread_field fields[] = {
                { .name = "bundle",
                  .type = JREAD_TEXT,
                  .target = &hex,
                  .size = (size_t)2 * ENROLL_SEALED_MAX },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0)
                return r;
        g->size = strlen(hex) / 2;
        g->sealed = malloc(g->size + 1);
        if (!g->sealed)
                return -ENOMEM;
        return hex_decode(hex, g->sealed, g->size);
}

static int refusal_from_json(const json_t *o, struct enroll_refusal *f) {
        char code[32];
        int64_t retry;
        const struct jread_field fields[] = {
                { .name = "code", .type = JREAD_STRING, .target = code, .size = sizeof code },
                { .name = "message", .type = JREAD_STRING, .target = f->message, .size = sizeof f->message },
                { .name = "retry_s", .type = JREAD_INT, .target = &retry, .max = 3600 },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0)
                return r;
        f->retry_s = (unsigned)retry;
        return code_from_name(code, &f->code);
}

static int body_from_json(const char *type, const json_t *body, struct enroll_message *m) {
        size_t i = 0;

        while (i < ARRAY_SIZE(type_names) && strcmp(type, type_names[i]) != 0)
                i++;
        m->type = (enum enroll_type)i;
        switch (m->type) {
        case ENROLL_HELLO:
                return hello_from_json(body, &m->hello);
        case ENROLL_REQUEST:
                return request_from_json(body, &m->request);
        case ENROLL_GRANT:
                return grant_from_json(body, &m->grant);
        case ENROLL_REFUSAL:
                return refusal_from_json(body, &m->refusal);
        }
        return -EBADMSG;
}

int enroll_decode(const void *data, size_t size, struct enroll_message *ret) {
        CLEANUP(jread_decref) json_t *o = jread_parse(data, size);
        struct enroll_message m = { 0 };
        json_t *body = NULL;
        int64_t version;
        char type[16];
        const struct jread_field fields[] = {
                { .name = "version", .type = JREAD_INT, .target = &version, .min = 1, .max = INT64_MAX },
                { .name = "type", .type = JREAD_STRING, .target = type, .size = sizeof type },
                { .name = "body", .type = JREAD_OBJECT, .target = &body },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0)
                return r;
        if (version != ENROLL_VERSION)
                return -EPROTO;
        if ((r = body_from_json(type, body, &m)) < 0) {
                enroll_message_done(&m);
                return r;
        }
        *ret = m;
        return 0;
}

void enroll_message_done(struct enroll_message *m) {
        if (m->type == ENROLL_GRANT) {
                free(m->grant.sealed);
                m->grant.sealed = NULL;
        }
}
