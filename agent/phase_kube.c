#include "agent/phase_kube.h"
#include "agent/jread.h"
#include "agent/monotonic.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <time.h>

#define ADMIN       "/etc/kubernetes/admin.conf"
#define SUPER_ADMIN "/etc/kubernetes/super-admin.conf"

/* A new binding, or a whole API server that has just been started, takes a moment to be known there. */
enum { RIGHTS_LIMIT_MS = 30000, RIGHTS_PAUSE_MS = 50 };

static const struct kube_ref admins = { .api_version = "rbac.authorization.k8s.io/v1",
                                        .kind = "ClusterRoleBinding",
                                        .name = "kubeadm:cluster-admins" };

static int open_as(const struct phase_ctx *ctx, const char *conf, struct kube **ret, struct error *e) {
        char path[PATH_MAX], authority[CONFIG_HOST_PORT_SIZE], server[CONFIG_HOST_PORT_SIZE + 8];

        if (!phase_path(ctx, conf, path))
                return error_set(e, EXIT_INPUT, "--root: the path is too long"), -ENAMETOOLONG;
        snprintf(server, sizeof server, "https://%s",
                 config_host_port(ctx->config->advertise_address, ctx->config->bind_port, authority));
        return kube_open(path, server, ret, e);
}

/* With the rights that need no binding. */
static int bind_admins(struct phase_ctx *ctx, struct kube *super, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = phase_render_objects(NULL, "cluster-admins", NULL, 0, &text, &size, e);

        return r < 0 ? r
                     : phase_kube_put(ctx, "upload-config", super, text, size, "cluster-admins", KUBE_ONCE,
                                      e);
}

static int wait_for_rights(struct kube *admin, struct error *e) {
        int64_t end = monotonic_us() + RIGHTS_LIMIT_MS * INT64_C(1000);
        int r;

        while ((r = kube_get(admin, &admins, NULL, e)) == -EPERM && monotonic_us() < end)
                nanosleep(&(struct timespec){ .tv_nsec = RIGHTS_PAUSE_MS * 1000000L }, NULL);
        return r;
}

static int give_rights(struct phase_ctx *ctx, struct kube *admin, struct error *e) {
        CLEANUP(kube_freep) struct kube *super = NULL;
        int r = open_as(ctx, SUPER_ADMIN, &super, e);

        if (r == 0)
                r = bind_admins(ctx, super, e);
        if (r < 0 && r != -ENOENT)
                return r;
        r = wait_for_rights(admin, e); /* without super-admin.conf the first master has made it */
        if (r == -EPERM || r == -ENOENT)
                error_set(e, EXIT_FAILED,
                          "%s has no rights in the cluster: there is no ClusterRoleBinding %s, and no %s to "
                          "make it with; run `triarch init phase upload-config kubeadm` on the first master",
                          ADMIN, admins.name, SUPER_ADMIN);
        return r;
}

int phase_kube_open(struct phase_ctx *ctx, struct kube **ret, struct error *e) {
        CLEANUP(kube_freep) struct kube *admin = NULL;
        int r;

        *ret = NULL;
        if (ctx->config->dry_run)
                return 0;
        if ((r = open_as(ctx, ADMIN, &admin, e)) < 0)
                return r;
        if ((r = kube_get(admin, &admins, NULL, e)) == -EPERM)
                r = give_rights(ctx, admin, e);
        else if (r == -ENOENT)
                r = bind_admins(ctx, admin, e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(admin);
        return 0;
}

void phase_kube_report(struct phase_ctx *ctx, const char *phase, enum kube_outcome outcome,
                       const char *object) {
        static const char *const words[] = {
                [KUBE_KEPT] = "kept", [KUBE_MADE] = "made", [KUBE_CHANGED] = "changed"
        };

        ctx->made += outcome != KUBE_KEPT;
        if (outcome != KUBE_KEPT || ctx->verbose)
                printf("[%s] %s %s\n", phase, words[outcome], object);
        fflush(stdout);
}

struct reporter {
        struct phase_ctx *ctx;
        const char *phase;
};

static void on_object(void *userdata, enum kube_outcome outcome, const char *object) {
        const struct reporter *r = userdata;

        phase_kube_report(r->ctx, r->phase, outcome, object);
}

/* A dry run's output goes into tickets: what a Secret holds is not for them. */
static void hide_secrets(json_t *object) {
        const char *kind = kube_string(object, "kind", NULL), *key;
        json_t *data = json_object_get(object, "data"), *value;

        if (kind && !strcmp(kind, "Secret"))
                json_object_foreach(data, key, value) json_object_set_new(data, key, json_string("(secret)"));
}

static int print_objects(const char *phase, const char *text, size_t size, const char *name,
                         struct error *e) {
        CLEANUP(jread_decref) json_t *objects = NULL;
        json_t *object;
        size_t i;
        int r = kube_objects_parse(text, size, name, &objects, e);

        if (r < 0)
                return r;
        json_array_foreach(objects, i, object) {
                CLEANUP(freep) char *line = NULL;

                hide_secrets(object);
                if (!(line = json_dumps(object, JSON_INDENT(2))))
                        return error_set(e, EXIT_FAILED, "%s: out of memory", name), -ENOMEM;
                printf("[%s] would apply:\n%s\n", phase, line);
        }
        fflush(stdout);
        return 0;
}

int phase_kube_put(struct phase_ctx *ctx, const char *phase, struct kube *k, const char *text, size_t size,
                   const char *name, enum kube_mode mode, struct error *e) {
        struct reporter reporter = { ctx, phase };

        if (!k)
                return print_objects(phase, text, size, name, e);
        return kube_apply(k, text, size, name, mode, on_object, &reporter, e);
}

int phase_kube_apply(struct phase_ctx *ctx, const char *phase, struct kube *k, const char *name,
                     const struct tmpl_pair *pairs, size_t n_pairs, const struct phase_values *v,
                     enum kube_mode mode, struct error *e) {
        CLEANUP(pki_wipe_freep) char *text = NULL;
        size_t size;
        int r = phase_render_objects(v, name, pairs, n_pairs, &text, &size, e);

        return r < 0 ? r : phase_kube_put(ctx, phase, k, text, size, name, mode, e);
}
