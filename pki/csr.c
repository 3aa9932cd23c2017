#include "pki/csr.h"
#include "pki/fail.h"
#include "pki/key.h"
#include "pki/pair.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)

static void free_extensions(STACK_OF(X509_EXTENSION) * *list) {
        sk_X509_EXTENSION_pop_free(*list, X509_EXTENSION_free);
}

static bool add_usages(STACK_OF(X509_EXTENSION) * *list, const struct pki_spec *spec) {
        CLEANUP(EXTENDED_KEY_USAGE_freep) EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();

        if (!eku ||
            ((spec->eku & PKI_EKU_SERVER) && sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(NID_server_auth)) <= 0) ||
            ((spec->eku & PKI_EKU_CLIENT) && sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(NID_client_auth)) <= 0))
                return false;
        return X509V3_add1_i2d(list, NID_ext_key_usage, eku, 0, X509V3_ADD_DEFAULT) == 1;
}

static bool add_extensions(X509_REQ *request, const struct pki_spec *spec) {
        CLEANUP(free_extensions) STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();

        if (!list)
                return false;
        if (spec->sans && sk_GENERAL_NAME_num(spec->sans) > 0 &&
            X509V3_add1_i2d(&list, NID_subject_alt_name, (void *)spec->sans, 0, X509V3_ADD_DEFAULT) != 1)
                return false;
        return add_usages(&list, spec) && X509_REQ_add_extensions(request, list) == 1;
}

int pki_csr_to_pem(const struct pki_spec *spec, EVP_PKEY *key, char **ret) {
        CLEANUP(X509_NAME_freep) X509_NAME *subject = pki_cert_subject(spec);
        CLEANUP(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!subject || !request || !bio || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
            X509_REQ_set_subject_name(request, subject) != 1 || X509_REQ_set_pubkey(request, key) != 1 ||
            !add_extensions(request, spec) || X509_REQ_sign(request, key, pki_cert_digest(key)) == 0 ||
            PEM_write_bio_X509_REQ(bio, request) != 1) {
                ERR_clear_error();
                return -ENOMEM;
        }
        return pki_bio_text(bio, ret);
}

int pki_csr_write(const char *path, const struct pki_spec *spec, EVP_PKEY *key, const struct pki_params *p,
                  pki_report_fn report, void *userdata, struct pki_error *e) {
        CLEANUP(freep) char *pem = NULL;
        bool there = access(path, F_OK) == 0;
        int r;

        if (!there && pki_csr_to_pem(spec, key, &pem) < 0)
                return pki_fail_crypto(e, path, "writing a request");
        if (!there && !p->dry_run && (r = pki_put(path, 0644, (gid_t)-1, pem, false, e)) < 0)
                return r;
        if (report)
                report(userdata, there ? PKI_KEPT : PKI_MADE, path + strlen(p->root));
        return 0;
}
