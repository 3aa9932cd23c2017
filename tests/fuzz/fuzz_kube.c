/* What an API server answers, and the texts of objects: a verdict always says why, a patch for a node names
 * the version that it is for, objects have a name. */
#include "agent/jread.h"
#include "agent/kube_node.h"
#include "agent/kube_priv.h"
#include "pki/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void verdict(const char *text, size_t size) {
        static const long statuses[] = { 301, 400, 401, 403, 404, 409, 422, 429, 500, 504 };
        const struct kube_request q = { .method = "PATCH", .body = "{}" };

        for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
                const struct kube_reply reply = { statuses[i], (char *)(uintptr_t)text, size };
                struct error e = { 0 };

                if (kube_status_error("https://h:6443", "Node n1", &reply, &e) >= 0 || !*e.message)
                        abort();
                kube_status_passes(&q, &reply);
        }
}

static void node(const char *text, size_t size) {
        static const char *const labels[] = { "a", NULL };
        struct taint taint = { (char[]){ "k" }, (char[]){ "v" }, (char[]){ "NoSchedule" } };
        const struct taints taints = { &taint, 1 };
        const struct kube_node_marks marks = { labels, &taints, "unix:///s" };
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size), *patch = NULL;

        if (kube_node_patch(o, &marks, &patch) == 0 && patch &&
            !kube_string(patch, "metadata", "resourceVersion", NULL))
                abort();
}

static void objects(const char *text, size_t size) {
        CLEANUP(jread_decref) json_t *list = NULL;
        struct error e = { 0 };
        json_t *o;
        size_t i;

        if (kube_objects_parse(text, size, "text", &list, &e) < 0) {
                if (!*e.message)
                        abort();
                return;
        }
        json_array_foreach(list, i, o) {
                char path[KUBE_PATH_SIZE], subject[KUBE_SUBJECT_SIZE];
                struct kube_ref ref;

                if (kube_ref_of(o, &ref, &e) < 0)
                        abort();
                kube_subject(&ref, subject);
                if (kube_path(&ref, path, &e) == 0 && strstr(path, "/../"))
                        abort();
        }
}

/* libFuzzer's data does not end with a NUL, replies do. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = malloc(size + 1);

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        verdict(text, size);
        node(text, size);
        objects(text, size);
        free(text);
        return 0;
}
