#include "pki/cert.h"
#include "pki/key.h"
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

/* Bits of KeyUsage, RFC 5280 4.2.1.3. */
enum { KU_BIT_DIGITAL_SIGNATURE = 0, KU_BIT_KEY_ENCIPHERMENT = 2, KU_BIT_CERT_SIGN = 5 };

enum { KEY_ID_SIZE = 20 };

/* PrintableString where it suffices, else UTF8String: what Go writes. Go's verifier compares names
 * byte by byte, so a CA certificate made again must have its name in the same type as the issuer
 * in the leaves. The type is given outright: by MBSTRING, names over 64 characters are refused. */
static bool add_rdn(X509_NAME *name, const char *field, const char *value) {
        const unsigned char *s = (const unsigned char *)value;
        int type = ASN1_PRINTABLE_type(s, -1) == V_ASN1_PRINTABLESTRING ? V_ASN1_PRINTABLESTRING
                                                                        : V_ASN1_UTF8STRING;

        return X509_NAME_add_entry_by_txt(name, field, type, s, -1, -1, 0) == 1;
}

X509_NAME *pki_cert_subject(const struct pki_spec *spec) {
        CLEANUP(X509_NAME_freep) X509_NAME *name = X509_NAME_new();

        if (!name || (spec->o && !add_rdn(name, "O", spec->o)) || !add_rdn(name, "CN", spec->cn))
                return NULL;
        return TAKE_PTR(name);
}

static bool set_names(X509 *crt, const struct pki_spec *spec, const X509 *ca) {
        CLEANUP(X509_NAME_freep) X509_NAME *subject = pki_cert_subject(spec);

        return subject && X509_set_subject_name(crt, subject) == 1 &&
               X509_set_issuer_name(crt, ca ? X509_get_subject_name(ca) : subject) == 1;
}

/* Uniform over 1 .. 2^63 - 1. */
static bool set_serial(X509 *crt) {
        CLEANUP(ASN1_INTEGER_freep) ASN1_INTEGER *serial = ASN1_INTEGER_new();
        uint64_t v = 0;

        while (v == 0) {
                if (RAND_bytes((unsigned char *)&v, sizeof v) != 1)
                        return false;
                v &= INT64_MAX;
        }
        return serial && ASN1_INTEGER_set_uint64(serial, v) == 1 && X509_set_serialNumber(crt, serial) == 1;
}

static bool set_validity(X509 *crt, const struct pki_spec *spec, const X509 *ca, time_t now) {
        time_t valid_s = spec->valid_s ? (time_t)spec->valid_s : spec->ca ? PKI_CA_S : PKI_LEAF_S;
        CLEANUP(ASN1_TIME_freep) ASN1_TIME *from = ASN1_TIME_set(NULL, now - PKI_BACKDATE_S);
        CLEANUP(ASN1_TIME_freep)
        ASN1_TIME *to = ASN1_TIME_set(NULL, now + valid_s);

        if (!from || !to || X509_set1_notAfter(crt, to) != 1)
                return false;
        return X509_set1_notBefore(crt, spec->as_old_as_ca && ca ? X509_get0_notBefore(ca) : from) == 1;
}

static bool add_key_usage(X509 *crt, const struct pki_spec *spec) {
        CLEANUP(ASN1_BIT_STRING_freep) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

        return bits && ASN1_BIT_STRING_set_bit(bits, KU_BIT_DIGITAL_SIGNATURE, 1) == 1 &&
               ASN1_BIT_STRING_set_bit(bits, KU_BIT_KEY_ENCIPHERMENT, 1) == 1 &&
               (!spec->ca || ASN1_BIT_STRING_set_bit(bits, KU_BIT_CERT_SIGN, 1) == 1) &&
               X509_add1_ext_i2d(crt, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT) == 1;
}

static bool add_eku(X509 *crt, const struct pki_spec *spec) {
        static const struct {
                unsigned bit;
                int nid;
        } usages[] = { { PKI_EKU_SERVER, NID_server_auth }, { PKI_EKU_CLIENT, NID_client_auth } };
        CLEANUP(EXTENDED_KEY_USAGE_freep) EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();

        if (!spec->eku)
                return true;
        for (size_t i = 0; eku && i < ARRAY_SIZE(usages); i++)
                if ((spec->eku & usages[i].bit) && sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(usages[i].nid)) <= 0)
                        return false;
        return eku && X509_add1_ext_i2d(crt, NID_ext_key_usage, eku, 0, X509V3_ADD_DEFAULT) == 1;
}

static bool add_basic_constraints(X509 *crt, const struct pki_spec *spec) {
        CLEANUP(BASIC_CONSTRAINTS_freep) BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();

        if (!bc)
                return false;
        bc->ca = spec->ca ? 0xff : 0;
        return X509_add1_ext_i2d(crt, NID_basic_constraints, bc, 1, X509V3_ADD_DEFAULT) == 1;
}

/* RFC 7093 method 1, the leftmost 160 bits of SHA-256 over the key, as Go has it since 1.25: a CA
 * certificate made again from its key gets the identifier that its leaves name. */
static bool add_subject_key_id(X509 *crt) {
        unsigned char md[EVP_MAX_MD_SIZE];
        CLEANUP(ASN1_OCTET_STRING_freep) ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

        return id && X509_pubkey_digest(crt, EVP_sha256(), md, NULL) == 1 &&
               ASN1_OCTET_STRING_set(id, md, KEY_ID_SIZE) == 1 &&
               X509_add1_ext_i2d(crt, NID_subject_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1;
}

/* A CA of the operator's may lack the identifier; then the leaf has none to name. */
static bool add_authority_key_id(X509 *crt, const X509 *ca) {
        const ASN1_OCTET_STRING *id = X509_get0_subject_key_id((X509 *)ca);
        CLEANUP(AUTHORITY_KEYID_freep) AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();

        if (!id)
                return true;
        return aki && (aki->keyid = ASN1_OCTET_STRING_dup(id)) &&
               X509_add1_ext_i2d(crt, NID_authority_key_identifier, aki, 0, X509V3_ADD_DEFAULT) == 1;
}

static bool add_sans(X509 *crt, const struct pki_spec *spec) {
        return !spec->sans || sk_GENERAL_NAME_num(spec->sans) == 0 ||
               X509_add1_ext_i2d(crt, NID_subject_alt_name, (void *)spec->sans, 0, X509V3_ADD_DEFAULT) == 1;
}

/* In Go's order of extensions. */
static bool fill(X509 *crt, const struct pki_spec *spec, EVP_PKEY *key, const X509 *ca, time_t now) {
        return X509_set_version(crt, X509_VERSION_3) == 1 && set_serial(crt) && set_names(crt, spec, ca) &&
               set_validity(crt, spec, ca, now) && X509_set_pubkey(crt, key) == 1 &&
               add_key_usage(crt, spec) && add_eku(crt, spec) && add_basic_constraints(crt, spec) &&
               (ca ? add_authority_key_id(crt, ca) : add_subject_key_id(crt)) && add_sans(crt, spec);
}

/* It follows from the curve. */
const EVP_MD *pki_cert_digest(const EVP_PKEY *key) {
        return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
}

int pki_cert_issue(const struct pki_spec *spec, EVP_PKEY *key, const X509 *ca, EVP_PKEY *ca_key, time_t now,
                   X509 **ret) {
        CLEANUP(X509_freep) X509 *crt = X509_new();

        if (!crt || !fill(crt, spec, key, ca, now) || X509_sign(crt, ca_key, pki_cert_digest(ca_key)) == 0) {
                ERR_clear_error();
                return -ENOMEM;
        }
        *ret = TAKE_PTR(crt);
        return 0;
}

int pki_cert_to_pem(X509 *crt, char **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || PEM_write_bio_X509(bio, crt) != 1) {
                ERR_clear_error();
                return -ENOMEM;
        }
        return pki_bio_text(bio, ret);
}

int pki_cert_describe(X509 *crt, char **ret) {
        static const unsigned long left_out = X509_FLAG_NO_HEADER | X509_FLAG_NO_VERSION |
                                              X509_FLAG_NO_SERIAL | X509_FLAG_NO_SIGNAME |
                                              X509_FLAG_NO_PUBKEY | X509_FLAG_NO_SIGDUMP;
        CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || X509_print_ex(bio, crt, XN_FLAG_ONELINE, left_out) != 1) {
                ERR_clear_error();
                return -ENOMEM;
        }
        return pki_bio_text(bio, ret);
}

int pki_cert_from_pem(const char *text, size_t size, X509 **ret) {
        CLEANUP(BIO_free_allp) BIO *bio = size > INT_MAX ? NULL : BIO_new_mem_buf(text, (int)size);
        X509 *crt;

        if (!bio)
                return -ENOMEM;
        crt = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        ERR_clear_error();
        if (!crt)
                return -EINVAL;
        *ret = crt;
        return 0;
}
