/* What a running keepalived does for its virtual addresses, read from keepalived.conf(5) of version 2.x: only
 * what another router of the same VRID must know. What is not taken over is listed, with its place; what
 * cannot be left out without a loss is a refusal, with a name. Nothing outside the files is looked at. */
#ifndef AGENT_KEEPALIVED_CONF_H
#define AGENT_KEEPALIVED_CONF_H

#include "agent/error.h"
#include "vrrp/ip.h"

enum { KEEPALIVED_ADDRESSES = 32, KEEPALIVED_PEERS = 15, KEEPALIVED_INSTANCES = 16, KEEPALIVED_NOTES = 64 };

struct keepalived_address {
        struct vrrp_ip ip;
        uint8_t prefix; /* as keepalived puts it on the interface: 32 or 128 when none is given */
};

/* One vrrp_instance, with keepalived's defaults filled in. */
struct keepalived_instance {
        const char *name, *file; /* borrowed from the conf */
        unsigned line;
        char interface[16]; /* "": not given */
        uint8_t vrid;       /* 1..255 */
        uint8_t priority;   /* 1..255, as it is while every script and interface that adds to it is well */
        uint8_t version;    /* 2, 3 */
        uint32_t interval_us;
        bool nopreempt, no_accept;
        bool use_vmac;
        uint32_t preempt_delay_us;
        struct vrrp_ip source; /* unicast_src_ip, mcast_src_ip; none: the interface's */
        struct vrrp_ip peers[KEEPALIVED_PEERS];
        size_t n_peers; /* 0: multicast */
        struct keepalived_address addresses[KEEPALIVED_ADDRESSES];
        size_t n_addresses; /* of one family, at least one */
};

struct keepalived_note {
        const char *file; /* borrowed */
        unsigned line;
        const char *refusal; /* static name for --ignore-preflight-errors, NULL: only not taken over */
        char text[256];
};

struct ktree;
struct keepalived_conf {
        struct ktree *tree;
        struct keepalived_instance instances[KEEPALIVED_INSTANCES];
        size_t n_instances;
        struct keepalived_note notes[KEEPALIVED_NOTES]; /* in the order of the file */
        size_t n_notes, n_notes_more;                   /* more: those that found no room */
};

/* -EINVAL with *e (EXIT_INPUT), file and line: what keepalived itself would not take, or no vrrp_instance
 * with an address. `root` as ktree_load(). */
int keepalived_conf_load(const char *root, const char *file, struct keepalived_conf **ret, struct error *e);
/* From memory: no includes. */
int keepalived_conf_parse(const char *text, size_t size, const char *name, struct keepalived_conf **ret,
                          struct error *e);
void keepalived_conf_free(struct keepalived_conf *c);
DEFINE_CLEANUP(struct keepalived_conf *, keepalived_conf_free)

#endif
