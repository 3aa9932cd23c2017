#include "agent/diff.h"
#include "agent/scrub.h"
#include "pki/util.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAX_CELLS = 4000000 };

struct line {
        const char *s;
        size_t n;
};

static size_t split(const char *text, struct line **ret) {
        size_t n = 0, have = 0;
        struct line *v = NULL;

        for (const char *s = text; *s;) {
                size_t len = strcspn(s, "\n");

                if (n == have) {
                        struct line *more = realloc(v, (have = have ? have * 2 : 64) * sizeof *v);

                        if (!more)
                                break;
                        v = more;
                }
                v[n++] = (struct line){ s, len };
                s += len + (s[len] == '\n');
        }
        *ret = v;
        return n;
}

static bool same(const struct line *a, const struct line *b) {
        return a->n == b->n && !memcmp(a->s, b->s, a->n);
}

/* What a secret is, scrub() says. */
static void put(FILE *out, const char *indent, char sign, unsigned number, const struct line *l) {
        CLEANUP(freep) char *shown = NULL;
        size_t n = 0;

        fprintf(out, "%s%c%4u: ", indent, sign, number);
        if (scrub(l->s, l->n, &shown, &n) < 0)
                fputs("(not shown: out of memory)", out);
        for (size_t i = 0; i < n; i++)
                if (shown[i] != '\t' && iscntrl((unsigned char)shown[i]))
                        fprintf(out, "\\x%02x", (unsigned char)shown[i]);
                else
                        putc(shown[i], out);
        putc('\n', out);
}

static void put_all(FILE *out, const char *indent, char sign, size_t from, const struct line *v, size_t n) {
        for (size_t i = 0; i < n; i++)
                put(out, indent, sign, (unsigned)(from + i + 1), &v[i]);
}

/* Longest common subsequence of what lies between the common beginning and the common end: cell (i, j) has
 * the length for the lines from i and from j on. */
static void middle(FILE *out, const char *indent, size_t from, const struct line *a, size_t n,
                   const struct line *b, size_t m) {
        CLEANUP(freep) uint32_t *lcs = NULL;
        size_t i = 0, j = 0, w = m + 1;

        if (n && m && (n + 1) * w <= MAX_CELLS)
                lcs = calloc((n + 1) * w, sizeof *lcs);
        for (size_t x = lcs ? n : 0; x-- > 0;)
                for (size_t y = m; y-- > 0;) {
                        uint32_t down = lcs[(x + 1) * w + y], right = lcs[x * w + y + 1];

                        lcs[x * w + y] = same(&a[x], &b[y]) ? lcs[(x + 1) * w + y + 1] + 1
                                         : down > right     ? down
                                                            : right;
                }
        while (lcs && i < n && j < m) {
                if (same(&a[i], &b[j]))
                        i++, j++;
                else if (lcs[(i + 1) * w + j] >= lcs[i * w + j + 1]) {
                        put(out, indent, '-', (unsigned)(from + i + 1), &a[i]);
                        i++;
                } else {
                        put(out, indent, '+', (unsigned)(from + j + 1), &b[j]);
                        j++;
                }
        }
        put_all(out, indent, '-', from + i, a + i, n - i);
        put_all(out, indent, '+', from + j, b + j, m - j);
}

void diff_print(FILE *out, const char *indent, const char *old, const char *new) {
        CLEANUP(freep) struct line *a = NULL;
        CLEANUP(freep) struct line *b = NULL;
        size_t n = split(old, &a), m = split(new, &b), head = 0;

        while (head < n && head < m && same(&a[head], &b[head]))
                head++;
        while (n > head && m > head && same(&a[n - 1], &b[m - 1]))
                n--, m--;
        if (n > head || m > head)
                middle(out, indent, head, a ? a + head : a, n - head, b ? b + head : b, m - head);
}
