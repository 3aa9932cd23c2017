#include "pki/check.h"
#include "pki/csr.h"
#include "pki/ensure.h"
#include "pki/fail.h"
#include "pki/file.h"
#include "pki/key.h"
#include "pki/kubeconfig.h"
#include "pki/kubelet.h"
#include <errno.h>

static const char remove_it[] = "remove it, and it is made again";

/* One kubeconfig: what is there, and what is to be made. */
struct conf {
        const struct pki_conf_row *row; /* NULL: not selected */
        char path[PATH_MAX];            /* root included */
        char cn[300];
        char server[300];
        struct pki_kubeconfig have;
        bool exists, by_file;       /* by_file: the kubelet's second form */
        bool completed;             /* its certificate has come, in a file beside it */
        struct pki_kubelet kubelet; /* with by_file */
        EVP_PKEY *key;              /* new, or out of the file */
        X509 *crt;
};

struct set {
        const struct pki_params *p;
        struct pki_pair ca;
        struct conf confs[PKI_CONF_ROWS];
};

static void conf_done(struct conf *c) {
        pki_kubeconfig_done(&c->have);
        pki_kubelet_done(&c->kubelet);
        EVP_PKEY_free(c->key);
        X509_free(c->crt);
}

static void set_freep(struct set **s) {
        if (!*s)
                return;
        for (size_t i = 0; i < PKI_CONF_ROWS; i++)
                conf_done(&(*s)->confs[i]);
        pki_pair_done(&(*s)->ca);
        free(*s);
}

static int conf_init(struct conf *c, const struct pki_params *p, const struct pki_conf_row *row,
                     struct pki_error *e) {
        bool away = p->kubelet_to_endpoint && row->node, local = (row->local && !away) || !p->endpoint_host;
        const char *host = local ? p->advertise_address : p->endpoint_host;
        unsigned port = local ? p->bind_port : p->endpoint_port;
        bool v6 = strchr(host, ':') != NULL;

        c->row = row;
        if (snprintf(c->path, sizeof c->path, "%s%s/%s.conf", p->root, p->kube_dir, row->name) >= PATH_MAX)
                return pki_fail(e, -ENAMETOOLONG, p->kube_dir, NULL, "is too long a path");
        if (snprintf(c->cn, sizeof c->cn, "%s%s", row->user, row->node ? p->node_name : "") >=
                    (int)sizeof c->cn ||
            snprintf(c->server, sizeof c->server, "https://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
                     port) >= (int)sizeof c->server)
                return pki_fail(e, -EINVAL, NULL, "shorten it", "the name \"%.100s\" is too long",
                                row->node ? p->node_name : host);
        return 0;
}

static struct pki_spec spec_of(const struct conf *c, unsigned valid_s) {
        return (struct pki_spec){
                .cn = c->cn,
                .o = c->row->o,
                .as_old_as_ca = true,
                .valid_s = valid_s,
                .eku = PKI_EKU_CLIENT,
        };
}

static int conf_read(struct conf *c, struct pki_error *e) {
        CLEANUP(pki_wipe_freep) char *text = NULL;
        char why[200];
        size_t n;
        int r = pki_file_read(c->path, PKI_MAX_FILE, &text, &n);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return pki_fail_errno(e, r, c->path, "read");
        c->exists = true;
        r = pki_check_private(c->path, 0600, e);
        if (r < 0)
                return r;
        r = pki_kubeconfig_parse(text, n, &c->have, why);
        if (r == -EINVAL)
                return pki_fail(e, r, c->path, remove_it, "%s", why);
        return r < 0 ? pki_fail_errno(e, r, c->path, "read") : 0;
}

static int check_server(const struct conf *c, struct pki_error *e) {
        if (strcmp(c->have.server, c->server) == 0)
                return 0;
        return pki_fail(e, -EINVAL, c->path, remove_it, "its server is %.150s, wanted is %s", c->have.server,
                        c->server);
}

static int check_ca(const struct conf *c, const struct pki_pair *ca, struct pki_error *e) {
        CLEANUP(X509_freep) X509 *crt = NULL;

        if (pki_cert_from_pem(c->have.ca_pem, strlen(c->have.ca_pem), &crt) < 0)
                return pki_fail(e, -EINVAL, c->path, remove_it,
                                "its certificate-authority-data holds no certificate");
        /* The certificate may have been made again; what counts is whose it is. */
        if (EVP_PKEY_eq(X509_get0_pubkey(crt), X509_get0_pubkey(ca->crt)) == 1)
                return 0;
        return pki_fail(e, -EINVAL, c->path, remove_it, "its certificate-authority-data is not the CA of %s",
                        ca->crt_path);
}

static int conf_beside(const struct conf *c, const char *suffix, char path[PATH_MAX], struct pki_error *e) {
        if (snprintf(path, PATH_MAX, "%s.%s", c->path, suffix) >= PATH_MAX)
                return pki_fail(e, -ENAMETOOLONG, c->path, NULL, "is too long a path");
        return 0;
}

/* A kubeconfig whose certificate an external CA makes, NAME.conf.crt. */
static int take_signed(struct conf *c, struct pki_error *e) {
        char path[PATH_MAX], remedy[256];
        int r = conf_beside(c, "crt", path, e);

        if (r < 0)
                return r;
        r = pki_load_cert(path, &c->crt, e);
        if (r != -ENOENT) {
                c->completed = r == 0;
                return r;
        }
        snprintf(remedy, sizeof remedy, "let the CA sign %.90s.csr, and put the certificate into %.90s.crt",
                 c->path, c->path);
        return pki_fail(e, -EINVAL, c->path, remedy, "waits for its certificate");
}

/* Fills key and crt out of the embedded data. */
static int take_embedded(struct conf *c, struct pki_error *e) {
        const struct pki_kubeconfig *k = &c->have;

        int r;

        if (!k->key_pem)
                return pki_fail(e, -EINVAL, c->path, remove_it,
                                "has no client-certificate-data and client-key-data");
        if (!k->crt_pem && (r = take_signed(c, e)) < 0)
                return r;
        if (k->crt_pem && pki_cert_from_pem(k->crt_pem, strlen(k->crt_pem), &c->crt) < 0)
                return pki_fail(e, -EINVAL, c->path, remove_it,
                                "its client-certificate-data holds no certificate");
        if (pki_key_from_pem(k->key_pem, strlen(k->key_pem), &c->key) < 0)
                return pki_fail(e, -EINVAL, c->path, remove_it, "its client-key-data holds no private key");
        if (EVP_PKEY_eq(X509_get0_pubkey(c->crt), c->key) != 1)
                return pki_fail(e, -EINVAL, c->path, remove_it,
                                "its client-key-data is not the key of its client-certificate-data");
        return 0;
}

static int check_client(const struct conf *c, const struct pki_params *p, const struct pki_pair *ca,
                        X509 *crt, const char *path, struct pki_error *e) {
        struct pki_spec spec = spec_of(c, p->leaf_s);
        struct pki_check check = {
                .path = path,
                .crt = crt,
                .spec = &spec,
                .ca = ca->crt,
                .ca_path = ca->crt_path,
                .now = p->now,
        };

        return pki_cert_check(&check, e);
}

static bool points_to_current(const struct pki_kubeconfig *k) {
        return k->crt_file && k->key_file && !k->crt_pem && !k->key_pem &&
               strcmp(k->crt_file, PKI_KUBELET_CURRENT) == 0 && strcmp(k->key_file, PKI_KUBELET_CURRENT) == 0;
}

static int load_kubelet(struct conf *c, const struct pki_params *p, const struct pki_pair *ca,
                        struct pki_error *e) {
        int r = pki_kubelet_load(p, &c->kubelet, e);

        if (r < 0 || !c->kubelet.crt)
                return r;
        return check_client(c, p, ca, c->kubelet.crt, c->kubelet.path, e);
}

/* Everything about one kubeconfig that exists. */
static int conf_load(struct conf *c, const struct pki_params *p, const struct pki_pair *ca,
                     struct pki_error *e) {
        int r = conf_read(c, e);

        if (r < 0 || !c->exists)
                return r;
        if ((r = check_server(c, e)) < 0 || (r = check_ca(c, ca, e)) < 0)
                return r;
        c->by_file = c->row->node && points_to_current(&c->have);
        if (c->by_file)
                return load_kubelet(c, p, ca, e);
        r = take_embedded(c, e);
        return r < 0 ? r : check_client(c, p, ca, c->crt, c->path, e);
}

static bool lacks_pair(const struct conf *c) {
        return c->row && (!c->exists || (c->by_file && !c->kubelet.crt));
}

static int set_select(struct set *s, const char *name, struct pki_error *e) {
        bool all = strcmp(name, "all") == 0;

        if (!all && !pki_conf_row_find(name))
                return pki_fail(e, -ENOENT, NULL, NULL, "there is no kubeconfig named \"%s\"", name);
        for (size_t i = 0; i < PKI_CONF_ROWS; i++) {
                const struct pki_conf_row *row = &pki_conf_rows[i];
                bool unasked = strcmp(row->name, "super-admin") == 0 && !s->p->super_admin;
                int r;

                if (all ? unasked : strcmp(row->name, name) != 0)
                        continue;
                r = conf_init(&s->confs[i], s->p, row, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_load(struct set *s, struct pki_error *e) {
        int r = pki_ca_load(s->p, PKI_CLUSTER_CA, &s->ca, e);

        for (size_t i = 0; i < PKI_CONF_ROWS && r == 0; i++)
                if (s->confs[i].row)
                        r = conf_load(&s->confs[i], s->p, &s->ca, e);
        return r;
}

static int issue(struct conf *c, const struct set *s, struct pki_error *e) {
        struct pki_spec spec = spec_of(c, s->p->leaf_s);

        if (!s->ca.key)
                return pki_fail_external(e, c->path, &s->ca);
        if (pki_cert_issue(&spec, c->key, s->ca.crt, s->ca.key, s->p->now, &c->crt) < 0)
                return pki_fail_crypto(e, c->path, "issuing a certificate");
        return 0;
}

static int set_make_pairs(struct set *s, struct pki_error *e) {
        EVP_PKEY **keys[PKI_CONF_ROWS];
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < PKI_CONF_ROWS; i++)
                if (lacks_pair(&s->confs[i]))
                        keys[n++] = &s->confs[i].key;
        if (pki_keys_generate(s->p->alg, keys, n) < 0)
                return pki_fail_crypto(e, NULL, "making keys");
        for (size_t i = 0; i < PKI_CONF_ROWS && r == 0; i++)
                if (lacks_pair(&s->confs[i]))
                        r = issue(&s->confs[i], s, e);
        return r;
}

/* Render and write; by_file: without the pair, naming the kubelet's own file. */
static int conf_write(const struct conf *c, const struct pki_params *p, const struct pki_pair *ca,
                      bool by_file, bool replace, struct pki_error *e) {
        CLEANUP(pki_wipe_freep) char *key_pem = NULL;
        CLEANUP(pki_wipe_freep) char *text = NULL;
        CLEANUP(freep) char *crt_pem = NULL;
        CLEANUP(freep) char *ca_pem = NULL;
        char current[] = PKI_KUBELET_CURRENT;
        struct pki_kubeconfig k = { .server = (char *)c->server, .user = (char *)c->cn };

        k.cluster = (char *)p->cluster_name;
        if (by_file)
                k.crt_file = k.key_file = current;
        else if (pki_key_to_pem(c->key, &key_pem) < 0 || (c->crt && pki_cert_to_pem(c->crt, &crt_pem) < 0))
                return pki_fail_crypto(e, c->path, "writing a key");
        if (pki_cert_to_pem(ca->crt, &ca_pem) < 0)
                return pki_fail_crypto(e, c->path, "writing a certificate");
        k.ca_pem = ca_pem;
        k.crt_pem = crt_pem;
        k.key_pem = key_pem;
        if (pki_kubeconfig_render(&k, &text) < 0)
                return pki_fail_crypto(e, c->path, "writing YAML");
        return pki_put(c->path, 0600, (gid_t)-1, text, replace, e);
}

static int conf_store(const struct conf *c, const struct set *s, pki_report_fn report, void *userdata,
                      struct pki_error *e) {
        int r;

        bool made = !c->exists || c->completed;

        if (made && !s->p->dry_run && (r = conf_write(c, s->p, &s->ca, false, c->completed, e)) < 0)
                return r;
        if (report)
                report(userdata, made ? PKI_MADE : PKI_KEPT, c->path + strlen(s->p->root));
        return c->by_file ? pki_kubelet_store(s->p, &c->kubelet, c->key, c->crt, report, userdata, e) : 0;
}

/* The kubeconfig with a key and without a certificate, and the request beside it. */
static int conf_request(struct conf *c, const struct set *s, pki_report_fn report, void *userdata,
                        struct pki_error *e) {
        struct pki_spec spec = spec_of(c, s->p->leaf_s);
        EVP_PKEY **keys[] = { &c->key };
        char path[PATH_MAX];
        int r = conf_read(c, e);

        if (r < 0 || (c->exists && (c->have.crt_pem || !c->have.key_pem))) /* has what it needs */
                return r;
        if (c->exists && pki_key_from_pem(c->have.key_pem, strlen(c->have.key_pem), &c->key) < 0)
                return pki_fail(e, -EINVAL, c->path, remove_it, "its client-key-data holds no private key");
        if (pki_keys_generate(s->p->alg, keys, 1) < 0)
                return pki_fail_crypto(e, c->path, "making a key");
        if ((r = conf_store(c, s, report, userdata, e)) < 0 || (r = conf_beside(c, "csr", path, e)) < 0)
                return r;
        return pki_csr_write(path, &spec, c->key, s->p, report, userdata, e);
}

static int set_request(struct set *s, pki_report_fn report, void *userdata, struct pki_error *e) {
        int r = pki_ca_load(s->p, PKI_CLUSTER_CA, &s->ca, e);

        for (size_t i = 0; i < PKI_CONF_ROWS && r == 0 && !s->ca.key; i++)
                if (s->confs[i].row)
                        r = conf_request(&s->confs[i], s, report, userdata, e);
        return r;
}

int pki_kubeconfig_ensure(const struct pki_params *p, const char *name, pki_report_fn report, void *userdata,
                          struct pki_error *e) {
        CLEANUP(set_freep) struct set *s = calloc(1, sizeof *s);
        int r;

        if (!s)
                return pki_fail_errno(e, -ENOMEM, NULL, "begun");
        s->p = p;
        if ((r = set_select(s, name, e)) < 0)
                return r;
        if (p->requests)
                return set_request(s, report, userdata, e);
        if ((r = set_load(s, e)) < 0 || (r = set_make_pairs(s, e)) < 0)
                return r;
        for (size_t i = 0; i < PKI_CONF_ROWS && r == 0; i++)
                if (s->confs[i].row)
                        r = conf_store(&s->confs[i], s, report, userdata, e);
        return r;
}

/* The pair goes behind the link before kubelet.conf names the link: killed in between, the next run
 * finds the pair there and goes on. A pair that the kubelet has put there itself is kept. */
int pki_kubelet_finalize(const struct pki_params *p, pki_report_fn report, void *userdata,
                         struct pki_error *e) {
        CLEANUP(set_freep) struct set *s = calloc(1, sizeof *s);
        struct conf *c = NULL;
        int r;

        if (!s)
                return pki_fail_errno(e, -ENOMEM, NULL, "begun");
        s->p = p;
        if ((r = set_select(s, "kubelet", e)) < 0 || (r = set_load(s, e)) < 0)
                return r;
        for (size_t i = 0; i < PKI_CONF_ROWS; i++)
                if (s->confs[i].row)
                        c = &s->confs[i];
        if (!c->exists)
                return pki_fail(e, -EINVAL, c->path, "make it first: init phase kubeconfig kubelet",
                                "is missing");
        if (c->by_file && !c->kubelet.crt)
                return pki_fail(e, -EINVAL, c->kubelet.path, "run init phase kubeconfig kubelet",
                                "is missing, but %s names it", c->path);
        if (!c->by_file && (r = load_kubelet(c, p, &s->ca, e)) < 0)
                return r;
        if ((r = pki_kubelet_store(p, &c->kubelet, c->key, c->crt, report, userdata, e)) < 0)
                return r;
        if (!c->by_file && !p->dry_run && (r = conf_write(c, p, &s->ca, true, true, e)) < 0)
                return r;
        if (report)
                report(userdata, c->by_file ? PKI_KEPT : PKI_MADE, c->path + strlen(p->root));
        return 0;
}
