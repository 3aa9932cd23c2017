/* The verbs: each makes one request (a list: one for every page) and reads its reply. */
#include "agent/jread.h"
#include "agent/kube_priv.h"
#include "pki/file.h"
#include <errno.h>
#include <stdarg.h>

enum { PAGE = 250, LIST_MAX = 20000 };

DEFINE_CLEANUP(char *, curl_free)

static int no_memory(const char *subject, struct error *e) {
        error_set(e, EXIT_FAILED, "%s: out of memory", subject);
        return -ENOMEM;
}

/* The reply as JSON. */
static int parse(const struct kube *k, const char *subject, const struct kube_reply *reply, json_t **ret,
                 struct error *e) {
        CLEANUP(jread_decref) json_t *object = jread_parse(reply->body, reply->size);

        if (!json_is_object(object)) {
                error_set(e, EXIT_FAILED, "%s: %s answers, but not with a JSON object: \"%.*s\"", subject,
                          k->server, (int)strnlen(reply->body, 120), reply->body);
                return -EBADMSG;
        }
        *ret = TAKE_PTR(object);
        return 0;
}

static int request(struct kube *k, const struct kube_request *q, json_t **ret, struct error *e) {
        CLEANUP(kube_reply_done) struct kube_reply reply = { 0 };
        int r;

        if ((r = kube_call(k, q, &reply, e)) < 0)
                return r;
        if (reply.status < 200 || reply.status > 299)
                return kube_status_error(k->server, q->subject, &reply, e);
        return ret ? parse(k, q->subject, &reply, ret, e) : 0;
}

/* With a body: dumped, sent and wiped, since it may be a Secret's. NULL: none. */
static int send_to(struct kube *k, const char *method, const char *path, const char *subject,
                   const char *content_type, const json_t *body, json_t **ret, struct error *e) {
        CLEANUP(pki_wipe_freep) char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

        if (body && !text)
                return no_memory(subject, e);
        return request(k,
                       &(struct kube_request){ .method = method,
                                               .path = path,
                                               .content_type = content_type,
                                               .body = text,
                                               .subject = subject },
                       ret, e);
}

/* The address of one object, or (create) of the collection that it goes into, with a query. */
static int address(const struct kube_ref *ref, bool collection, const char *query, char path[KUBE_PATH_SIZE],
                   char subject[KUBE_SUBJECT_SIZE], struct error *e) {
        struct kube_ref to = *ref;
        size_t n;
        int r;

        kube_subject(ref, subject);
        if (!collection && !(ref->name && *ref->name))
                return error_set(e, EXIT_INPUT, "%s: which one?", subject);
        if ((r = kube_path(&to, path, e)) < 0)
                return r;
        if (collection) {
                to.name = NULL;
                if ((r = kube_path(&to, path, e)) < 0)
                        return r;
        }
        n = strlen(path);
        snprintf(path + n, KUBE_PATH_SIZE - n, "%s", query);
        return 0;
}

int kube_get(struct kube *k, const struct kube_ref *ref, json_t **ret, struct error *e) {
        char path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
        int r = address(ref, false, "", path, subject, e);

        return r < 0 ? r : send_to(k, "GET", path, subject, NULL, NULL, ret, e);
}

int kube_delete(struct kube *k, const struct kube_ref *ref, struct error *e) {
        char path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
        int r = address(ref, false, "", path, subject, e);

        return r < 0 ? r : send_to(k, "DELETE", path, subject, NULL, NULL, NULL, e);
}

#define STRICT "fieldManager=" KUBE_FIELD_MANAGER "&fieldValidation=Strict"

int kube_create(struct kube *k, const json_t *object, json_t **ret, struct error *e) {
        char path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
        struct kube_ref ref;
        int r;

        if ((r = kube_ref_of(object, &ref, e)) < 0 ||
            (r = address(&ref, true, "?" STRICT, path, subject, e)) < 0)
                return r;
        return send_to(k, "POST", path, subject, "application/json", object, ret, e);
}

int kube_patch(struct kube *k, const struct kube_ref *ref, enum kube_patch how, const json_t *patch,
               json_t **ret, struct error *e) {
        static const char *const types[] = {
                [KUBE_PATCH_STRATEGIC] = "application/strategic-merge-patch+json",
                [KUBE_PATCH_MERGE] = "application/merge-patch+json",
                [KUBE_PATCH_JSON] = "application/json-patch+json",
        };
        char path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
        int r = address(ref, false, "?" STRICT, path, subject, e);

        return r < 0 ? r : send_to(k, "PATCH", path, subject, types[how], patch, ret, e);
}

int kube_patch_status(struct kube *k, const struct kube_ref *ref, const json_t *patch, struct error *e) {
        char path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
        int r = address(ref, false, "/status?" STRICT, path, subject, e);

        return r < 0 ? r
                     : send_to(k, "PATCH", path, subject, "application/strategic-merge-patch+json", patch,
                               NULL, e);
}

int kube_server_apply(struct kube *k, const json_t *object, bool force, json_t **ret, struct error *e) {
        char path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
        struct kube_ref ref;
        int r;

        if ((r = kube_ref_of(object, &ref, e)) < 0 ||
            (r = address(&ref, false, force ? "?" STRICT "&force=true" : "?" STRICT, path, subject, e)) < 0)
                return r;
        return send_to(k, "PATCH", path, subject, "application/apply-patch+yaml", object, ret,
                       e); /* JSON is YAML */
}

static int page_query(const struct kube *k, const char *selector, const char *next, char *out, size_t size) {
        CLEANUP(curl_freep) char *label = curl_easy_escape(k->easy, selector ? selector : "", 0);
        CLEANUP(curl_freep) char *token = curl_easy_escape(k->easy, next, 0);
        int n;

        if (!label || !token)
                return -ENOMEM;
        n = snprintf(out, size, "?limit=%d%s%s%s%s", PAGE, *label ? "&labelSelector=" : "", label,
                     *token ? "&continue=" : "", token);
        return n < 0 || (size_t)n >= size ? -EBADMSG : 0;
}

/* Adds the items of one page. *ret_next: what asks for the following one, borrowed from the page; "" after
 * the last. */
static int take_page(const json_t *page, json_t *items, const char **ret_next) {
        const json_t *more = json_object_get(page, "items");
        const char *next = kube_string(page, "metadata", "continue", NULL);

        *ret_next = next ? next : "";
        if (!json_is_array(more) && !json_is_null(more))
                return -EBADMSG;
        if (json_is_array(more) && json_array_extend(items, (json_t *)more) < 0)
                return -ENOMEM;
        return json_array_size(items) <= LIST_MAX ? 0 : -EBADMSG;
}

int kube_list(struct kube *k, const struct kube_ref *ref, const char *label_selector, json_t **ret,
              struct error *e) {
        CLEANUP(jread_decref) json_t *items = json_array();
        CLEANUP(jread_decref) json_t *page = NULL;
        char path[KUBE_PATH_SIZE], query[KUBE_PATH_SIZE / 2], subject[KUBE_SUBJECT_SIZE];
        const char *next = "";
        int r;

        do {
                json_t *following = NULL;

                r = page_query(k, label_selector, next, query, sizeof query);
                if (r == 0 && (r = address(ref, true, query, path, subject, e)) == 0)
                        r = send_to(k, "GET", path, subject, NULL, NULL, &following, e);
                if (r < 0)
                        return r == -ENOMEM ? no_memory("list", e) : r;
                json_decref(page);
                page = following;
                if ((r = take_page(page, items, &next)) < 0)
                        return error_set(e, EXIT_FAILED, "%s: %s sends no list, or a list without an end",
                                         subject, k->server),
                               r;
        } while (*next);
        *ret = TAKE_PTR(items);
        return 0;
}

int kube_get_text(struct kube *k, const char *path, char **ret, struct error *e) {
        CLEANUP(kube_reply_done) struct kube_reply reply = { 0 };
        const struct kube_request q = { .method = "GET", .path = path, .subject = path };
        int r = kube_call(k, &q, &reply, e);

        if (r < 0)
                return r;
        if (reply.status < 200 || reply.status > 299)
                return kube_status_error(k->server, path, &reply, e);
        *ret = TAKE_PTR(reply.body);
        return 0;
}

int kube_ref_of(const json_t *object, struct kube_ref *ret, struct error *e) {
        *ret = (struct kube_ref){ .api_version = kube_string(object, "apiVersion", NULL),
                                  .kind = kube_string(object, "kind", NULL),
                                  .namespace = kube_string(object, "metadata", "namespace", NULL),
                                  .name = kube_string(object, "metadata", "name", NULL) };
        if (!ret->api_version || !ret->kind)
                return error_set(e, EXIT_INPUT, "an object has no apiVersion or no kind");
        if (!ret->name)
                return error_set(e, EXIT_INPUT, "a %s has no metadata.name", ret->kind);
        return 0;
}

const char *kube_string(const json_t *object, ...) {
        const char *key;
        va_list ap;

        va_start(ap, object);
        while ((key = va_arg(ap, const char *)))
                object = json_object_get(object, key);
        va_end(ap);
        return json_string_value(object);
}
