#include "templates/objects.h"
#include "templates/check.h"
#include "templates/expand.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char dir[] = "objects/";

static int check_pairs(const struct tmpl_pair *pairs, size_t n, struct tmpl_error *e) {
        int r;

        for (size_t i = 0; i < n; i++)
                if (pairs[i].value && (r = tmpl_text_check(pairs[i].name, pairs[i].value, e)) < 0)
                        return r;
        return 0;
}

int tmpl_render_objects(const char *name, const struct tmpl_pair *pairs, size_t n_pairs,
                        const struct tmpl_values *v, char **ret, size_t *ret_size, struct tmpl_error *e) {
        const struct tmpl_data *data;
        struct tmpl_vars vars;
        char file[128];
        int r;

        snprintf(file, sizeof file, "%s%s.yaml", dir, name);
        if (!(data = tmpl_data_find(file)))
                return tmpl_error_set(e, -ENOENT, "%s: no such template", file);
        if ((v && (r = tmpl_values_check(v, e)) < 0) || (r = check_pairs(pairs, n_pairs, e)) < 0)
                return r;
        r = tmpl_vars_init_pairs(&vars, pairs, n_pairs, v);
        if (r >= 0)
                r = tmpl_expand(data, &vars, ret, ret_size, e);
        tmpl_vars_done(&vars);
        return r;
}
