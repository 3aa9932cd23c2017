#include "pki/file.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void pki_wipe(void *p, size_t size) {
        if (p)
                OPENSSL_cleanse(p, size);
}

void pki_wipe_free(char *s) {
        if (s)
                OPENSSL_cleanse(s, strlen(s));
        free(s);
}
