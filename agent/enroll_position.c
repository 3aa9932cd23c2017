#include "agent/enroll_position.h"
#include "agent/config.h"
#include "agent/jread.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#define POSITIONS_FILE TRIARCH_STATE_DIR "/positions.json"
#define POSITIONS_LOCK TRIARCH_STATE_DIR "/.positions.lock"
enum { HELD_S = 3600, RIVAL_S = 120 };

static bool is_member(const struct etcd_members *members, const char *name) {
        for (size_t i = 0; i < members->n; i++)
                if (!strcmp(members->v[i].name, name))
                        return true;
        return false;
}

static struct enroll_position *find(struct enroll_positions *p, const char *name) {
        for (size_t i = 0; i < p->n; i++)
                if (!strcmp(p->v[i].name, name))
                        return &p->v[i];
        return NULL;
}

static bool is_member_at(const struct etcd_members *members, const char *address) {
        char url[CONFIG_HOST_PORT_SIZE + 8], host[CONFIG_HOST_PORT_SIZE];

        snprintf(url, sizeof url, "https://%s", config_host_port(address, 2380, host));
        for (size_t i = 0; i < members->n; i++)
                if (!strcmp(members->v[i].peer_url, url))
                        return true;
        return false;
}

const struct enroll_position *enroll_position_rival(const struct enroll_positions *p,
                                                    const struct etcd_members *members, const char *name,
                                                    const char *address, int64_t now_s) {
        if (is_member(members, name))
                return NULL;
        for (size_t i = 0; i < p->n; i++)
                if (!strcmp(p->v[i].name, name) && strcmp(p->v[i].address, address) != 0 &&
                    (now_s - p->v[i].given_s < RIVAL_S || is_member_at(members, p->v[i].address)))
                        return &p->v[i];
        return NULL;
}

static void drop_stale(struct enroll_positions *p, const struct etcd_members *members, int64_t now_s) {
        size_t kept = 0;

        for (size_t i = 0; i < p->n; i++)
                if (is_member(members, p->v[i].name) || now_s - p->v[i].given_s < HELD_S)
                        p->v[kept++] = p->v[i];
        p->n = kept;
}

static unsigned smallest_free(const bool *used) {
        unsigned i = 0;

        while (i < ETCD_MAX_MEMBERS && used[i])
                i++;
        return i;
}

unsigned enroll_position_pick(struct enroll_positions *p, const struct etcd_members *members,
                              const char *name, const char *address, int64_t now_s) {
        bool used[ETCD_MAX_MEMBERS] = { false };
        struct enroll_position *mine;
        unsigned position;

        drop_stale(p, members, now_s);
        if ((mine = find(p, name))) {
                snprintf(mine->address, sizeof mine->address, "%s", address);
                return mine->position;
        }
        for (size_t i = 0; i < p->n; i++)
                if (p->v[i].position < ETCD_MAX_MEMBERS)
                        used[p->v[i].position] = true;
        for (size_t i = 0; i < members->n; i++)
                if (*members->v[i].name && strcmp(members->v[i].name, name) != 0 &&
                    !find(p, members->v[i].name)) {
                        position = smallest_free(used);
                        if (position < ETCD_MAX_MEMBERS)
                                used[position] = true;
                }
        position = smallest_free(used);
        if (p->n < ENROLL_MAX_POSITIONS) {
                struct enroll_position *new = &p->v[p->n++];

                snprintf(new->name, sizeof new->name, "%s", name);
                snprintf(new->address, sizeof new->address, "%s", address);
                new->position = position;
                new->given_s = now_s;
        }
        return position;
}

static int positions_from_text(const char *text, size_t size, struct enroll_positions *p) {
        CLEANUP(jread_decref) json_t *list = jread_parse(text, size);
        int r;

        if (!json_is_array(list) || json_array_size(list) > ENROLL_MAX_POSITIONS)
                return -EBADMSG;
        for (p->n = 0; p->n < json_array_size(list); p->n++) {
                struct enroll_position *v = &p->v[p->n];
                int64_t position;
                const struct jread_field fields[] = {
                        { .name = "name", .type = JREAD_STRING, .target = v->name, .size = sizeof v->name },
                        { .name = "address",
                          .type = JREAD_STRING,
                          .target = v->address,
                          .size = sizeof v->address },
                        { .name = "position",
                          .type = JREAD_INT,
                          .target = &position,
                          .max = ETCD_MAX_MEMBERS },
                        { .name = "given", .type = JREAD_INT, .target = &v->given_s, .max = INT64_MAX },
                        { 0 },
                };

                if ((r = jread_object(json_array_get(list, p->n), fields, NULL)) < 0)
                        return r;
                v->position = (unsigned)position;
        }
        return 0;
}

static char *positions_to_text(const struct enroll_positions *p) {
        CLEANUP(jread_decref) json_t *list = json_array();

        for (size_t i = 0; i < p->n; i++)
                if (json_array_append_new(list,
                                          json_pack("{s:s, s:s, s:i, s:I}", "name", p->v[i].name, "address",
                                                    p->v[i].address, "position", (int)p->v[i].position,
                                                    "given", (json_int_t)p->v[i].given_s)) < 0)
                        return NULL;
        return json_dumps(list, JSON_INDENT(1));
}

static int update(const char *file, const char *name, const char *address, const struct etcd_members *members,
                  unsigned *ret, struct error *e) {
        const struct enroll_position *rival;
        CLEANUP(freep) char *text = NULL, *new = NULL;
        CLEANUP(freep) struct enroll_positions *p = calloc(1, sizeof *p);
        size_t size;
        int r;

        if (!p)
                return -ENOMEM;
        r = pki_file_read(file, 65536, &text, &size);
        if (r == 0)
                r = positions_from_text(text, size, p);
        else if (r == -ENOENT)
                r = 0;
        if (r < 0)
                return r;
        if ((rival = enroll_position_rival(p, members, name, address, time(NULL)))) {
                error_set(e, EXIT_FAILED,
                          "a machine at %s joins as %s just now; choose another --node-name (if it was this "
                          "machine, before it was reset: this passes in %d s)",
                          rival->address, name, RIVAL_S);
                return -EBUSY;
        }
        *ret = enroll_position_pick(p, members, name, address, time(NULL));
        if (!(new = positions_to_text(p)))
                return -ENOMEM;
        return pki_file_write(file, 0600, (gid_t)-1, new, strlen(new), 0);
}

int enroll_position_take(const char *root, const char *name, const char *address,
                         const struct etcd_members *members, unsigned *ret, struct error *e) {
        char file[PATH_MAX], lock[PATH_MAX];
        CLEANUP(closep) int fd = -1;
        int r;

        if ((r = root_path(file, root, POSITIONS_FILE)) == 0 &&
            (r = root_path(lock, root, POSITIONS_LOCK)) == 0) {
                fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                r = fd < 0 || flock(fd, LOCK_EX) < 0 ? -errno : update(file, name, address, members, ret, e);
        }
        if (r < 0 && r != -EBUSY)
                error_set(e, EXIT_FAILED, "cannot note the joiner's position in %s: %s", file, strerror(-r));
        return r;
}
