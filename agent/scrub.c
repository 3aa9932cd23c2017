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

static bool is_space(char c) {
        return isspace((unsigned char)c);
}

/* A line break, also as JSON has it, and the indentation after it. */
static size_t line_break(struct text t) {
        size_t n = starts(t, "\r\n") ? 2 : starts(t, "\n") ? 1 : starts(t, "\\n") ? 2 : 0;

        return n ? n + run_of((struct text){ t.v + n, t.n - n }, is_space) : 0;
}

/* base64(1) breaks its lines: what follows belongs to it for as long as the lines have nothing else. */
static size_t base64_run(struct text t) {
        size_t n = run_of(t, is_base64), skip, more;

        while ((skip = line_break((struct text){ t.v + n, t.n - n })) > 0) {
                size_t from = n + skip;

                more = run_of((struct text){ t.v + from, t.n - from }, is_base64);
                if (more == 0 || (from + more < t.n && !strchr("\r\n\\\"' ", t.v[from + more])))
                        break;
                n = from + more;
        }
        return n;
}

/* Wherever the lines are broken. */
static bool has_base64(struct text t, const char *s) {
        for (size_t from = 0; from < t.n; from++) {
                size_t k = 0;

                if (t.v[from] != s[0]) /* from each blank of a long indentation it would go to its end */
                        continue;
                for (size_t at = from; at < t.n && s[k] && (t.v[at] == s[k] || !is_base64(t.v[at])); at++)
                        k += t.v[at] == s[k];
                if (!s[k])
                        return true;
        }
        return false;
}

/* "LS0tLS1CRUdJTi" is "-----BEGIN". */
static size_t base64_key(struct text t, struct text before, size_t *keep) {
        struct text run = { t.v, 0 };

        (void)before;
        (void)keep;
        if (!starts(t, "LS0tLS1CRUdJTi"))
                return 0;
        run.n = base64_run(t);
        /* "PRIVATE KEY" at each of the three offsets that base64 knows */
        return has_base64(run, "UFJJVkFURSBLRV") || has_base64(run, "BSSVZBVEUgS0VZ") ||
                               has_base64(run, "QUklWQVRFIEtFW")
                       ? run.n
                       : 0;
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
        while (scheme < t.n && (t.v[scheme] == ' ' || t.v[scheme] == '\t'))
                scheme++;
        *keep = scheme;
        return scheme + run_of((struct text){ t.v + scheme, t.n - scheme }, is_credential);
}

static bool is_userinfo(char c) {
        return is_credential(c) && !strchr("/@,", c);
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

static bool has_word(struct text name, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t at = 0; at + strlen(words[i]) <= name.n; at++)
                        if (!strncasecmp(name.v + at, words[i], strlen(words[i])))
                                return true;
        return false;
}

static bool says_secret(struct text name) {
        static const char *const words[] = { "password", "passwd",      "passphrase",  "secret",
                                             "token",    "credential",  "key-data",    "private-key",
                                             "apikey",   "private_key", "privatekey",  "api-key",
                                             "api_key",  "dockercfg",   "dockerconfig" };

        return (name.n == 5 && ends(name, "value")) || ends(name, "auth") || ends(name, "_pass") ||
               has_word(name, words, ARRAY_SIZE(words));
}

/* Its value is the secret itself, whatever it looks like: "password", and not "passwordFile" or
 * "secretRotationInterval". */
static bool is_secret(struct text name) {
        static const char *const endings[] = { "password", "passwd", "passphrase", "secret", "_pass" };

        for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
                if (ends(name, endings[i]))
                        return true;
        return false;
}

/* The name that ends where the text before does: NAME, then a quote (in JSON within JSON behind a backslash)
 * or spaces perhaps. */
static struct text name_before(struct text before) {
        size_t end = before.n, from;

        while (end > 0 && strchr("\"' \t\\", before.v[end - 1]))
                end--;
        for (from = end; from > 0 && is_word(before.v[from - 1]); from--)
                ;
        return (struct text){ before.v + from, end - from };
}

static bool is_number(struct text v) {
        size_t n = 0;

        while (n < v.n && n < 9 && (isdigit((unsigned char)v.v[n]) || strchr(".hms", v.v[n])))
                n++;
        return n == v.n;
}

/* What stands for a structure, or for nothing. */
static bool is_empty(struct text v) {
        static const char *const words[] = { "true", "false", "null", "{}", "[]" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (v.n == strlen(words[i]) && !memcmp(v.v, words[i], v.n))
                        return true;
        return v.n == 0;
}

/* A value, from the character between it and its name on. */
struct value {
        size_t at; /* where it begins */
        struct text text;
        char quote;
        bool escaped; /* the quotes are, being within a string themselves */
};

static bool is_harmless(const struct value *v, struct text name, char separator) {
        bool structure = !v->quote && strchr("|>{[", v->text.n ? v->text.v[0] : '\0');

        if (is_empty(v->text))
                return true;
        if (is_secret(name))
                return structure && separator == ':';
        return structure || v->text.v[0] == '/' || starts(v->text, "sha256:") || is_number(v->text);
}

/* A key in PEM is left to its own rule, which knows where it ends. */
static bool value_ends(struct text t, char previous, const struct value *v, bool one_word) {
        if (t.v[0] == '\n' || starts(t, "-----BEGIN "))
                return true;
        if (v->quote)
                return t.v[0] == v->quote && (previous == '\\') == v->escaped;
        return one_word && is_space(t.v[0]);
}

/* ": VALUE" or "=VALUE", quoted or not, to its end or the line's. */
static struct value value_of(struct text t) {
        struct value v = { .at = 1 };
        size_t n = 0;

        while (v.at < t.n && (t.v[v.at] == ' ' || t.v[v.at] == '\t'))
                v.at++;
        for (size_t q = v.at; q < t.n && !v.quote && strchr("\\\"'", t.v[q]); q++)
                if (t.v[q] != '\\') {
                        v.escaped = q > v.at;
                        v.quote = t.v[q];
                        v.at = q + 1;
                }
        while (v.at + n < t.n && !value_ends((struct text){ t.v + v.at + n, t.n - v.at - n },
                                             t.v[v.at + n - 1], &v, t.v[0] != ':'))
                n++;
        if (v.escaped && n > 0 && t.v[v.at + n - 1] == '\\')
                n--;
        v.text = (struct text){ t.v + v.at, n };
        return v;
}

static size_t indentation(struct text line) {
        size_t n = 0;

        while (n < line.n && (line.v[n] == ' ' || line.v[n] == '-'))
                n++;
        return n;
}

/* YAML's literal and folded texts: the lines below that are indented further. */
static size_t block(struct text t, struct text before, const struct value *v, size_t *keep) {
        const char *begin = memrchr(before.v, '\n', before.n);
        size_t outer = begin ? (size_t)(begin + 1 - before.v) : 0, at = v->at + v->text.n, end = 0;

        if (t.v[0] != ':' || v->quote || !v->text.n || !strchr("|>", v->text.v[0]) || at == t.n)
                return 0;
        outer = indentation((struct text){ before.v + outer, before.n - outer });
        *keep = at + 1;
        while (++at < t.n) {
                struct text line = { t.v + at, t.n - at };
                const char *newline = memchr(line.v, '\n', line.n);
                size_t in = 0;

                line.n = newline ? (size_t)(newline - line.v) : line.n;
                while (in < line.n && line.v[in] == ' ')
                        in++;
                if (in < line.n && in <= outer)
                        break;
                at += line.n;
                if (in < line.n)
                        end = at;
        }
        return end;
}

static size_t named_value(struct text t, struct text before, size_t *keep) {
        struct text name;
        struct value v;

        if ((t.v[0] != ':' && t.v[0] != '=') || !says_secret(name = name_before(before)))
                return 0;
        v = value_of(t);
        if (is_harmless(&v, name, t.v[0]))
                return block(t, before, &v, keep);
        *keep = v.at;
        return v.at + v.text.n;
}

/* "--password VALUE", as in a command that a journal has. */
static size_t option_value(struct text t, struct text before, size_t *keep) {
        struct text name;
        struct value v;
        size_t unused;

        if (t.v[0] != ' ' || !after_word(before) || !says_secret(name = name_before(before)) ||
            !starts(name, "--"))
                return 0;
        v = value_of(t);
        if (is_harmless(&v, name, ' ') || v.text.v[0] == '-' ||
            token(v.text, (struct text){ v.text.v, 0 }, &unused))
                return 0;
        *keep = v.at;
        return v.at + v.text.n;
}

/* ---- the pass ---- */

static const rule_fn rules[] = { pem_key,       base64_key, token,       web_token,   hex_key,
                                 authorization, url_user,   named_value, option_value };

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
