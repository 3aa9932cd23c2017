#include "templates/path.h"
#include <stdarg.h>
#include <stdio.h>

size_t tmpl_path_push(struct tmpl_path *p, const char *fmt, ...) {
        size_t before = p->size, room = sizeof p->text - before;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(p->text + before, room, fmt, ap);
        va_end(ap);
        p->size += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
        return before;
}

size_t tmpl_path_push_key(struct tmpl_path *p, const char *key) {
        return tmpl_path_push(p, "%s%s", p->size ? "." : "", key);
}

void tmpl_path_pop(struct tmpl_path *p, size_t before) {
        p->size = before;
        p->text[before] = '\0';
}

const char *tmpl_path_text(const struct tmpl_path *p) {
        return p->size ? p->text : "(top)";
}
