#include "agent/kube_priv.h"
#include "pki/file.h"
#include "pki/kubeconfig.h"
#include <errno.h>

enum { KUBECONFIG_MAX = 1 << 20 };

void kube_free(struct kube *k) {
        if (!k)
                return;
        if (k->easy)
                curl_easy_cleanup(k->easy);
        free(k->server);
        free(k->ca_pem);
        free(k->crt_pem);
        pki_wipe_free(k->key_pem);
        free(k->crt_file);
        free(k->key_file);
        pki_wipe_free(k->authorization);
        free(k);
}

static int copy(char **to, const char *from) {
        if (from && !(*to = strdup(from)))
                return -ENOMEM;
        return 0;
}

static int copy_identity(struct kube *k, const struct kube_identity *who) {
        if (who->token && asprintf(&k->authorization, "Authorization: Bearer %s", who->token) < 0)
                return k->authorization = NULL, -ENOMEM;
        if (copy(&k->server, who->server) < 0 || copy(&k->ca_pem, who->ca_pem) < 0 ||
            copy(&k->crt_pem, who->crt_pem) < 0 || copy(&k->key_pem, who->key_pem) < 0 ||
            copy(&k->crt_file, who->crt_file) < 0 || copy(&k->key_file, who->key_file) < 0)
                return -ENOMEM;
        for (size_t n = strlen(k->server); n && k->server[n - 1] == '/'; n--)
                k->server[n - 1] = '\0';
        return 0;
}

/* A header is a line: what is not printable would end it. */
static bool is_token(const char *s) {
        for (; *s; s++)
                if (*s <= ' ' || *s > '~')
                        return false;
        return true;
}

static int check_identity(const struct kube_identity *who, struct error *e) {
        bool certificate = who->crt_pem || who->crt_file;

        if (strncmp(who->server, "https://", 8) != 0)
                return error_set(e, EXIT_INPUT,
                                 "the API server's address \"%.200s\" does not begin with https://",
                                 who->server);
        if (!who->ca_pem && (certificate || who->token))
                return error_set(e, EXIT_INPUT,
                                 "%.200s: without the CA's certificate no certificate or token is shown to "
                                 "whoever answers there",
                                 who->server);
        if ((who->crt_pem && !who->key_pem) || (who->crt_file && !who->key_file))
                return error_set(e, EXIT_INPUT, "%.200s: there is a client certificate, but no key for it",
                                 who->server);
        if (who->token && (!*who->token || !is_token(who->token)))
                return error_set(e, EXIT_INPUT,
                                 "%.200s: the bearer token cannot be sent: it holds a "
                                 "character that is not printable, or nothing",
                                 who->server);
        return 0;
}

int kube_new(const struct kube_identity *who, struct kube **ret, struct error *e) {
        CLEANUP(kube_freep) struct kube *k = NULL;
        int r = check_identity(who, e);

        if (r < 0)
                return r;
        if (!(k = calloc(1, sizeof *k)) || copy_identity(k, who) < 0 || !(k->easy = curl_easy_init()))
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        kube_limits(k, KUBE_TIMEOUT_MS, KUBE_PATIENCE_MS);
        *ret = TAKE_PTR(k);
        return 0;
}

static int file_error(const char *path, int r, struct error *e) {
        error_set(e, EXIT_FAILED, "%s",
                  r == -ENOENT ? "is not there; `triarch init phase kubeconfig` makes it" : strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, "%s", path);
        return r;
}

int kube_open(const char *kubeconfig, const char *server, struct kube **ret, struct error *e) {
        CLEANUP(pki_kubeconfig_done) struct pki_kubeconfig c = { 0 };
        CLEANUP(pki_wipe_freep) char *text = NULL;
        char why[200] = "";
        size_t size;
        int r;

        if ((r = pki_file_read(kubeconfig, KUBECONFIG_MAX, &text, &size)) < 0)
                return file_error(kubeconfig, r, e);
        if ((r = pki_kubeconfig_parse(text, size, &c, why)) < 0)
                return r == -EINVAL ? error_at(e, kubeconfig, 0, 0, "%s", why) : file_error(kubeconfig, r, e);
        return kube_new(&(struct kube_identity){ .server = server ? server : c.server,
                                                 .ca_pem = c.ca_pem,
                                                 .crt_pem = c.crt_pem,
                                                 .key_pem = c.key_pem,
                                                 .crt_file = c.crt_pem ? NULL : c.crt_file,
                                                 .key_file = c.crt_pem ? NULL : c.key_file,
                                                 .token = c.token },
                        ret, e);
}

const char *kube_server(const struct kube *k) {
        return k->server;
}

void kube_limits(struct kube *k, unsigned timeout_ms, unsigned patience_ms) {
        k->timeout_ms = timeout_ms ? timeout_ms : KUBE_TIMEOUT_MS;
        k->patience_ms = patience_ms;
}
