#include "pki/util.h"
#include "vrrp/bytes.h"
#include "vrrp/clock.h"
#include "vrrp/sealed_priv.h"

#include <errno.h>
#include <openssl/sha.h>
#include <sys/random.h>

DEFINE_CLEANUP(struct vrrp_sealed *, vrrp_sealed_free)

static uint64_t draw(void) {
        uint64_t v = 0;

        while (v == 0)
                if (getrandom(&v, sizeof v, 0) != sizeof v)
                        return 0;
        return v;
}

uint64_t sealed_random(struct vrrp_sealed *s) {
        if (s->random == 0)
                s->random = draw();
        return s->random;
}

static uint64_t take_random(struct vrrp_sealed *s) {
        uint64_t v = sealed_random(s);

        s->random = 0;
        return v;
}

int vrrp_sealed_new(sd_event *loop, const struct vrrp_sealed_params *p, struct vrrp_keyring *ring,
                    void (*before_io)(void *userdata), void *userdata, struct vrrp_sealed **ret) {
        CLEANUP(vrrp_sealed_freep) struct vrrp_sealed *s = NULL;
        size_t size = strnlen(p->interface, IFNAMSIZ);

        if (p->self == 0 || vrrp_ip_none(&p->address) || size == 0 || size == IFNAMSIZ || p->port == 0)
                return -EINVAL;
        s = calloc(1, sizeof *s);
        if (!s)
                return -ENOMEM;
        memcpy(s->interface, p->interface, size);
        if (!(s->ifindex = if_nametoindex(s->interface)))
                return -errno;
        if (!(s->boot = draw()))
                return -errno;
        s->address = p->address;
        s->port = p->port;
        s->self = p->self;
        s->challenge_gap_us = p->challenge_gap_us;
        memcpy(s->cluster, p->cluster, sizeof s->cluster);
        s->before_io = before_io;
        s->userdata = userdata;
        s->loop = sd_event_ref(loop);
        s->ring = ring;
        *ret = TAKE_PTR(s);
        return 0;
}

static void write_address(struct vrrp_writer *w, const struct vrrp_ip *a) {
        vrrp_write_uint(w, a->family == AF_INET ? 4 : 6, 1);
        vrrp_write_bytes(w, a->b, sizeof a->b);
}

void vrrp_sealed_network(const uint8_t cluster[VRRP_SEAL_CLUSTER], const struct vrrp_ip *a,
                         const struct vrrp_ip *b, uint8_t ret[VRRP_SEAL_CLUSTER]) {
        bool in_order = vrrp_ip_compare(a, b) <= 0;
        uint8_t all[VRRP_SEAL_CLUSTER + 2 * (1 + sizeof a->b)], digest[SHA256_DIGEST_LENGTH];
        struct vrrp_writer w = { .p = all, .left = sizeof all };

        vrrp_write_bytes(&w, cluster, VRRP_SEAL_CLUSTER);
        write_address(&w, in_order ? a : b);
        write_address(&w, in_order ? b : a);
        SHA256(all, sizeof all, digest);
        memcpy(ret, digest, VRRP_SEAL_CLUSTER);
}

static void close_peer(struct sealed_peer *p) {
        p->io = sd_event_source_disable_unref(p->io);
        if (p->fd >= 0)
                close(p->fd);
        p->fd = -ENOTCONN;
}

static void free_peer(struct sealed_peer *p) {
        if (p->session.seq > p->s->seq)
                p->s->seq = p->session.seq;
        p->s->changes++;
        close_peer(p);
        free(p);
}

void vrrp_sealed_free(struct vrrp_sealed *s) {
        if (!s)
                return;
        for (size_t i = 0; i < s->n; i++)
                free_peer(s->peers[i]);
        vrrp_keyring_free(s->ring);
        sd_event_unref(s->loop);
        free(s);
}

static struct sealed_peer *find_peer(const struct vrrp_sealed *s, uint64_t id) {
        for (size_t i = 0; i < s->n; i++)
                if (s->peers[i]->id == id)
                        return s->peers[i];
        return NULL;
}

static int watch(struct sealed_peer *p) {
        int r = sd_event_add_io(p->s->loop, &p->io, p->fd, EPOLLIN, sealed_on_io, p);

        if (r >= 0)
                r = sd_event_source_set_priority(p->io, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                sd_event_source_set_description(p->io, "sealed");
        return r;
}

static int open_peer(struct sealed_peer *p) {
        const struct vrrp_sealed *s = p->s;
        struct vrrp_sealed_path path = {
                .interface = s->interface,
                .ifindex = s->ifindex,
                .port = s->port,
                .own = s->address,
                .peer = p->address,
                .network = p->network,
                .own_id = s->self,
                .peer_id = p->id,
        };
        int r;

        p->fd = vrrp_sealed_socket(&path);
        if (p->fd < 0)
                return p->fd;
        if ((r = watch(p)) < 0)
                close_peer(p);
        return r;
}

static void challenge(struct sealed_peer *p) {
        uint64_t nonce = take_random(p->s);

        if (nonce == 0 || p->fd < 0)
                return;
        vrrp_session_open(&p->session, vrrp_now_us(), nonce);
        p->s->counters.challenges++;
        sealed_send_nonce(p, VRRP_SEAL_CHALLENGE, nonce);
}

/* A socket for a member that has none, or has moved. */
static int keep_peer(struct sealed_peer *p, const struct vrrp_list_member *m) {
        int r;

        if (p->fd >= 0 && vrrp_ip_equal(&p->address, &m->address))
                return 0;
        p->s->changes++;
        close_peer(p);
        p->address = m->address;
        vrrp_sealed_network(p->s->cluster, &p->s->address, &p->address, p->network);
        if ((r = open_peer(p)) < 0)
                return r;
        challenge(p);
        return 0;
}

static int add_peer(struct vrrp_sealed *s, const struct vrrp_list_member *m) {
        struct sealed_peer *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        p->s = s;
        p->id = m->id;
        p->fd = -ENOTCONN;
        p->session.seq = s->seq; /* it may know us from an earlier list */
        s->peers[s->n++] = p;
        return keep_peer(p, m);
}

static void drop_unlisted(struct vrrp_sealed *s, const struct vrrp_list *list) {
        size_t kept = 0;

        for (size_t i = 0; i < s->n; i++)
                if (vrrp_list_find(list, s->peers[i]->id))
                        s->peers[kept++] = s->peers[i];
                else
                        free_peer(s->peers[i]);
        s->n = kept;
}

/* An interface that was made anew: sockets bound to the old one are dead. The sessions live on. */
static void follow_interface(struct vrrp_sealed *s) {
        unsigned now = if_nametoindex(s->interface);

        if (now == 0 || now == s->ifindex)
                return;
        s->ifindex = now;
        s->changes++;
        for (size_t i = 0; i < s->n; i++)
                close_peer(s->peers[i]);
}

int vrrp_sealed_set_list(struct vrrp_sealed *s, const struct vrrp_list *list) {
        int result = 0;

        if (list->n > VRRP_LIST_MEMBERS)
                return -EINVAL;
        follow_interface(s);
        drop_unlisted(s, list);
        for (size_t i = 0; i < list->n; i++) {
                const struct vrrp_list_member *m = &list->v[i];
                struct sealed_peer *p = find_peer(s, m->id);
                int r;

                if (m->id == s->self || m->id == 0)
                        continue;
                r = p ? keep_peer(p, m) : add_peer(s, m);
                result = result < 0 ? result : r;
        }
        return result;
}

void vrrp_sealed_set_keys(struct vrrp_sealed *s, struct vrrp_keyring *ring) {
        vrrp_keyring_free(s->ring);
        s->ring = ring;
}

int vrrp_sealed_subscribe(struct vrrp_sealed *s, uint32_t group, const struct vrrp_sealed_ops *ops,
                          void *userdata) {
        if (group >= VRRP_SEALED_GROUPS || !ops->message)
                return -EINVAL;
        if (s->groups[group].ops)
                return -EEXIST;
        s->groups[group] = (struct sealed_subscriber){ .ops = ops, .userdata = userdata };
        return 0;
}

void vrrp_sealed_unsubscribe(struct vrrp_sealed *s, uint32_t group) {
        if (group < VRRP_SEALED_GROUPS)
                s->groups[group] = (struct sealed_subscriber){ 0 };
}

int sealed_send(struct sealed_peer *p, uint32_t group, uint8_t type, const void *body, size_t size) {
        struct vrrp_sealed *s = p->s;
        struct vrrp_seal_header h = {
                .type = type, .group = group, .src = s->self, .dst = p->id, .boot = s->boot
        };
        uint8_t datagram[VRRP_SEAL_MAX];
        size_t n;
        int r = p->fd < 0 ? -ENOTCONN : 0;

        h.seq = vrrp_session_next_seq(&p->session);
        memcpy(h.cluster, p->network, sizeof h.cluster);
        n = vrrp_seal(s->ring, &h, body, size, datagram, sizeof datagram);
        if (n == 0)
                r = -EMSGSIZE;
        if (r == 0)
                r = vrrp_sealed_socket_send(p->fd, datagram, n);
        if (r < 0)
                s->counters.send_errors++;
        else
                s->counters.sent++;
        return r;
}

void sealed_send_nonce(struct sealed_peer *p, enum vrrp_seal_type type, uint64_t nonce) {
        uint8_t body[VRRP_SEAL_NONCE];
        struct vrrp_writer w = { .p = body, .left = sizeof body };

        vrrp_write_uint(&w, nonce, sizeof body);
        sealed_send(p, 0, (uint8_t)type, body, sizeof body); /* lost is lost: the next datagram asks again */
}

int vrrp_sealed_send(struct vrrp_sealed *s, uint64_t dst, uint32_t group, uint8_t type, const void *body,
                     size_t size) {
        struct sealed_peer *p;
        int result = 0;

        if (dst != 0) {
                p = find_peer(s, dst);
                return p ? sealed_send(p, group, type, body, size) : -ENOENT;
        }
        for (size_t i = 0; i < s->n; i++) {
                int r = sealed_send(s->peers[i], group, type, body, size);

                result = result < 0 ? result : r;
        }
        return result;
}

int vrrp_sealed_restart(struct vrrp_sealed *s) {
        uint64_t boot = draw();

        if (boot == 0)
                return -errno;
        s->boot = boot;
        s->seq = 0;
        for (size_t i = 0; i < s->n; i++) {
                s->peers[i]->session = (struct vrrp_session){ 0 };
                challenge(s->peers[i]);
        }
        return 0;
}

uint64_t vrrp_sealed_boot(const struct vrrp_sealed *s) {
        return s->boot;
}

size_t vrrp_sealed_peers(const struct vrrp_sealed *s, struct vrrp_sealed_peer *out, size_t max) {
        size_t n = s->n < max ? s->n : max;

        for (size_t i = 0; i < n; i++) {
                const struct sealed_peer *p = s->peers[i];

                out[i] = (struct vrrp_sealed_peer){ .id = p->id,
                                                    .last_us = p->last_us,
                                                    .address = p->address,
                                                    .session = p->session.known,
                                                    .key_id = p->key_id };
        }
        return n;
}

const struct vrrp_sealed_counters *vrrp_sealed_counters(const struct vrrp_sealed *s) {
        return &s->counters;
}
