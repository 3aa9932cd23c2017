#include "agent/scrub.h"
#include "pki/util.h"
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <strings.h>

struct text {
        const char *v;
        size_t n;
};

/* The rest of the text, from the character looked at; how many bytes of it are to go, 0: none. `keep` of them
 * stay in front of the mark. `before`: what precedes it. */
typedef size_t (*rule_fn)(struct text rest, struct text before, size_t *keep);

static bool starts(struct text t, const char *s) {
        size_t n = strlen(s);

        return t.n >= n && !memcmp(t.v, s, n);
}

static bool ends(struct text t, const char *s) {
        size_t n = strlen(s);

        return t.n >= n && !strncasecmp(t.v + t.n - n, s, n);
}

static bool is_word(char c) {
        return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool after_word(struct text before) {
        return before.n > 0 && is_word(before.v[before.n - 1]);
}

static size_t run_of(struct text t, bool (*is)(char)) {
        size_t n = 0;

        while (n < t.n && is(t.v[n]))
                n++;
        return n;
}

/* ---- keys ---- */

static size_t pem_key(struct text t, struct text before, size_t *keep) {
        const char *line_end, *end;

        (void)before;
        (void)keep;
        if (!starts(t, "-----BEGIN ") || !(line_end = memmem(t.v + 11, t.n - 11, "-----", 5)) ||
            !memmem(t.v, (size_t)(line_end - t.v), "PRIVATE KEY", 11))
                return 0;
        end = memmem(t.v, t.n, "-----END ", 9);
        if (!end || !(line_end = memmem(end + 9, t.n - (size_t)(end + 9 - t.v), "-----", 5)))
                return t.n; /* cut short: all that is left of it */
        return (size_t)(line_end + 5 - t.v);
}

static bool is_base64(char c) {
        return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=';
}

/* "LS0tLS1CRUdJTi" is "-----BEGIN". */
static size_t base64_key(struct text t, struct text before, size_t *keep) {
        size_t n;

        (void)before;
        (void)keep;
        if (!starts(t, "LS0tLS1CRUdJTi"))
                return 0;
        n = run_of(t, is_base64);
        /* "PRIVATE KEY" at each of the three offsets that base64 knows */
        if (memmem(t.v, n, "UFJJVkFURSBLRV", 14) || memmem(t.v, n, "BSSVZBVEUgS0VZ", 14) ||
            memmem(t.v, n, "QUklWQVRFIEtFW", 14))
                return n;
        return 0;
}

static bool is_hex(char c) {
        return isxdigit((unsigned char)c);
}

static size_t hex_key(struct text t, struct text before, size_t *keep) {
        (void)keep;
        return !after_word(before) && run_of(t, is_hex) == 64 && !(t.n > 64 && is_word(t.v[64])) &&
                               !ends(before, "sha256:")
                       ? 64
                       : 0;
}

/* ---- tokens ---- */

static bool is_token(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

enum { TOKEN_ID = 6, TOKEN_SECRET = 16 };

static size_t token(struct text t, struct text before, size_t *keep) {
        struct text secret;

        if (after_word(before) || run_of(t, is_token) != TOKEN_ID || t.n < TOKEN_ID + 1 + TOKEN_SECRET ||
            t.v[TOKEN_ID] != '.')
                return 0;
        secret = (struct text){ t.v + TOKEN_ID + 1, t.n - TOKEN_ID - 1 };
        if (run_of(secret, is_token) != TOKEN_SECRET ||
            (secret.n > TOKEN_SECRET && is_word(secret.v[TOKEN_SECRET])))
                return 0;
        *keep = TOKEN_ID + 1;
        return TOKEN_ID + 1 + TOKEN_SECRET;
}

static bool is_jwt(char c) {
        return is_word(c) || c == '.';
}

static size_t web_token(struct text t, struct text before, size_t *keep) {
        size_t n = starts(t, "eyJ") && !after_word(before) ? run_of(t, is_jwt) : 0;

        (void)keep;
        return memchr(t.v, '.', n) ? n : 0;
}

static bool is_credential(char c) {
        return !isspace((unsigned char)c) && c != '"' && c != '\'' && c != '\\';
}

static size_t authorization(struct text t, struct text before, size_t *keep) {
        size_t scheme = 0;

        if (after_word(before) || t.n < 7)
                return 0;
        if (!strncasecmp(t.v, "bearer ", 7))
                scheme = 7;
        else if (!strncasecmp(t.v, "basic ", 6))
                scheme = 6;
        if (!scheme)
                return 0;
        *keep = scheme;
        return scheme + run_of((struct text){ t.v + scheme, t.n - scheme }, is_credential);
}

static bool is_userinfo(char c) {
        return is_credential(c) && !strchr("/@?#,", c);
}

static size_t url_user(struct text t, struct text before, size_t *keep) {
        size_t n;

        (void)keep;
        if (!ends(before, "://"))
                return 0;
        n = run_of(t, is_userinfo);
        return n > 0 && n < t.n && t.v[n] == '@' ? n : 0;
}

/* ---- named values ---- */

static bool says_secret(struct text name) {
        static const char *const words[] = {
                "password", "passwd", "secret", "token", "credential", "key-data"
        };

        if ((name.n == 5 && ends(name, "value")) || ends(name, "auth"))
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                for (size_t at = 0; at + strlen(words[i]) <= name.n; at++)
                        if (!strncasecmp(name.v + at, words[i], strlen(words[i])))
                                return true;
        return false;
}

/* The name that ends where the text before does: NAME, then a quote or spaces perhaps. */
static struct text name_before(struct text before) {
        size_t end = before.n, from;

        while (end > 0 && strchr("\"' \t", before.v[end - 1]))
                end--;
        for (from = end; from > 0 && is_word(before.v[from - 1]); from--)
                ;
        return (struct text){ before.v + from, end - from };
}

static bool is_harmless(struct text v) {
        static const char *const words[] = { "true", "false", "null", "{}", "[]" };
        size_t number = 0;

        if (v.n == 0 || v.v[0] == '/' || v.v[0] == '|' || v.v[0] == '>' || v.v[0] == '{' || v.v[0] == '[')
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (v.n == strlen(words[i]) && !memcmp(v.v, words[i], v.n))
                        return true;
        while (number < v.n && number < 9 &&
               (isdigit((unsigned char)v.v[number]) || strchr(".hms", v.v[number])))
                number++;
        return number == v.n;
}

/* A key in PEM is left to its own rule, which knows where it ends. */
static bool value_ends(struct text t, char previous, char quote, bool one_word) {
        if (t.v[0] == '\n' || starts(t, "-----BEGIN "))
                return true;
        if (quote)
                return t.v[0] == quote && previous != '\\';
        return one_word && isspace((unsigned char)t.v[0]);
}

/* ": VALUE" or "=VALUE", quoted or not, to its end or the line's. */
static size_t named_value(struct text t, struct text before, size_t *keep) {
        size_t at = 1, n = 0;
        char quote = 0;

        if ((t.v[0] != ':' && t.v[0] != '=') || !says_secret(name_before(before)))
                return 0;
        while (at < t.n && (t.v[at] == ' ' || t.v[at] == '\t'))
                at++;
        if (at < t.n && (t.v[at] == '"' || t.v[at] == '\''))
                quote = t.v[at++];
        while (at + n < t.n && !value_ends((struct text){ t.v + at + n, t.n - at - n }, t.v[at + n - 1],
                                           quote, t.v[0] == '='))
                n++;
        if (is_harmless((struct text){ t.v + at, n }))
                return 0;
        *keep = at;
        return at + n;
}

/* ---- the pass ---- */

static const rule_fn rules[] = { pem_key, base64_key,    token,    web_token,
                                 hex_key, authorization, url_user, named_value };

static size_t match(struct text rest, struct text before, size_t *keep) {
        size_t n;

        for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
                *keep = 0;
                if ((n = rules[i](rest, before, keep)) > 0)
                        return n;
        }
        return 0;
}

int scrub(const char *text, size_t size, char **ret, size_t *ret_size) {
        CLEANUP(freep) char *out = NULL;
        CLEANUP(fclosep) FILE *f = open_memstream(&out, ret_size);
        size_t at = 0;

        if (!f)
                return -ENOMEM;
        while (at < size) {
                size_t keep,
                        n = match((struct text){ text + at, size - at }, (struct text){ text, at }, &keep);

                if (n == 0) {
                        fputc(text[at++], f);
                        continue;
                }
                fwrite(text + at, 1, keep, f);
                fputs(SCRUB_MARK, f);
                at += n;
        }
        if (fclose(TAKE_PTR(f)) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(out);
        return 0;
}
