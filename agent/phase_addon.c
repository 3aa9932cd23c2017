#include "agent/addon.h"
#include "agent/jread.h"
#include "agent/phase_kube.h"
#include "agent/runtime.h"
#include <errno.h>

static void warn_kept(const char *object, const struct error *why) {
        fflush(stdout);
        fprintf(stderr, "triarch: warning: %s is left as it is, for somebody else has a hand in it: %s\n",
                object, why->message);
}

static const char *subject_of(const json_t *object, char out[600]) {
        struct kube_ref ref;

        if (kube_ref_of(object, &ref, NULL) < 0)
                return "an object";
        snprintf(out, 600, "%s %s%s%s", ref.kind, ref.namespace ? ref.namespace : "",
                 ref.namespace ? "/" : "", ref.name);
        return out;
}

/* Objects one by one: of one that somebody else has a hand in, the others are none the worse. */
static int put_objects(struct phase_ctx *ctx, struct kube *k, const json_t *objects, enum kube_mode mode,
                       struct error *e) {
        const json_t *object;
        size_t i;

        json_array_foreach(objects, i, object) {
                enum kube_outcome outcome;
                char subject[600];
                struct error why = { 0 };
                int r = kube_put(k, object, mode, &outcome, &why);

                subject_of(object, subject);
                if (r == -EBUSY && mode == KUBE_SHARED) {
                        ctx->kept++;
                        warn_kept(subject, &why);
                } else if (r < 0) {
                        *e = why;
                        return r;
                } else
                        phase_kube_report(ctx, "addon", outcome, subject);
        }
        return 0;
}

/* As many as somebody has decided on; two where there is none yet. */
static int dns_replicas(struct kube *k, unsigned *ret, struct error *e) {
        static const struct kube_ref ref = { "apps/v1", "Deployment", "kube-system", "coredns" };
        CLEANUP(jread_decref) json_t *deployment = NULL;
        const json_t *replicas;
        int r = kube_get(k, &ref, &deployment, e);

        *ret = ADDON_DNS_REPLICAS;
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        replicas = json_object_get(json_object_get(deployment, "spec"), "replicas");
        if (json_is_integer(replicas) && json_integer_value(replicas) >= 0)
                *ret = (unsigned)json_integer_value(replicas);
        return 0;
}

static int put_part(struct phase_ctx *ctx, const struct phase_values *v, struct kube *k,
                    const struct addon_part *part, struct error *e) {
        CLEANUP(jread_decref) json_t *objects = NULL;
        CLEANUP(freep) char *text = NULL;
        char cni_bin_dir[PATH_MAX] = "";
        struct addon_found found = { ADDON_DNS_REPLICAS, cni_bin_dir };
        size_t size;
        int r;

        if (k && !strcmp(part->name, "coredns-deployment") &&
            (r = dns_replicas(k, &found.dns_replicas, e)) < 0)
                return r;
        if (!strcmp(part->name, "flannel-daemonset") && (r = runtime_cni_bin_dir(ctx, cni_bin_dir, e)) < 0)
                return r;
        if ((r = addon_render(ctx->config, v, part, &found, &text, &size, e)) < 0)
                return r;
        if (!k)
                return phase_kube_put(ctx, "addon", NULL, text, size, part->name, part->mode, e);
        r = kube_objects_parse(text, size, part->name, &objects, e);
        return r < 0 ? r : put_objects(ctx, k, objects, part->mode, e);
}

static int put_addon(struct phase_ctx *ctx, const struct phase_values *v, struct kube *k, const char *addon,
                     struct error *e) {
        const char *why = addon_unwanted(ctx->config, addon);
        const struct addon_part *part;
        int r;

        if (why) {
                printf("[addon] no %s: %s\n", addon, why);
                return 0;
        }
        for (size_t i = 0; (part = addon_part(addon, i)); i++)
                if ((r = put_part(ctx, v, k, part, e)) < 0)
                        return r;
        return 0;
}

int phase_addon(struct phase_ctx *ctx, const char *sub, struct error *e) {
        static const char *const addons[] = { "coredns", "kube-proxy", "flannel" };
        CLEANUP(phase_values_freep) struct phase_values *v = NULL;
        CLEANUP(kube_freep) struct kube *k = NULL;
        int r;

        if (phase_kube_absent(ctx))
                return 0;
        if ((r = phase_values_new(ctx, &v, e)) < 0 || (r = phase_kube_open(ctx, &k, e)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(addons); i++)
                if (!sub || !strcmp(sub, "all") || !strcmp(sub, addons[i]))
                        if ((r = put_addon(ctx, v, k, addons[i], e)) < 0)
                                return r;
        return 0;
}
