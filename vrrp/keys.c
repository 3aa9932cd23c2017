#include "vrrp/keyring.h"

#include <errno.h>
#include <string.h>

static const struct vrrp_key *find(const struct vrrp_keys *k, uint16_t id) {
        for (size_t i = 0; i < k->n; i++)
                if (k->v[i].id == id)
                        return &k->v[i];
        return NULL;
}

/* Of one secret with another that the same file or person gave: no need for constant time. */
static bool has_key(const struct vrrp_keys *k, const uint8_t key[VRRP_KEY_SIZE]) {
        for (size_t i = 0; i < k->n; i++)
                if (!memcmp(k->v[i].key, key, VRRP_KEY_SIZE))
                        return true;
        return false;
}

bool vrrp_keys_accepts(const struct vrrp_keys *k, uint16_t id) {
        return find(k, id) != NULL;
}

void vrrp_keys_wipe(struct vrrp_keys *k) {
        explicit_bzero(k, sizeof *k);
}

/* What is left of one line, without its comment. */
struct line {
        const char *p, *end;
};

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
}

static struct line cut_comment(const char *p, size_t size) {
        const char *comment = memchr(p, '#', size);

        return (struct line){ .p = p, .end = comment ? comment : p + size };
}

/* The length of the next word; 0 at the end. */
static size_t word(struct line *l, const char **ret) {
        while (l->p < l->end && is_blank(*l->p))
                l->p++;
        *ret = l->p;
        while (l->p < l->end && !is_blank(*l->p))
                l->p++;
        return (size_t)(l->p - *ret);
}

static bool word_is(const char *w, size_t size, const char *text) {
        return size == strlen(text) && !memcmp(w, text, size);
}

/* 1..65535 in plain decimal, else 0. */
static uint16_t parse_id(const char *w, size_t size) {
        unsigned v = 0;

        if (size == 0 || size > 5 || w[0] == '0')
                return 0;
        for (size_t i = 0; i < size; i++) {
                if (w[i] < '0' || w[i] > '9')
                        return 0;
                v = 10 * v + (unsigned)(w[i] - '0');
        }
        return v <= UINT16_MAX ? (uint16_t)v : 0;
}

static int nibble(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_key(const char *w, size_t size, uint8_t key[VRRP_KEY_SIZE]) {
        if (size != (size_t)2 * VRRP_KEY_SIZE)
                return false;
        for (size_t i = 0; i < VRRP_KEY_SIZE; i++) {
                int high = nibble(w[2 * i]), low = nibble(w[2 * i + 1]);

                if (high < 0 || low < 0)
                        return false;
                key[i] = (uint8_t)(high << 4 | low);
        }
        return true;
}

/* Reads "send|accept ID KEY" into v. NULL, or what is wrong. */
static const char *parse_words(struct line *l, bool *ret_send, struct vrrp_key *v) {
        const char *w;
        size_t size = word(l, &w);

        *ret_send = word_is(w, size, "send");
        if (!*ret_send && !word_is(w, size, "accept"))
                return "a line starts with send or accept";
        size = word(l, &w);
        if (!(v->id = parse_id(w, size)))
                return "the key's id is a number from 1 to 65535";
        size = word(l, &w);
        if (!parse_key(w, size, v->key))
                return "the key is 64 hexadecimal digits";
        return word(l, &w) > 0 ? "there is something after the key" : NULL;
}

static const char *parse_line(struct line l, struct vrrp_keys *k, bool *has_send) {
        struct vrrp_key *v = &k->v[k->n];
        const char *problem, *w;
        struct line rest = l;
        bool send;

        if (word(&rest, &w) == 0)
                return NULL;
        if (k->n == VRRP_KEYS)
                return "there are more than 4 keys";
        if ((problem = parse_words(&l, &send, v)))
                return problem;
        if (vrrp_keys_accepts(k, v->id))
                return "another key has this id";
        if (has_key(k, v->key))
                return "this key is there under another id";
        if (send && *has_send)
                return "there is another key to send with";
        if (send)
                k->send = k->n;
        *has_send = *has_send || send;
        k->n++;
        return NULL;
}

int vrrp_keys_parse(const char *text, size_t size, struct vrrp_keys *ret, unsigned *ret_line,
                    const char **ret_problem) {
        const char *end = text + size;
        bool has_send = false;

        *ret = (struct vrrp_keys){ 0 };
        *ret_problem = NULL;
        *ret_line = 0;
        while (text < end && !*ret_problem) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t length = (size_t)((newline ? newline : end) - text);

                ++*ret_line;
                *ret_problem = parse_line(cut_comment(text, length), ret, &has_send);
                text += length + (newline ? 1 : 0);
        }
        if (!*ret_problem && !has_send)
                *ret_problem = "no key to send with";
        if (!*ret_problem)
                return 0;
        vrrp_keys_wipe(ret);
        return -EINVAL;
}

static bool put_text(char **out, size_t *left, const char *text) {
        size_t size = strlen(text);

        if (*left <= size)
                return false;
        memcpy(*out, text, size + 1);
        *out += size;
        *left -= size;
        return true;
}

static void id_text(uint16_t id, char out[6]) {
        char digits[6];
        size_t n = 0;

        for (; id > 0; id = (uint16_t)(id / 10))
                digits[n++] = (char)('0' + id % 10);
        for (size_t i = 0; i < n; i++)
                out[i] = digits[n - 1 - i];
        out[n] = '\0';
}

static bool render_key(const struct vrrp_key *v, bool send, char **out, size_t *left) {
        static const char hex[] = "0123456789abcdef";
        char id[6], key[2 * VRRP_KEY_SIZE + 1] = { 0 };
        bool ok;

        id_text(v->id, id);
        for (size_t i = 0; i < VRRP_KEY_SIZE; i++) {
                key[2 * i] = hex[v->key[i] >> 4];
                key[2 * i + 1] = hex[v->key[i] & 15];
        }
        ok = put_text(out, left, send ? "send " : "accept ") && put_text(out, left, id) &&
             put_text(out, left, " ") && put_text(out, left, key) && put_text(out, left, "\n");
        explicit_bzero(key, sizeof key);
        return ok;
}

int vrrp_keys_render(const struct vrrp_keys *k, char *out, size_t size) {
        size_t left = size;

        if (size > 0)
                *out = '\0';
        for (size_t i = 0; i < k->n; i++)
                if (!render_key(&k->v[i], i == k->send, &out, &left))
                        return -ENOBUFS;
        return size > 0 ? 0 : -ENOBUFS;
}

static uint16_t next_id(const struct vrrp_keys *k) {
        uint16_t id = 0;

        for (size_t i = 0; i < k->n; i++)
                if (k->v[i].id > id)
                        id = k->v[i].id;
        if (id < UINT16_MAX)
                return (uint16_t)(id + 1);
        for (id = 1; vrrp_keys_accepts(k, id); id++)
                ;
        return id;
}

int vrrp_keys_add(struct vrrp_keys *k, const uint8_t key[VRRP_KEY_SIZE], uint16_t *ret_id) {
        if (k->n == VRRP_KEYS)
                return -ENOSPC;
        if (has_key(k, key))
                return -EEXIST;
        *ret_id = k->v[k->n].id = next_id(k);
        memcpy(k->v[k->n].key, key, VRRP_KEY_SIZE);
        if (k->n == 0)
                k->send = 0;
        k->n++;
        return 0;
}

int vrrp_keys_send(struct vrrp_keys *k, uint16_t id) {
        const struct vrrp_key *v = find(k, id);

        if (!v)
                return -ENOENT;
        k->send = (size_t)(v - k->v);
        return 0;
}

int vrrp_keys_drop(struct vrrp_keys *k, uint16_t id) {
        const struct vrrp_key *v = find(k, id);
        size_t at;

        if (!v)
                return -ENOENT;
        at = (size_t)(v - k->v);
        if (at == k->send)
                return -EBUSY;
        k->n--;
        memmove(&k->v[at], &k->v[at + 1], (k->n - at) * sizeof k->v[0]);
        explicit_bzero(&k->v[k->n], sizeof k->v[0]);
        if (k->send > at)
                k->send--;
        return 0;
}
