#include "agent/suggest.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 63 };

static unsigned min3(unsigned a, unsigned b, unsigned c) {
        unsigned m = a < b ? a : b;

        return m < c ? m : c;
}

static bool same(char a, char b) {
        return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned suggest_distance(const char *a, const char *b) {
        unsigned row[3][WORD_MAX + 1]; /* two ago, last, this: optimal string alignment */
        size_t na = strlen(a), nb = strlen(b);

        if (na > WORD_MAX || nb > WORD_MAX)
                return SUGGEST_FAR;
        for (unsigned j = 0; j <= nb; j++)
                row[0][j] = row[1][j] = j;
        for (unsigned i = 1; i <= na; i++) {
                unsigned *before = row[(i + 1) % 3], *last = row[(i + 2) % 3], *this = row[i % 3];

                if (i == 1)
                        last = row[0];
                this[0] = i;
                for (unsigned j = 1; j <= nb; j++) {
                        this[j] = min3(last[j] + 1, this[j - 1] + 1, last[j - 1] + !same(a[i - 1], b[j - 1]));
                        if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
                            before[j - 2] + 1 < this[j])
                                this[j] = before[j - 2] + 1;
                }
        }
        unsigned d = na ? row[na % 3][nb] : (unsigned)nb;
        return d >= SUGGEST_FAR || d >= (na < nb ? na : nb) ? SUGGEST_FAR : d;
}
