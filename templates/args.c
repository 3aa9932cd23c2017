#include "templates/args.h"
#include <string.h>

bool tmpl_arg_replaced(const struct tmpl_extra *extra, const char *arg) {
        if (strncmp(arg, "--", 2) != 0)
                return false;
        arg += 2;
        for (size_t i = 0; i < extra->n_args; i++) {
                size_t size = strlen(extra->args[i].name);

                if (!strncmp(arg, extra->args[i].name, size) && arg[size] == '=')
                        return true;
        }
        return false;
}

int tmpl_arg_compare(const char *a, const char *b) {
        bool flag_a = !strncmp(a, "--", 2), flag_b = !strncmp(b, "--", 2);
        size_t n = strcspn(a, "="), m = strcspn(b, "=");
        int d;

        if (!flag_a || !flag_b)
                return flag_a - flag_b;
        d = memcmp(a, b, n < m ? n : m);
        if (d || n != m)
                return d ? d : n < m ? -1 : 1;
        return strcmp(a + n, b + m);
}

static const char *text_of(yaml_document_t *doc, const struct tmpl_item *item) {
        const yaml_node_t *node = yaml_document_get_node(doc, item->node);

        return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

/* Few items, and stable: by insertion. */
void tmpl_args_sort(struct tmpl_items *items, yaml_document_t *doc) {
        for (size_t i = 1; i < items->n; i++) {
                struct tmpl_item item = items->v[i];
                size_t k = i;

                for (; k > 0 && tmpl_arg_compare(text_of(doc, &item), text_of(doc, &items->v[k - 1])) < 0;
                     k--)
                        items->v[k] = items->v[k - 1];
                items->v[k] = item;
        }
}
