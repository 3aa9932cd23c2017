/* What the API server says when it does not do what was asked (meta/v1 Status). */
#include "agent/jread.h"
#include "agent/kube_priv.h"
#include <errno.h>
#include <stdarg.h>

/* The reasons that need an answer of their own; the others are told by the HTTP status. */
static const struct verdict {
        const char *reason; /* NULL: any of this status */
        long status;
        int result;
        const char *remedy;
} verdicts[] = {
        { "AlreadyExists", 409, -EEXIST, "" },
        { "Conflict", 409, -EBUSY, "; somebody else changed it meanwhile: run this again" },
        { NULL, 401, -EACCES,
          "; the API server does not know this user: is the certificate or token of another cluster, or has "
          "it expired?" },
        { NULL, 403, -EPERM, "; give this user the right, or use a kubeconfig that has it" },
        { NULL, 404, -ENOENT, "" },
        { NULL, 409, -EBUSY, "; run this again" },
        { NULL, 429, -EAGAIN, "; the API server is overloaded: run this again later" },
        { NULL, 504, -EAGAIN, "; the API server waits for etcd in vain: look at its logs" },
};

static const struct verdict *verdict_of(const char *reason, long status) {
        for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
                if (verdicts[i].reason ? !strcmp(verdicts[i].reason, reason) : verdicts[i].status == status)
                        return &verdicts[i];
        return NULL;
}

static const char *text(const json_t *o, const char *key) {
        const char *s = json_string_value(json_object_get(o, key));

        return s ? s : "";
}

static bool is_status(const json_t *o) {
        return !strcmp(text(o, "kind"), "Status");
}

struct line {
        char v[900];
        size_t n;
};

static void PRINTF_LIKE(2, 3) add(struct line *l, const char *fmt, ...) {
        size_t room = sizeof l->v - l->n;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(l->v + l->n, room, fmt, ap);
        va_end(ap);
        if (n > 0)
                l->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* Server-side apply names the other manager inside a sentence: conflict with "kubectl-edit" using v1. */
static bool add_conflicts(struct line *l, const json_t *causes) {
        const json_t *cause;
        unsigned n = 0;
        size_t i;

        json_array_foreach(causes, i, cause) {
                if (strcmp(text(cause, "reason"), "FieldManagerConflict") != 0)
                        continue;
                add(l, "%s%s (%s)", n++ ? ", " : "", text(cause, "field"), text(cause, "message"));
        }
        return n > 0;
}

static void add_causes(struct line *l, const json_t *causes) {
        const json_t *cause;
        size_t i;

        json_array_foreach(causes, i, cause) {
                if (*text(cause, "field"))
                        add(l, "%s%s: %s", i ? "; " : "", text(cause, "field"), text(cause, "message"));
                else
                        add(l, "%s%s", i ? "; " : "", text(cause, "message"));
        }
}

static int conflict(const char *subject, const struct line *fields, struct error *e) {
        error_set(e, EXIT_FAILED,
                  "%s: fields that are to be set were changed by somebody else: %s; set them back, or take "
                  "these fields out of what the other manager applies",
                  subject, fields->v);
        return -EBUSY;
}

static int refused(const char *server, const char *subject, const json_t *status, long code,
                   struct error *e) {
        const json_t *causes = json_object_get(json_object_get(status, "details"), "causes");
        const char *reason = text(status, "reason");
        const struct verdict *v = verdict_of(reason, code);
        struct line why = { .n = 0 };

        if (code == 409 && add_conflicts(&why, causes))
                return conflict(subject, &why, e);
        if (*text(status, "message"))
                add(&why, "%s", text(status, "message"));
        else
                add_causes(&why, causes);
        error_set(e, EXIT_FAILED, "%s: the API server at %s answers %s (HTTP %ld)%s%s%s", subject, server,
                  *reason ? reason : "an error", code, why.n ? ": " : "", why.v, v ? v->remedy : "");
        if (v)
                return v->result;
        return code >= 500 ? -EAGAIN : -EINVAL;
}

static int no_status(const char *server, const char *subject, const struct kube_reply *reply,
                     struct error *e) {
        const struct verdict *v = verdict_of("", reply->status);

        if (reply->status >= 300 && reply->status < 400)
                error_set(e, EXIT_FAILED,
                          "%s: %s answers with a redirect (HTTP %ld), which no API server does; is it the "
                          "address of the API server?",
                          subject, server, reply->status);
        else
                error_set(e, EXIT_FAILED, "%s: %s answers HTTP %ld, without saying why: \"%.*s\"%s", subject,
                          server, reply->status, (int)strnlen(reply->body ? reply->body : "", 200),
                          reply->body ? reply->body : "", v ? v->remedy : "");
        if (v)
                return v->result;
        return reply->status >= 500 ? -EAGAIN : -EBADMSG;
}

int kube_status_error(const char *server, const char *subject, const struct kube_reply *reply,
                      struct error *e) {
        CLEANUP(jread_decref) json_t *status = jread_parse(reply->body ? reply->body : "", reply->size);

        if (!is_status(status))
                return no_status(server, subject, reply, e);
        return refused(server, subject, status, reply->status, e);
}

/* An object can come before its namespace: the API server makes kube-system and kube-public itself, a moment
 * after it says that it is ready. */
static bool lacks_namespace(const struct kube_reply *reply) {
        CLEANUP(jread_decref) json_t *status = jread_parse(reply->body ? reply->body : "", reply->size);

        return is_status(status) && !strcmp(text(json_object_get(status, "details"), "kind"), "namespaces");
}

bool kube_status_passes(const struct kube_request *q, const struct kube_reply *reply) {
        if (reply->status == 404)
                return q->body && lacks_namespace(reply);
        return reply->status == 429 || reply->status >= 500;
}
