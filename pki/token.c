#include "pki/crypt.h"
#include "pki/file.h"
#include "pki/proof.h"
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
enum { ALPHABET = sizeof alphabet - 1, FAIR = 256 - 256 % ALPHABET };

/* A byte at or above FAIR would favour the first letters: another one is drawn. */
static int random_letter(char *out) {
        unsigned char b;

        do
                if (RAND_bytes(&b, 1) != 1)
                        return -EIO;
        while (b >= FAIR);
        *out = alphabet[b % ALPHABET];
        return 0;
}

int pki_token_generate(char out[PKI_TOKEN_SIZE]) {
        for (size_t i = 0; i < PKI_TOKEN_SIZE - 1; i++) {
                if (i == PKI_TOKEN_ID)
                        out[i] = '.';
                else if (random_letter(&out[i]) < 0) {
                        pki_wipe(out, PKI_TOKEN_SIZE);
                        return -EIO;
                }
        }
        out[PKI_TOKEN_SIZE - 1] = '\0';
        return 0;
}

int pki_token_check(const char *token) {
        if (strlen(token) != PKI_TOKEN_SIZE - 1)
                return -EINVAL;
        for (size_t i = 0; i < PKI_TOKEN_SIZE - 1; i++)
                if (i == PKI_TOKEN_ID ? token[i] != '.' : !strchr(alphabet, token[i]))
                        return -EINVAL;
        return 0;
}

int pki_token_kp(const char *token, uint8_t kp[PKI_KP_SIZE]) {
        static const char salt[] = "triarch token v1";
        int r = pki_token_check(token);

        if (r < 0)
                return r;
        return pki_hkdf((struct pki_bytes){ token + PKI_TOKEN_ID + 1, PKI_TOKEN_SECRET },
                        (struct pki_bytes){ salt, sizeof salt - 1 },
                        (struct pki_bytes){ token, PKI_TOKEN_ID }, kp);
}
