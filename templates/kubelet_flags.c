#include "templates/kubelet_flags.h"
#include "pki/util.h"
#include "templates/args.h"
#include "templates/check.h"
#include "templates/images.h"
#include "templates/vars.h"
#include <errno.h>

static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:+@%";

/* systemd reads the arguments twice. The file is read like a shell's: inside double quotes a
 * backslash protects '"', '\', '`' and '$'. The unit then has a bare $KUBELET_KUBEADM_ARGS, whose
 * value is split into words, where quotes count again and a backslash protects any character. */
static void put_file_char(FILE *f, char c) {
        if (strchr("\"\\`$", c))
                fputc('\\', f);
        fputc(c, f);
}

static void put_word(FILE *f, const char *word) {
        bool quote = word[strspn(word, harmless)] != '\0';

        if (quote)
                put_file_char(f, '"');
        for (const char *p = word; *p; p++) {
                if (strchr("\"\\", *p))
                        put_file_char(f, '\\');
                put_file_char(f, *p);
        }
        if (quote)
                put_file_char(f, '"');
}

static int check_arg(const struct tmpl_pair *arg, size_t i, struct tmpl_error *e) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

        if (arg->name[strspn(arg->name, letters)])
                return tmpl_error_set(e, -EINVAL,
                                      "nodeRegistration.kubeletExtraArgs[%zu].name: \"%s\" is no flag name",
                                      i, arg->name);
        for (const char *p = arg->value; *p; p++)
                if (((unsigned char)*p < ' ' && !strchr("\t\n", *p)) || *p == 0x7f)
                        return tmpl_error_set(e, -EINVAL,
                                              "nodeRegistration.kubeletExtraArgs[%zu].value: holds the "
                                              "control character 0x%02x, which systemd does not pass on",
                                              i, (unsigned char)*p);
        return 0;
}

/* The arguments as words "--name=value", before they are quoted. */
struct words {
        char **v;
        size_t n;
};

static void words_done(struct words *w) {
        for (size_t i = 0; i < w->n; i++)
                free(w->v[i]);
        free(w->v);
}

static int add_word(struct words *w, const char *name, const char *value) {
        char **v = reallocarray(w->v, w->n + 1, sizeof *v), *word;

        if (!v)
                return -ENOMEM;
        w->v = v;
        if (!(word = tmpl_print("--%s=%s", name, value)))
                return -ENOMEM;
        v[w->n++] = word;
        return 0;
}

static bool has_arg(const struct tmpl_values *v, const char *name) {
        for (size_t i = 0; i < v->n_kubelet_extra_args; i++)
                if (!strcmp(v->kubelet_extra_args[i].name, name))
                        return true;
        return false;
}

static bool has(const struct tmpl_values *v, enum tmpl_trait trait) {
        return tmpl_version_has(v->kubernetes_version, v->gates, v->n_gates, trait);
}

/* kubeadm's own arguments, by name; value NULL: there is none. */
static int add_defaults(struct words *w, const struct tmpl_values *v) {
        char pause[1024];
        int r = tmpl_pause_image(v, pause, sizeof pause);
        const struct tmpl_pair args[] = {
                { "container-runtime-endpoint", has(v, TMPL_INSTANCE_CONFIG) ? NULL : v->cri_socket },
                { "hostname-override",
                  v->host_name && strcmp(v->host_name, v->node_name) != 0 ? v->node_name : NULL },
                { "pod-infra-container-image", has(v, TMPL_NO_PAUSE_FLAG) ? NULL : pause },
                { "register-with-taints", v->register_taints },
        };

        for (size_t i = 0; i < ARRAY_SIZE(args) && r == 0; i++)
                if (args[i].value && !has_arg(v, args[i].name))
                        r = add_word(w, args[i].name, args[i].value);
        return r;
}

static int compare_words(const void *a, const void *b) {
        return tmpl_arg_compare(*(char *const *)a, *(char *const *)b);
}

static int collect(struct words *w, const struct tmpl_values *v, struct tmpl_error *e) {
        int r = add_defaults(w, v);

        for (size_t i = 0; i < v->n_kubelet_extra_args && r == 0; i++) {
                const struct tmpl_pair *arg = &v->kubelet_extra_args[i];

                if ((r = check_arg(arg, i, e)) == 0)
                        r = add_word(w, arg->name, arg->value);
        }
        if (w->n && !has(v, TMPL_EXTRA_ARGS_LAST))
                qsort(w->v, w->n, sizeof *w->v, compare_words);
        return r;
}

static int put_args(FILE *f, const struct tmpl_values *v, struct tmpl_error *e) {
        CLEANUP(words_done) struct words w = { 0 };
        int r = collect(&w, v, e);

        if (r < 0)
                return r;
        fputs("KUBELET_KUBEADM_ARGS=\"", f);
        for (size_t i = 0; i < w.n; i++) {
                if (i)
                        fputc(' ', f);
                put_word(f, w.v[i]);
        }
        return fputs("\"\n", f) < 0 ? -ENOMEM : 0;
}

int tmpl_kubelet_flags(const struct tmpl_values *v, char **ret, size_t *ret_size, struct tmpl_error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -ENOMEM;
        r = put_args(f, v, e);
        if (fclose(f) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}
