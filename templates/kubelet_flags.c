#include "templates/kubelet_flags.h"
#include "pki/util.h"
#include "templates/check.h"
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

static int put_arg(FILE *f, const char *separator, const char *name, const char *value) {
        CLEANUP(freep) char *word = NULL;

        if (asprintf(&word, "--%s=%s", name, value) < 0)
                return (word = NULL, -ENOMEM);
        fputs(separator, f);
        put_word(f, word);
        return 0;
}

static bool has_arg(const struct tmpl_values *v, const char *name) {
        for (size_t i = 0; i < v->n_kubelet_extra_args; i++)
                if (!strcmp(v->kubelet_extra_args[i].name, name))
                        return true;
        return false;
}

static int put_args(FILE *f, const struct tmpl_values *v, struct tmpl_error *e) {
        const char *separator = "";
        int r;

        fputs("KUBELET_KUBEADM_ARGS=\"", f);
        if (v->host_name && strcmp(v->host_name, v->node_name) != 0 && !has_arg(v, "hostname-override")) {
                if ((r = put_arg(f, separator, "hostname-override", v->node_name)) < 0)
                        return r;
                separator = " ";
        }
        for (size_t i = 0; i < v->n_kubelet_extra_args; i++) {
                const struct tmpl_pair *arg = &v->kubelet_extra_args[i];

                if ((r = check_arg(arg, i, e)) < 0 || (r = put_arg(f, separator, arg->name, arg->value)) < 0)
                        return r;
                separator = " ";
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
