#include "agent/kube_node.h"
#include "agent/jread.h"
#include "agent/monotonic.h"
#include <errno.h>
#include <time.h>

#define CRI_SOCKET "kubeadm.alpha.kubernetes.io/cri-socket"

enum { POLL_MS = 200, TRIES = 10 };

/* name=value into patch.metadata[map], unless the node has just that. */
static int want_meta(const json_t *node, json_t *patch, const char *map, const char *name,
                     const char *value) {
        const char *have = kube_string(node, "metadata", map, name, NULL);
        json_t *meta = json_object_get(patch, "metadata"), *to = json_object_get(meta, map);

        if (have && !strcmp(have, value))
                return 0;
        if (!to) {
                to = json_object();
                if (json_object_set_new(meta, map, to) < 0)
                        return -ENOMEM;
        }
        return json_object_set_new(to, name, json_string(value)) < 0 ? -ENOMEM : 1;
}

static const char *field(const json_t *taint, const char *key) {
        const char *s = json_string_value(json_object_get(taint, key));

        return s ? s : "";
}

static json_t *make_taint(const struct taint *t) {
        json_t *o = json_pack("{s:s,s:s}", "key", t->key, "effect", t->effect);

        if (o && t->value && *t->value && json_object_set_new(o, "value", json_string(t->value)) < 0) {
                json_decref(o);
                return NULL;
        }
        return o;
}

/* A node has one taint of a key and an effect. */
static bool is_wanted(const struct taints *want, const json_t *taint) {
        for (size_t i = 0; i < want->n; i++)
                if (!strcmp(want->items[i].key, field(taint, "key")) &&
                    !strcmp(want->items[i].effect, field(taint, "effect")))
                        return true;
        return false;
}

static bool has_taint(const json_t *list, const struct taint *t) {
        const json_t *taint;
        size_t i;

        json_array_foreach(list, i,
                           taint) if (!strcmp(t->key, field(taint, "key")) &&
                                      !strcmp(t->effect, field(taint, "effect")) &&
                                      !strcmp(t->value ? t->value : "", field(taint, "value"))) return true;
        return false;
}

/* The whole list: those that are there, and those that are wanted. */
static int want_taints(const json_t *node, json_t *patch, const struct taints *want) {
        const json_t *have = json_object_get(json_object_get(node, "spec"), "taints"), *taint;
        CLEANUP(jread_decref) json_t *list = json_array();
        size_t missing = 0, i;

        for (i = 0; i < want->n; i++) {
                missing += !has_taint(have, &want->items[i]);
                if (json_array_append_new(list, make_taint(&want->items[i])) < 0)
                        return -ENOMEM;
        }
        if (!missing)
                return 0;
        json_array_foreach(have, i, taint) if (!is_wanted(want, taint) &&
                                               json_array_append(list, (json_t *)taint) < 0) return -ENOMEM;
        return json_object_set_new(patch, "spec", json_pack("{s:O}", "taints", list)) < 0 ? -ENOMEM : 1;
}

int kube_node_patch(const json_t *node, const struct kube_node_marks *marks, json_t **ret) {
        const char *version = kube_string(node, "metadata", "resourceVersion", NULL);
        CLEANUP(jread_decref) json_t *patch = NULL;
        int r, changes = 0;

        *ret = NULL;
        if (!version)
                return -EBADMSG;
        if (!(patch = json_pack("{s:{s:s}}", "metadata", "resourceVersion", version)))
                return -ENOMEM;
        for (const char *const *label = marks->labels; label && *label; label++) {
                if ((r = want_meta(node, patch, "labels", *label, "")) < 0)
                        return r;
                changes += r;
        }
        if (marks->cri_socket) {
                if ((r = want_meta(node, patch, "annotations", CRI_SOCKET, marks->cri_socket)) < 0)
                        return r;
                changes += r;
        }
        if (marks->taints) {
                if ((r = want_taints(node, patch, marks->taints)) < 0)
                        return r;
                changes += r;
        }
        if (changes)
                *ret = TAKE_PTR(patch);
        return 0;
}

static int wait_for_node(struct kube *k, const struct kube_ref *ref, unsigned wait_ms, json_t **ret,
                         struct error *e) {
        int64_t end = monotonic_us() + (int64_t)wait_ms * 1000;
        int r;

        while ((r = kube_get(k, ref, ret, e)) == -ENOENT && monotonic_us() < end)
                nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
        if (r == -ENOENT)
                error_set(e, EXIT_FAILED,
                          "there is no Node %s, %u s were waited for it: its kubelet has not registered it; "
                          "look at `journalctl -u kubelet`, then run this again",
                          ref->name, wait_ms / 1000);
        return r;
}

static int mark_once(struct kube *k, const struct kube_ref *ref, const struct kube_node_marks *marks,
                     unsigned wait_ms, enum kube_outcome *ret_outcome, struct error *e) {
        CLEANUP(jread_decref) json_t *node = NULL, *patch = NULL;
        int r = wait_for_node(k, ref, wait_ms, &node, e);

        if (r < 0)
                return r;
        if ((r = kube_node_patch(node, marks, &patch)) < 0)
                return error_set(e, EXIT_FAILED, "Node %s: %s", ref->name,
                                 r == -ENOMEM ? "out of memory" : "the API server's reply is no Node"),
                       r;
        *ret_outcome = patch ? KUBE_CHANGED : KUBE_KEPT;
        return patch ? kube_patch(k, ref, KUBE_PATCH_MERGE, patch, NULL, e) : 0;
}

int kube_node_mark(struct kube *k, const char *name, const struct kube_node_marks *marks, unsigned wait_ms,
                   enum kube_outcome *ret_outcome, struct error *e) {
        const struct kube_ref ref = { .api_version = "v1", .kind = "Node", .name = name };
        int r = -EBUSY;

        for (unsigned i = 0; r == -EBUSY && i < TRIES; i++)
                r = mark_once(k, &ref, marks, wait_ms, ret_outcome, e);
        return r;
}
