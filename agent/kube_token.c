#include "agent/kube_token.h"
#include "agent/jread.h"
#include "pki/base64.h"
#include "pki/file.h"
#include "pki/proof.h"
#include "templates/objects.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <time.h>

enum { N_PAIRS = 8, TEXT = 1024 };

/* The template's values; those of the Secret's data are base64 and owned. */
struct values {
        struct tmpl_pair v[N_PAIRS];
        char *owned[N_PAIRS];
        size_t n;
};

static void values_done(struct values *v) {
        for (size_t i = 0; i < v->n; i++)
                pki_wipe_free(v->owned[i]);
}

/* value NULL: the entry is left out. */
static int add(struct values *v, const char *name, const char *value) {
        char *text = value ? pki_base64_encode(value) : NULL;

        if (value && !text)
                return -ENOMEM;
        v->owned[v->n] = text;
        v->v[v->n++] = (struct tmpl_pair){ name, text };
        return 0;
}

static bool has(const struct str_list *list, const char *word) {
        for (size_t i = 0; list && i < list->n; i++)
                if (!strcmp(list->items[i], word))
                        return true;
        return !list || !list->n;
}

static int check(const struct kube_token *t, struct error *e) {
        if (pki_token_check(t->token) < 0)
                return error_set(e, EXIT_INPUT,
                                 "a bootstrap token is six and sixteen letters or digits with a dot between "
                                 "them: abcdef.0123456789abcdef");
        for (size_t i = 0; t->usages && i < t->usages->n; i++)
                if (strcmp(t->usages->items[i], "signing") != 0 &&
                    strcmp(t->usages->items[i], "authentication") != 0)
                        return error_set(e, EXIT_INPUT,
                                         "bootstrap token %.6s: there is no usage \"%s\", only signing and "
                                         "authentication",
                                         t->token, t->usages->items[i]);
        return 0;
}

static int join_groups(const struct kube_token *t, char out[TEXT]) {
        size_t n = 0;

        snprintf(out, TEXT, "%s", KUBE_TOKEN_GROUP);
        for (size_t i = 0; t->groups && i < t->groups->n; i++) {
                int k = snprintf(out + n, TEXT - n, "%s%s", i ? "," : "", t->groups->items[i]);

                if (k < 0 || (size_t)k >= TEXT - n)
                        return -E2BIG;
                n += (size_t)k;
        }
        return 0;
}

/* RFC 3339, UTC. */
static int expiry(int64_t at, char out[40]) {
        time_t t = (time_t)at;
        struct tm tm;

        return gmtime_r(&t, &tm) && strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &tm) ? 0 : -EOVERFLOW;
}

static int fill(const struct kube_token *t, struct values *v, char id[PKI_TOKEN_ID + 1]) {
        char groups[TEXT], expiration[40];
        bool signs = has(t->usages, "signing"), authenticates = has(t->usages, "authentication");
        int r;

        snprintf(id, PKI_TOKEN_ID + 1, "%s", t->token);
        v->v[v->n++] = (struct tmpl_pair){ "id", id };
        if ((r = join_groups(t, groups)) < 0 || (t->expires_s && (r = expiry(t->expires_s, expiration)) < 0))
                return r;
        if ((r = add(v, "token_id", id)) < 0 ||
            (r = add(v, "token_secret", t->token + PKI_TOKEN_ID + 1)) < 0 ||
            (r = add(v, "description", t->description && *t->description ? t->description : NULL)) < 0 ||
            (r = add(v, "expiration", t->expires_s ? expiration : NULL)) < 0 ||
            (r = add(v, "groups", authenticates ? groups : NULL)) < 0 ||
            (r = add(v, "usage_signing", signs ? "true" : NULL)) < 0)
                return r;
        return add(v, "usage_authentication", authenticates ? "true" : NULL);
}

int kube_token_render(const struct kube_token *t, char **ret, size_t *ret_size, struct error *e) {
        CLEANUP(values_done) struct values v = { .n = 0 };
        struct tmpl_error why = { 0 };
        char id[PKI_TOKEN_ID + 1];
        int r;

        if ((r = check(t, e)) < 0)
                return r;
        if ((r = fill(t, &v, id)) == 0)
                r = tmpl_render_objects("bootstrap-token", v.v, v.n, NULL, ret, ret_size, &why);
        if (r < 0)
                error_set(e, EXIT_FAILED, "the bootstrap token %.6s cannot be made: %s", t->token,
                          *why.what ? why.what : strerror(-r));
        return r;
}

static struct kube_ref ref_of(const char *id, char name[32]) {
        snprintf(name, 32, "bootstrap-token-%.6s", id);
        return (struct kube_ref){
                .api_version = "v1", .kind = "Secret", .namespace = "kube-system", .name = name
        };
}

static bool same_secret(const json_t *have, const json_t *want) {
        const char *a = kube_string(have, "data", "token-secret", NULL);
        const char *b = kube_string(want, "data", "token-secret", NULL);

        return a && b && strlen(a) == strlen(b) && !CRYPTO_memcmp(a, b, strlen(a));
}

/* The Secret may be the one that is there already. */
static int compare(struct kube *k, const json_t *want, const struct kube_token *t, struct error *e) {
        CLEANUP(jread_decref) json_t *have = NULL;
        char name[32];
        struct kube_ref ref = ref_of(t->token, name);
        int r = kube_get(k, &ref, &have, e);

        if (r < 0 || same_secret(have, want))
                return r;
        error_set(e, EXIT_FAILED,
                  "there is another bootstrap token with the id %.6s; `kubeadm token delete %.6s` removes it",
                  t->token, t->token);
        return -EEXIST;
}

int kube_bootstrap_token_put(struct kube *k, const struct kube_token *t, enum kube_outcome *ret_outcome,
                             struct error *e) {
        CLEANUP(jread_decref) json_t *objects = NULL;
        CLEANUP(pki_wipe_freep) char *text = NULL;
        size_t size;
        int r;

        if ((r = kube_token_render(t, &text, &size, e)) < 0 ||
            (r = kube_objects_parse(text, size, "bootstrap-token", &objects, e)) < 0)
                return r;
        *ret_outcome = KUBE_MADE;
        if ((r = kube_create(k, json_array_get(objects, 0), NULL, e)) != -EEXIST)
                return r;
        *ret_outcome = KUBE_KEPT;
        return compare(k, json_array_get(objects, 0), t, e);
}

int kube_bootstrap_token_delete(struct kube *k, const char *id, struct error *e) {
        char name[32];
        struct kube_ref ref = ref_of(id, name);

        return kube_delete(k, &ref, e);
}
