#include "agent/command.h"
#include "agent/images.h"
#include "agent/oci.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/print_json.h"
#include <errno.h>

static const char usage[] =
        "Usage: triarch config images list [OPTIONS] [-o json]\n"
        "       triarch config images pull [OPTIONS] [IMAGE...]\n"
        "       triarch config images save FILE [OPTIONS] [IMAGE...]\n"
        "       triarch config images load FILE [OPTIONS] [IMAGE...]\n\n"
        "The images of a cluster, or those named. list prints them; pull has the container runtime get "
        "those\n"
        "that it lacks; save writes them to an archive (OCI image layout in a tar), which load puts into a\n"
        "containerd that no registry is in reach of.";

/* The command line, parsed. The strings are argv's. */
struct images {
        struct common common;
        struct config_flags flags;
        const char *config_file, *auth_file;
        char default_config[PATH_MAX];
        char **args;
        int n_args;
};

static int parse(int argc, char **argv, struct images *in, struct error *e) {
        struct config_flags *f = &in->flags;
        const struct opt table[] = {
                { "config", 0, OPT_STRING, &in->config_file, "FILE",
                  "configuration; default: " TRIARCH_CONFIG_FILE ", where there is one" },
                { "kubernetes-version", 0, OPT_STRING, &f->kubernetes_version, "VERSION",
                  "of the control plane" },
                { "image-repository", 0, OPT_STRING, &f->image_repository, "NAME", "where images come from" },
                { "cri-socket", 0, OPT_STRING, &f->cri_socket, "URI", "the container runtime's socket" },
                { "auth-file", 0, OPT_STRING, &in->auth_file, "FILE",
                  "credentials for registries; default: the kubelet's, " REGISTRY_AUTH_FILE },
                { 0 },
        };

        return opt_parse(argc, argv, usage, table, &in->common, &in->args, &in->n_args, e);
}

/* The configuration of this machine's cluster, when none is given. */
static int load_config(struct images *in, struct config **ret, struct error *e) {
        const char *file = in->config_file;

        snprintf(in->default_config, sizeof in->default_config, "%.*s%s", PATH_MAX - 64, in->common.root,
                 TRIARCH_CONFIG_FILE);
        if (!file && access(in->default_config, R_OK) == 0)
                file = in->default_config;
        in->flags.cluster = true;
        in->flags.any_address = true; /* the images do not depend on the address that a cluster has to have */
        return config_load(file, &in->flags, ret, e);
}

static int list(const struct str_list *images, bool json) {
        struct error e;
        json_t *o;

        if (!json) {
                for (size_t i = 0; i < images->n; i++)
                        puts(images->items[i]);
                return EXIT_DONE;
        }
        o = json_pack("{s:[]}", "images");
        for (size_t i = 0; i < images->n; i++)
                json_array_append_new(json_object_get(o, "images"), json_string(images->items[i]));
        return print_json(o, &e) < 0 ? error_print(&e) : EXIT_DONE;
}

static int pull(const struct config *c, const struct str_list *images, const char *auth_file) {
        CLEANUP(freep) struct image_result *results = calloc(images->n + 1, sizeof *results);
        /* Whoever asks for it means it: Never is for what comes by itself. */
        struct images_pull q = { .config = c,
                                 .policy = c->image_pull_policy == IMAGE_PULL_ALWAYS
                                                   ? IMAGE_PULL_ALWAYS
                                                   : IMAGE_PULL_IF_NOT_PRESENT,
                                 .parallel = IMAGES_PARALLEL,
                                 .auth_file = auth_file };
        struct error e;
        int r;

        if (!results) {
                fputs("triarch: out of memory\n", stderr);
                return EXIT_FAILED;
        }
        r = images_pull(&q, images, results, &e);
        if (r == 0)
                return EXIT_DONE;
        fflush(stdout);
        for (size_t i = 0; i < images->n; i++)
                if (results[i].outcome == IMAGE_FAILED)
                        error_print(&results[i].error);
        return error_print(&e);
}

/* The images named on the command line from the i-th argument on; without any: the cluster's, or none. */
static int take_names(const struct images *in, int i, const struct config *c, bool or_all,
                      struct str_list *ret, struct error *e) {
        char full[OCI_NAME];

        *ret = (struct str_list){ 0 };
        if (i >= in->n_args)
                return or_all ? images_list(c, ret, e) : 0;
        if (!(ret->items = calloc((size_t)in->n_args + 1, sizeof *ret->items)))
                return error_set(e, EXIT_FAILED, "out of memory");
        for (; i < in->n_args; i++) {
                if (!oci_name_full(in->args[i], full))
                        return error_set(e, EXIT_INPUT, "\"%s\" is no name of an image", in->args[i]);
                if (!(ret->items[ret->n++] = strdup(full)))
                        return error_set(e, EXIT_FAILED, "out of memory");
        }
        return 0;
}

static int act(const struct images *in, const struct config *c, const char *verb, int first,
               struct error *e) {
        CLEANUP(images_list_done) struct str_list images = { 0 };
        int r = take_names(in, first, c, strcmp(verb, "load") != 0, &images, e);

        if (r < 0)
                return error_print(e);
        if (!strcmp(verb, "list"))
                return list(&images, in->common.json);
        if (!strcmp(verb, "pull"))
                return pull(c, &images, in->auth_file);
        r = !strcmp(verb, "save") ? images_save(c, &images, in->args[1], e)
                                  : images_load(c, &images, in->args[1], e);
        fflush(stdout);
        return r < 0 ? error_print(e) : EXIT_DONE;
}

/* What each verb wants: a file, and whether images may be named. */
static const struct {
        const char *name;
        bool file, names;
} verbs[] = {
        { "list", false, false }, { "pull", false, true }, { "save", true, true }, { "load", true, true }
};

static int refuse_common(const struct images *in, const char *verb, struct error *e) {
        char name[32];

        snprintf(name, sizeof name, "config images %s", verb);
        return opt_refuse(&in->common, OPT_NO_JSON | OPT_NO_ROOT, name, e);
}

static int check_usage(const struct images *in, int *ret_first, struct error *e) {
        for (size_t i = 0; in->n_args && i < ARRAY_SIZE(verbs); i++) {
                if (strcmp(verbs[i].name, in->args[0]) != 0)
                        continue;
                *ret_first = verbs[i].file ? 2 : 1;
                if (in->n_args < *ret_first)
                        return error_set(e, EXIT_INPUT, "expected `config images %s FILE [IMAGE...]`",
                                         verbs[i].name);
                if (!verbs[i].names && in->n_args > *ret_first)
                        return error_set(e, EXIT_INPUT, "unexpected argument \"%s\"", in->args[*ret_first]);
                return strcmp(verbs[i].name, "list") != 0 ? refuse_common(in, verbs[i].name, e) : 0;
        }
        return error_set(e, EXIT_INPUT,
                         "expected `config images list`, `pull`, `save FILE` or `load FILE`; see --help");
}

int cmd_images(int argc, char **argv) {
        CLEANUP(config_freep) struct config *c = NULL;
        struct images in = { 0 };
        struct error e;
        int first = 0, r = parse(argc, argv, &in, &e);

        if (r)
                return r < 0 ? error_print(&e) : EXIT_DONE;
        if (check_usage(&in, &first, &e) < 0 || load_config(&in, &c, &e) < 0)
                return error_print(&e);
        return act(&in, c, in.args[0], first, &e);
}
