#include "vrrp/bytes.h"
#include "vrrp/seal.h"

enum { ACTIVE = 1 << 0, PREEMPT = 1 << 1, STANDBY = 1 << 2 };
enum { WITNESS = 1 << 0 };
enum { IPV4 = 4, IPV6 = 6 };

/* What each type carries beside the common fields, and which flags it knows (STANDBY: each). */
static const struct form {
        uint8_t flags;
        bool ballot;     /* must name one */
        bool own_ballot; /* of the sender */
        bool released, succ, list;
} forms[VRRP_LEASE_N_TYPES] = {
        [VRRP_LEASE_CLAIM] = { .flags = ACTIVE, .ballot = true, .own_ballot = true, .released = true },
        [VRRP_LEASE_ACK] = { .ballot = true },
        [VRRP_LEASE_PROBE] = { .flags = PREEMPT },
        [VRRP_LEASE_YES] = { .flags = PREEMPT },
        [VRRP_LEASE_RESIGN] = { .ballot = true, .own_ballot = true, .succ = true },
        [VRRP_LEASE_PREEMPT] = { .ballot = true },
        [VRRP_LEASE_NACK] = { .list = true },
};

static const struct form *form_of(enum vrrp_lease_type type) {
        return type >= VRRP_LEASE_CLAIM && type < VRRP_LEASE_N_TYPES ? &forms[type] : NULL;
}

static bool ballot_is_zero(const struct vrrp_ballot *b) {
        return b->num == 0 && b->src == 0 && b->boot == 0 && b->count == 0;
}

/* Names are for people, and must do no harm where they are printed. */
static bool names_are_plain(const struct vrrp_list *l) {
        for (size_t i = 0; i < l->n; i++)
                for (const char *p = l->v[i].name; *p; p++)
                        if ((unsigned char)*p <= ' ' || *p == 0x7f)
                                return false;
        return true;
}

static bool list_is_valid(const struct vrrp_lease_msg *m) {
        return m->list && m->list->gen == m->gen && vrrp_list_check(m->list) == 0 && names_are_plain(m->list);
}

/* Every field in its range: the same test for what is sent and what was received. */
static bool is_valid(const struct form *f, const struct vrrp_lease_msg *m) {
        if (m->src == 0 || m->gen == 0 || m->rank.class > VRRP_FAILED || m->rank.priority == 0)
                return false;
        if (f->ballot && m->ballot.num == 0)
                return false;
        if (f->own_ballot && m->ballot.src != m->src)
                return false;
        if (f->released && (m->released_src == 0 ? !ballot_is_zero(&m->released) : m->released.num == 0))
                return false;
        return !f->list || list_is_valid(m);
}

static void write_ballot(struct vrrp_writer *w, const struct vrrp_ballot *b) {
        vrrp_write_uint(w, b->num, 8);
        vrrp_write_uint(w, b->src, 8);
        vrrp_write_uint(w, b->boot, 8);
        vrrp_write_uint(w, b->count, 4);
        vrrp_write_uint(w, 0, 4);
}

static void read_ballot(struct vrrp_reader *r, struct vrrp_ballot *b) {
        b->num = vrrp_read_u64(r);
        b->src = vrrp_read_u64(r);
        b->boot = vrrp_read_u64(r);
        b->count = vrrp_read_u32(r);
        vrrp_read_zero(r, 4);
}

static void write_member(struct vrrp_writer *w, const struct vrrp_list_member *m) {
        size_t name = strlen(m->name);

        vrrp_write_uint(w, m->id, 8);
        vrrp_write_uint(w, m->address.family == AF_INET ? IPV4 : IPV6, 1);
        vrrp_write_uint(w, m->witness ? WITNESS : 0, 1);
        vrrp_write_uint(w, 0, 1);
        vrrp_write_uint(w, name, 1);
        vrrp_write_bytes(w, m->address.b, sizeof m->address.b);
        vrrp_write_bytes(w, m->name, name);
}

static bool read_family(struct vrrp_reader *r, struct vrrp_ip *address) {
        uint8_t version = vrrp_read_u8(r);

        address->family = version == IPV4 ? AF_INET : version == IPV6 ? AF_INET6 : AF_UNSPEC;
        return address->family != AF_UNSPEC;
}

/* Equal addresses have equal bytes: what IPv4 leaves free is 0. */
static void read_address(struct vrrp_reader *r, struct vrrp_ip *address) {
        size_t size = vrrp_ip_size(address);

        vrrp_read_bytes(r, address->b, size);
        vrrp_read_zero(r, sizeof address->b - size);
}

static bool read_member(struct vrrp_reader *r, struct vrrp_list_member *m) {
        uint8_t flags;
        size_t name;

        m->id = vrrp_read_u64(r);
        if (!read_family(r, &m->address))
                return false;
        flags = vrrp_read_u8(r);
        vrrp_read_zero(r, 1);
        name = vrrp_read_u8(r);
        read_address(r, &m->address);
        m->witness = flags & WITNESS;
        if ((flags & ~WITNESS) != 0 || name >= sizeof m->name)
                return false;
        vrrp_read_bytes(r, m->name, name);
        return !r->bad && !memchr(m->name, '\0', name);
}

static void write_list(struct vrrp_writer *w, const struct vrrp_list *l) {
        vrrp_write_uint(w, l->n, 1);
        vrrp_write_uint(w, 0, 7);
        for (size_t i = 0; i < l->n; i++)
                write_member(w, &l->v[i]);
}

static bool read_list(struct vrrp_reader *r, uint64_t gen, struct vrrp_list *l) {
        *l = (struct vrrp_list){ .gen = gen, .n = vrrp_read_u8(r) };
        vrrp_read_zero(r, 7);
        if (l->n > VRRP_LIST_MEMBERS)
                return false;
        for (size_t i = 0; i < l->n; i++)
                if (!read_member(r, &l->v[i]))
                        return false;
        return true;
}

static uint8_t flags_of(const struct vrrp_lease_msg *m) {
        return (uint8_t)((m->active ? ACTIVE : 0) | (m->preempt ? PREEMPT : 0) | (m->standby ? STANDBY : 0));
}

size_t vrrp_lease_encode(const struct vrrp_lease_msg *m, uint8_t *buf, size_t size) {
        const struct form *f = form_of(m->type);
        struct vrrp_writer w = { .p = buf, .left = size };

        if (!f || !is_valid(f, m))
                return 0;
        vrrp_write_uint(&w, m->gen, 8);
        vrrp_write_uint(&w, m->rank.class, 1);
        vrrp_write_uint(&w, m->rank.priority, 1);
        vrrp_write_uint(&w, flags_of(m) & (f->flags | STANDBY), 1);
        vrrp_write_uint(&w, 0, 1);
        vrrp_write_uint(&w, m->k, 4);
        write_ballot(&w, &m->ballot);
        if (f->released) {
                vrrp_write_uint(&w, m->released_src, 8);
                write_ballot(&w, &m->released);
        }
        if (f->succ)
                vrrp_write_uint(&w, m->succ, 8);
        if (f->list)
                write_list(&w, m->list);
        return w.bad ? 0 : size - w.left;
}

static void read_common(struct vrrp_reader *r, const struct form *f, struct vrrp_lease_msg *m) {
        uint8_t flags;

        m->gen = vrrp_read_u64(r);
        m->rank.class = vrrp_read_u8(r);
        m->rank.priority = vrrp_read_u8(r);
        m->rank.id = m->src;
        flags = vrrp_read_u8(r);
        vrrp_read_zero(r, 1);
        m->k = vrrp_read_u32(r);
        read_ballot(r, &m->ballot);
        m->active = flags & ACTIVE;
        m->preempt = flags & PREEMPT;
        m->standby = flags & STANDBY;
        r->bad = r->bad || (flags & ~(f->flags | STANDBY)) != 0;
}

bool vrrp_lease_decode(enum vrrp_lease_type type, uint64_t src, const uint8_t *body, size_t size,
                       struct vrrp_list *list, struct vrrp_lease_msg *m) {
        const struct form *f = form_of(type);
        struct vrrp_reader r = { .p = body, .left = size };

        *m = (struct vrrp_lease_msg){ .type = type, .src = src };
        if (!f)
                return false;
        read_common(&r, f, m);
        if (f->released) {
                m->released_src = vrrp_read_u64(&r);
                read_ballot(&r, &m->released);
        }
        if (f->succ)
                m->succ = vrrp_read_u64(&r);
        if (f->list) {
                if (!read_list(&r, m->gen, list))
                        return false;
                m->list = list;
        }
        return !r.bad && r.left == 0 && is_valid(f, m);
}
