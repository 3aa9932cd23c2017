#include "agent/duration.h"
#include "pki/util.h"
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

static const struct unit {
        const char *name;
        uint64_t ns;
} units[] = {
        { "ns", 1 },
        { "us", 1000 },
        { "\xc2\xb5s", 1000 }, /* micro sign */
        { "\xce\xbcs", 1000 }, /* Greek mu */
        { "ms", 1000000 },
        { "h", UINT64_C(3600000000000) },
        { "m", UINT64_C(60000000000) },
        { "s", 1000000000 },
};

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static const struct unit *take_unit(const char **s) {
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                size_t len = strlen(units[i].name);

                if (strncmp(*s, units[i].name, len) != 0)
                        continue;
                *s += len;
                return &units[i];
        }
        return NULL;
}

static int take_digits(const char **s, uint64_t *value) {
        for (; is_digit(**s); ++*s)
                if (__builtin_mul_overflow(*value, 10, value) ||
                    __builtin_add_overflow(*value, (uint64_t)(**s - '0'), value))
                        return -ERANGE;
        return 0;
}

/* One "1.5h": the fraction is exact, or refused. */
static int take_term(const char **s, uint64_t *sum_ns) {
        uint64_t whole = 0, fraction = 0, scale = 1;
        const char *start = *s, *dot;
        const struct unit *u;
        size_t digits;
        int r;

        if ((r = take_digits(s, &whole)) < 0)
                return r;
        digits = (size_t)(*s - start);
        if (**s == '.') {
                dot = ++*s;
                if ((r = take_digits(s, &fraction)) < 0)
                        return r;
                digits += (size_t)(*s - dot);
                for (const char *p = dot; p < *s; p++)
                        if (__builtin_mul_overflow(scale, 10, &scale))
                                return -ERANGE;
        }
        u = take_unit(s);
        if (!digits || !u)
                return -EINVAL;
        if (__builtin_mul_overflow(whole, u->ns, &whole) ||
            __builtin_mul_overflow(fraction, u->ns, &fraction) || fraction % scale ||
            __builtin_add_overflow(*sum_ns, whole, sum_ns) ||
            __builtin_add_overflow(*sum_ns, fraction / scale, sum_ns))
                return -ERANGE;
        return 0;
}

int duration_parse(const char *text, uint64_t *ret_us) {
        const char *s = text;
        uint64_t ns = 0;
        bool minus = *s == '-';
        int r;

        s += *s == '-' || *s == '+';
        if (!*s)
                return -EINVAL;
        if (!strcmp(s, "0"))
                s++;
        while (*s)
                if ((r = take_term(&s, &ns)) < 0)
                        return r;
        if ((minus && ns) || ns % 1000)
                return -ERANGE;
        *ret_us = ns / 1000;
        return 0;
}

void duration_format(uint64_t us, char out[DURATION_SIZE]) {
        if (us % 1000)
                snprintf(out, DURATION_SIZE, "%" PRIu64 "us", us);
        else if (us % 1000000)
                snprintf(out, DURATION_SIZE, "%" PRIu64 "ms", us / 1000);
        else if (us % 60000000 || !us)
                snprintf(out, DURATION_SIZE, "%" PRIu64 "s", us / 1000000);
        else if (us % UINT64_C(3600000000))
                snprintf(out, DURATION_SIZE, "%" PRIu64 "m", us / 60000000);
        else
                snprintf(out, DURATION_SIZE, "%" PRIu64 "h", us / UINT64_C(3600000000));
}
