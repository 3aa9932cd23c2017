#include "pki/ensure.h"
#include "pki/check.h"
#include "pki/fail.h"
#include "pki/file.h"
#include "pki/key.h"
#include "pki/sa.h"
#include <errno.h>

/* One run of pki_certs_ensure(): everything is read, checked and made in memory before the first
 * file is written. */
struct set {
        const struct pki_params *p;
        bool selected[PKI_ROWS];
        bool supposed[PKI_ROWS];         /* of a dry run: a CA that would have been made before */
        struct pki_pair pairs[PKI_ROWS]; /* filled where selected, and the CAs of those */
};

static void set_freep(struct set **s) {
        for (size_t i = 0; *s && i < PKI_ROWS; i++)
                pki_pair_done(&(*s)->pairs[i]);
        free(*s);
}

static int init_pair(const struct pki_params *p, const struct pki_row *row, struct pki_pair *pair,
                     struct pki_error *e) {
        char base[PATH_MAX];
        int r;

        if (snprintf(base, sizeof base, "%s/%s", p->cert_dir, row->file) >= (int)sizeof base)
                return pki_fail(e, -ENAMETOOLONG, p->cert_dir, NULL, "is too long a path");
        r = pki_pair_init(pair, p->root, base, e);
        pair->dry_run = p->dry_run;
        if (r == 0 && row->kind == PKI_KIND_SA)
                pki_sa_init(pair);
        return r;
}

/* The row's specification; `names` are its own. */
static int row_spec(const struct pki_params *p, const struct pki_row *row, GENERAL_NAMES *names,
                    struct pki_spec *ret, struct pki_error *e) {
        *ret = (struct pki_spec){
                .cn = row->cn ? row->cn : p->node_name,
                .ca = row->kind == PKI_KIND_CA,
                .eku = row->eku,
                .valid_s = row->kind == PKI_KIND_CA ? p->ca_s : p->leaf_s,
                .sans = names,
        };
        if (!names)
                return pki_fail_crypto(e, NULL, "listing SANs");
        return row->sans ? row->sans(row, p, names, e) : 0;
}

/* Check the row's certificate, or issue it. */
static int settle(const struct pki_params *p, const struct pki_row *row, struct pki_pair *pair,
                  const struct pki_pair *ca, struct pki_error *e) {
        CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
        struct pki_spec spec;
        int r = row_spec(p, row, names, &spec, e);

        return r < 0 ? r : pki_pair_settle(pair, &spec, ca, p->now, e);
}

/* What this CA has signed, and would be worthless under a new one; NULL: nothing is there. */
static const char *find_dependent(const struct pki_params *p, const struct pki_row *ca, char out[PATH_MAX]) {
        for (size_t i = 0; i < PKI_ROWS; i++) {
                if (!pki_rows[i].signer || strcmp(pki_rows[i].signer, ca->name) != 0)
                        continue;
                snprintf(out, PATH_MAX, "%s%s/%s.crt", p->root, p->cert_dir, pki_rows[i].file);
                if (access(out, F_OK) == 0)
                        return out;
        }
        for (size_t i = 0; i < PKI_CONF_ROWS && strcmp(ca->name, PKI_CLUSTER_CA) == 0; i++) {
                snprintf(out, PATH_MAX, "%s%s/%s.conf", p->root, p->kube_dir, pki_conf_rows[i].name);
                if (access(out, F_OK) == 0)
                        return out;
        }
        return NULL;
}

static int load_ca(const struct pki_params *p, const struct pki_row *row, struct pki_pair *pair,
                   struct pki_error *e) {
        int r = pki_pair_load(pair, e);
        char path[PATH_MAX];

        if (r < 0)
                return r;
        if (pair->lost_key) /* an external CA: what it has signed must be there */
                return 0;
        if (!pair->key && find_dependent(p, row, path))
                return pki_fail(
                        e, -EINVAL, pair->crt_path,
                        "put certificate and key back; to begin a new cluster instead, remove that too",
                        "is missing, and so is its key, but %s, which it has signed, is there", path);
        return 0;
}

static int load(const struct pki_params *p, const struct pki_row *row, struct pki_pair *pair,
                struct pki_error *e) {
        int r = init_pair(p, row, pair, e);

        if (r < 0)
                return r;
        switch (row->kind) {
        case PKI_KIND_CA:
                return load_ca(p, row, pair, e);
        case PKI_KIND_LEAF:
                return pki_pair_load_leaf(pair, e);
        case PKI_KIND_SA:
                break;
        }
        return pki_sa_load(pair, e);
}

int pki_ca_load(const struct pki_params *p, const char *name, struct pki_pair *ca, struct pki_error *e) {
        const struct pki_row *row = pki_row_find(name);
        int r;

        if (!row)
                return -ENOENT;
        r = init_pair(p, row, ca, e);
        if (r < 0 || (r = pki_pair_load(ca, e)) < 0)
                return r;
        if (!ca->crt) {
                char remedy[64];

                snprintf(remedy, sizeof remedy, "make it first: init phase certs %s", name);
                return pki_fail(e, -EINVAL, ca->crt_path, remedy, "is missing");
        }
        return settle(p, row, ca, NULL, e);
}

/* Of an etcd elsewhere nothing is ours but what --etcd-certfile names. */
static bool is_needed(const struct pki_params *p, const struct pki_row *row) {
        return !p->external_etcd ||
               (strcmp(row->name, "etcd-ca") != 0 && !(row->signer && strcmp(row->signer, "etcd-ca") == 0));
}

static int set_select(struct set *s, const char *name) {
        bool all = strcmp(name, "all") == 0, any = false;

        for (size_t i = 0; i < PKI_ROWS; i++) {
                bool named = strcmp(name, pki_rows[i].name) == 0;

                s->selected[i] = (all || named) && is_needed(s->p, &pki_rows[i]);
                any = any || all || named;
        }
        return any ? 0 : -ENOENT;
}

static bool is_missing(const struct pki_params *p, const struct pki_row *row) {
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s%s/%s.crt", p->root, p->cert_dir, row->file);
        return access(path, F_OK) < 0;
}

static int set_load_signer(struct set *s, const struct pki_row *signer, struct pki_error *e) {
        size_t i = (size_t)(signer - pki_rows);

        if (s->supposed[i])
                return 0;
        if (!s->p->dry_run || !is_missing(s->p, signer))
                return pki_ca_load(s->p, signer->name, &s->pairs[i], e);
        s->supposed[i] = true;
        return load(s->p, signer, &s->pairs[i], e);
}

/* A CA that is needed but not selected must be there. */
static int set_load(struct set *s, struct pki_error *e) {
        int r = 0;

        for (size_t i = 0; i < PKI_ROWS && r == 0; i++) {
                const struct pki_row *signer = pki_rows[i].signer ? pki_row_find(pki_rows[i].signer) : NULL;

                if (!s->selected[i])
                        continue;
                if (signer && !s->selected[signer - pki_rows])
                        r = set_load_signer(s, signer, e);
                if (r == 0)
                        r = load(s->p, &pki_rows[i], &s->pairs[i], e);
        }
        return r;
}

static int set_make_keys(struct set *s, struct pki_error *e) {
        EVP_PKEY **keys[PKI_ROWS];
        size_t n = 0;

        for (size_t i = 0; i < PKI_ROWS; i++) {
                bool external = pki_rows[i].kind == PKI_KIND_CA && s->pairs[i].lost_key;

                if ((s->selected[i] || s->supposed[i]) && !s->pairs[i].key && !external) {
                        s->pairs[i].new_key = true;
                        keys[n++] = &s->pairs[i].key;
                }
        }
        return pki_keys_generate(s->p->alg, keys, n) < 0 ? pki_fail_crypto(e, NULL, "making keys") : 0;
}

static int set_settle(struct set *s, struct pki_error *e) {
        int r = 0;

        for (size_t i = 0; i < PKI_ROWS && r == 0; i++) {
                const struct pki_row *row = &pki_rows[i];

                if ((s->selected[i] || s->supposed[i]) && row->kind != PKI_KIND_SA)
                        r = settle(s->p, row, &s->pairs[i],
                                   row->signer ? &s->pairs[pki_row_find(row->signer) - pki_rows] : NULL, e);
        }
        return r;
}

static int set_write(const struct set *s, pki_report_fn report, void *userdata, struct pki_error *e) {
        int r = 0;

        for (size_t i = 0; i < PKI_ROWS && r == 0; i++) {
                if (!s->selected[i])
                        continue;
                r = pki_rows[i].kind == PKI_KIND_SA
                            ? pki_sa_write(&s->pairs[i], s->p->root, report, userdata, e)
                            : pki_pair_write(&s->pairs[i], s->p->root, report, userdata, e);
        }
        return r;
}

/* ---- requests ---- */

static bool is_external(const struct pki_params *p, const struct pki_row *ca) {
        char path[PATH_MAX];

        if (is_missing(p, ca))
                return false;
        snprintf(path, sizeof path, "%s%s/%s.key", p->root, p->cert_dir, ca->file);
        return access(path, F_OK) < 0;
}

static int request(struct set *s, const struct pki_row *row, pki_report_fn report, void *userdata,
                   struct pki_error *e) {
        CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
        struct pki_pair *pair = &s->pairs[row - pki_rows];
        struct pki_spec spec;
        int r;

        if ((r = load(s->p, row, pair, e)) < 0 || (r = row_spec(s->p, row, names, &spec, e)) < 0)
                return r;
        return pki_pair_request(pair, &spec, s->p, report, userdata, e);
}

static int set_request(struct set *s, pki_report_fn report, void *userdata, struct pki_error *e) {
        int r = 0;

        for (size_t i = 0; i < PKI_ROWS && r == 0; i++) {
                const struct pki_row *row = &pki_rows[i];

                if (row->signer && is_needed(s->p, row) && is_external(s->p, pki_row_find(row->signer)))
                        r = request(s, row, report, userdata, e);
        }
        return r;
}

int pki_certs_ensure(const struct pki_params *p, const char *name, pki_report_fn report, void *userdata,
                     struct pki_error *e) {
        CLEANUP(set_freep) struct set *s = calloc(1, sizeof *s);
        int r;

        if (!s)
                return pki_fail_errno(e, -ENOMEM, NULL, "begun");
        s->p = p;
        if (p->requests)
                return set_request(s, report, userdata, e);
        r = set_select(s, name);
        if (r < 0)
                return pki_fail(e, r, NULL, NULL, "there is no certificate named \"%s\"", name);
        if ((r = set_load(s, e)) < 0 || (r = set_make_keys(s, e)) < 0 || (r = set_settle(s, e)) < 0)
                return r;
        return set_write(s, report, userdata, e);
}
