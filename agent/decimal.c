#include "agent/decimal.h"
#include <errno.h>
#include <stdlib.h>

bool decimal_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
        uint64_t n;
        char *end;

        if (*text < '0' || *text > '9' || (*text == '0' && text[1]))
                return false;
        errno = 0;
        n = strtoull(text, &end, 10);
        if (*end || errno || n < min || n > max)
                return false;
        *ret = n;
        return true;
}
