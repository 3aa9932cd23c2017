#include "pki/ensure.h"
#include "pki/fail.h"
#include "pki/key.h"
#include "pki/san.h"
#include <errno.h>
#include <sys/stat.h>

struct leaf {
        const char *base, *cn;
        unsigned eku;
        bool for_agent; /* the key is readable by the agent's group */
        int (*sans)(const struct pki_params *p, const char *ca_path, GENERAL_NAMES *names,
                    struct pki_error *e);
};

/* The URI tells the enrolment server's certificate from every other that the CA signs, a kubelet's
 * serving certificate above all. */
static int sans_enroll(const struct pki_params *p, const char *ca_path, GENERAL_NAMES *names,
                       struct pki_error *e) {
        char id[PKI_CLUSTER_ID_SIZE], uri[sizeof id + 32];
        int r = pki_cluster_id(ca_path, id, e);

        if (r < 0 || (r = pki_row_add_san(names, "the node's name", p->node_name, e)) < 0 ||
            (r = pki_row_add_san(names, "advertiseAddress", p->advertise_address, e)) < 0)
                return r;
        snprintf(uri, sizeof uri, "triarch://%s/enroll", id);
        return pki_san_add_uri(names, uri) < 0 ? pki_fail_crypto(e, NULL, "listing SANs") : 0;
}

static const struct leaf leaves[] = {
        { "/etc/triarch/pki/enroll", "triarch-enroll", PKI_EKU_SERVER, false, sans_enroll },
        { "/etc/triarch/pki/healthcheck-client", "triarch-healthcheck", PKI_EKU_CLIENT, true, NULL },
};

struct set {
        struct pki_pair ca, pairs[ARRAY_SIZE(leaves)];
};

static void set_freep(struct set **s) {
        if (!*s)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
                pki_pair_done(&(*s)->pairs[i]);
        pki_pair_done(&(*s)->ca);
        free(*s);
}

/* A key that the agent cannot read is as good as none. */
static int check_group(const struct pki_pair *pair, struct pki_error *e) {
        char remedy[64];
        struct stat st;

        if (!pair->key || pair->key_gid == (gid_t)-1 || stat(pair->key_path, &st) < 0)
                return 0;
        if (st.st_gid == pair->key_gid && (st.st_mode & 0040))
                return 0;
        snprintf(remedy, sizeof remedy, "chown it to root:%u and chmod it to 0640", (unsigned)pair->key_gid);
        return pki_fail(e, -EINVAL, pair->key_path, remedy,
                        "cannot be read by the agent: group %u, mode %04o", (unsigned)st.st_gid,
                        (unsigned)st.st_mode & 07777);
}

static int load(struct set *s, const struct pki_params *p, gid_t agent_gid, struct pki_error *e) {
        int r = pki_ca_load(p, PKI_CLUSTER_CA, &s->ca, e);

        for (size_t i = 0; i < ARRAY_SIZE(leaves) && r == 0; i++) {
                struct pki_pair *pair = &s->pairs[i];

                r = pki_pair_init(pair, p->root, leaves[i].base, e);
                if (r < 0)
                        return r;
                pair->dry_run = p->dry_run;
                if (leaves[i].for_agent) {
                        pair->key_mode = 0640;
                        pair->key_gid = agent_gid;
                }
                r = pki_pair_load_leaf(pair, e);
                if (r == 0 && leaves[i].for_agent)
                        r = check_group(pair, e);
        }
        return r;
}

static int make_keys(struct set *s, enum pki_alg alg, struct pki_error *e) {
        EVP_PKEY **keys[ARRAY_SIZE(leaves)];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
                if (!s->pairs[i].key) {
                        s->pairs[i].new_key = true;
                        keys[n++] = &s->pairs[i].key;
                }
        return pki_keys_generate(alg, keys, n) < 0 ? pki_fail_crypto(e, NULL, "making keys") : 0;
}

static int leaf_spec(const struct set *s, const struct pki_params *p, size_t i, GENERAL_NAMES *names,
                     struct pki_spec *ret, struct pki_error *e) {
        *ret = (struct pki_spec){
                .cn = leaves[i].cn, .eku = leaves[i].eku, .valid_s = p->leaf_s, .sans = names
        };
        if (!names)
                return pki_fail_crypto(e, NULL, "listing SANs");
        return leaves[i].sans ? leaves[i].sans(p, s->ca.crt_path, names, e) : 0;
}

static int settle(struct set *s, const struct pki_params *p, size_t i, struct pki_error *e) {
        CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
        struct pki_spec spec;
        int r = leaf_spec(s, p, i, names, &spec, e);

        return r < 0 ? r : pki_pair_settle(&s->pairs[i], &spec, &s->ca, p->now, e);
}

static int request(struct set *s, const struct pki_params *p, size_t i, pki_report_fn report, void *userdata,
                   struct pki_error *e) {
        CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
        struct pki_spec spec;
        int r = leaf_spec(s, p, i, names, &spec, e);

        return r < 0 ? r : pki_pair_request(&s->pairs[i], &spec, p, report, userdata, e);
}

int pki_triarch_ensure(const struct pki_params *p, gid_t agent_gid, pki_report_fn report, void *userdata,
                       struct pki_error *e) {
        CLEANUP(set_freep) struct set *s = calloc(1, sizeof *s);
        int r;

        if (!s)
                return pki_fail_errno(e, -ENOMEM, NULL, "begun");
        if ((r = load(s, p, agent_gid, e)) < 0)
                return r;
        for (size_t i = 0; p->requests && i < ARRAY_SIZE(leaves) && r == 0; i++)
                r = s->ca.key ? 0 : request(s, p, i, report, userdata, e);
        if (p->requests || r < 0 || (r = make_keys(s, p->alg, e)) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(leaves) && r == 0; i++)
                r = settle(s, p, i, e);
        for (size_t i = 0; i < ARRAY_SIZE(leaves) && r == 0; i++)
                r = pki_pair_write(&s->pairs[i], p->root, report, userdata, e);
        return r;
}
