#include "agent/members.h"
#include "agent/jread.h"
#include "pki/file.h"
#include <errno.h>

static int id_from_hex(const char *text, uint64_t *ret) {
        uint8_t b[8];

        if (hex_decode(text, b, sizeof b) < 0)
                return -EBADMSG;
        *ret = 0;
        for (size_t i = 0; i < sizeof b; i++)
                *ret = *ret << 8 | b[i];
        return 0;
}

static int member_from_json(const json_t *o, struct vrrp_list_member *m) {
        char address[INET6_ADDRSTRLEN];
        uint8_t id[8];
        const struct jread_field fields[] = {
                { .name = "id", .type = JREAD_HEX, .target = id, .size = sizeof id },
                { .name = "name", .type = JREAD_STRING, .target = m->name, .size = sizeof m->name },
                { .name = "address", .type = JREAD_STRING, .target = address, .size = sizeof address },
                { .name = "witness", .type = JREAD_BOOL, .target = &m->witness },
                { 0 },
        };

        if (jread_object(o, fields, NULL) < 0 || vrrp_ip_parse(address, &m->address) < 0)
                return -EBADMSG;
        m->id = 0;
        for (size_t i = 0; i < sizeof id; i++)
                m->id = m->id << 8 | id[i];
        return 0;
}

int members_from_json(const json_t *o, struct vrrp_list *ret) {
        struct vrrp_list list = { 0 };
        json_t *members = NULL;
        int64_t gen;
        const struct jread_field fields[] = {
                { .name = "gen", .type = JREAD_INT, .target = &gen, .min = 1, .max = INT64_MAX },
                { .name = "members", .type = JREAD_ARRAY, .target = &members, .size = VRRP_LIST_MEMBERS },
                { 0 },
        };
        int r = jread_object(o, fields, NULL);

        if (r < 0)
                return r;
        list.gen = (uint64_t)gen;
        for (; list.n < json_array_size(members); list.n++)
                if ((r = member_from_json(json_array_get(members, list.n), &list.v[list.n])) < 0)
                        return r;
        if (vrrp_list_check(&list) < 0)
                return -EBADMSG;
        *ret = list;
        return 0;
}

json_t *members_to_json(const struct vrrp_list *list) {
        json_t *members = json_array();

        for (size_t i = 0; i < list->n; i++) {
                const struct vrrp_list_member *m = &list->v[i];
                char id[17];

                snprintf(id, sizeof id, "%016llx", (unsigned long long)m->id);
                if (json_array_append_new(members, json_pack("{s:s, s:s, s:s, s:b}", "id", id, "name",
                                                             m->name, "address", vrrp_ip_text(&m->address).v,
                                                             "witness", m->witness)) < 0) {
                        json_decref(members);
                        return NULL;
                }
        }
        return json_pack("{s:I, s:o}", "gen", (json_int_t)list->gen, "members", members);
}

int members_parse(const char *text, size_t size, struct vrrp_list *ret) {
        CLEANUP(jread_decref) json_t *o = jread_parse(text, size);

        return members_from_json(o, ret);
}

static int file_error(struct error *e, const char *path, int r, const char *what) {
        error_set(e, EXIT_FAILED, "%s: %s", what, strerror(-r));
        if (e)
                snprintf(e->file, sizeof e->file, "%s", path);
        return r;
}

int members_load(const char *path, struct vrrp_list *ret, struct error *e) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = pki_file_read(path, MEMBERS_FILE_MAX, &text, &size);

        if (r == -ENOENT)
                return r;
        if (r < 0)
                return file_error(e, path, r, "the list of members cannot be read");
        if ((r = members_parse(text, size, ret)) < 0)
                return file_error(e, path, r, "this is no list of members");
        return 0;
}

int members_store(const char *path, const struct vrrp_list *list, struct error *e) {
        CLEANUP(jread_decref) json_t *o = members_to_json(list);
        CLEANUP(freep) char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
        int r = -ENOMEM;

        if (text)
                r = pki_file_write(path, 0644, (gid_t)-1, text, strlen(text), 0);
        return r < 0 ? file_error(e, path, r, "the list of members cannot be written") : 0;
}

int members_id_load(const char *path, uint64_t *ret) {
        CLEANUP(freep) char *text = NULL;
        size_t size;
        int r = pki_file_read(path, MEMBERS_FILE_MAX, &text, &size);

        if (r < 0)
                return r;
        text[strcspn(text, "\n")] = '\0';
        return id_from_hex(text, ret);
}

int members_id_store(const char *path, uint64_t id, struct error *e) {
        char text[18];
        int r;

        snprintf(text, sizeof text, "%016llx\n", (unsigned long long)id);
        r = pki_file_write(path, 0644, (gid_t)-1, text, strlen(text), 0);
        return r < 0 ? file_error(e, path, r, "the member's id cannot be written") : 0;
}
