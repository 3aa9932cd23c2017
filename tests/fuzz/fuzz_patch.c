/* Patches of all three kinds on a pod: the first byte picks the kind, the rest is the patch. Whatever it is,
 * it is applied or refused; what was applied can be read again and is still a Pod. */
#include "pki/util.h"
#include "templates/patch.h"
#include "templates/tree.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pod[] =
        "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    component: etcd\n  finalizers: [a, b]\n"
        "spec:\n  containers:\n  - name: etcd\n    command: [etcd, --name=a]\n    env:\n    - name: A\n"
        "      value: x\n    - name: B\n    ports:\n    - containerPort: 2381\n    volumeMounts:\n"
        "    - mountPath: /a/b~c\n      name: data\n  volumes:\n  - name: data\n    hostPath:\n      path: "
        "/a\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct tmpl_patch patch = { .target = "etcd", .file = "etcd.yaml" };
        CLEANUP(tmpl_tree_freep) struct tmpl_tree *tree = NULL;
        CLEANUP(freep) char *text = strdup(pod);
        size_t n = sizeof pod - 1;
        struct tmpl_error e;

        if (!size || size > 4096)
                return 0;
        patch.type = data[0] % 3;
        patch.text = (const char *)data + 1;
        patch.size = size - 1;
        if (tmpl_patch_apply(&patch, 1, "etcd", &text, &n, &e) < 0) {
                if (strcmp(text, pod) != 0)
                        abort();
                return 0;
        }
        if (tmpl_tree_parse(text, n, "result", &tree, &e) < 0 ||
            strcmp(tmpl_tree_get(tree, "kind")->text, "Pod") != 0)
                abort();
        return 0;
}
