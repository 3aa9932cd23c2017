#include "agent/phase_kube.h"
#include "agent/diff.h"
#include "agent/jread.h"
#include "agent/kube_priv.h"
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
        int r;

        if (!phase_path(ctx, conf, path))
                return error_set(e, EXIT_INPUT, "--root: the path is too long"), -ENAMETOOLONG;
        snprintf(server, sizeof server, "https://%s",
                 config_host_port(ctx->config->advertise_address, ctx->config->bind_port, authority));
        if ((r = kube_open(path, server, ret, e)) < 0)
                return r;
        if (ctx->config->timeouts.api_call_us)
                kube_limits(*ret, KUBE_TIMEOUT_MS, ctx->config->timeouts.api_call_us / 1000);
        return 0;
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

/* The next document of a text as the renderer writes it: what is inside a document is indented, or begins
 * with a letter. malloc'ed; NULL: no memory. */
static char *next_document(const char **text) {
        const char *end = strstr(*text, "\n---\n"), *begin = *text;
        size_t n = end ? (size_t)(end + 1 - begin) : strlen(begin);

        *text = end ? end + strlen("\n---\n") : begin + n;
        return strndup(begin, n);
}

/* The output goes into tickets: what a Secret holds is not for them. */
static int print_object(struct phase_ctx *ctx, const char *phase, const json_t *object, const char **text,
                        struct error *e) {
        CLEANUP(pki_wipe_freep) char *document = next_document(text);
        char subject[KUBE_SUBJECT_SIZE];
        struct kube_ref ref;
        int r = kube_ref_of(object, &ref, e);

        if (r < 0)
                return r;
        if (!document)
                return error_set(e, EXIT_FAILED, "%s: out of memory", ref.name), -ENOMEM;
        kube_subject(&ref, subject);
        printf("[%s] would have applied %s\n", phase, subject);
        if (strcmp(ref.kind, "Secret") != 0)
                diff_print(stdout, "    ", "", document);
        ctx->made++;
        return 0;
}

/* Whether an object is there and the same is not asked: a dry run may come before the cluster. */
static int print_objects(struct phase_ctx *ctx, const char *phase, const char *text, size_t size,
                         const char *name, struct error *e) {
        CLEANUP(jread_decref) json_t *objects = NULL;
        json_t *object;
        size_t i;
        int r = kube_objects_parse(text, size, name, &objects, e);

        if (r < 0)
                return r;
        json_array_foreach(objects, i,
                           object) if ((r = print_object(ctx, phase, object, &text, e)) < 0) return r;
        fflush(stdout);
        return 0;
}

bool phase_kube_absent(const struct phase_ctx *ctx) {
        return *ctx->root && !ctx->config->dry_run;
}

int phase_kube_put(struct phase_ctx *ctx, const char *phase, struct kube *k, const char *text, size_t size,
                   const char *name, enum kube_mode mode, struct error *e) {
        struct reporter reporter = { ctx, phase };

        if (!k)
                return print_objects(ctx, phase, text, size, name, e);
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
