/* apiServerLoadBalancing: the owner of the control plane's address spreads new connections to the API server
 * over the masters that are healthy, in the kernel: destination NAT by an nftables table of our own, which
 * the kernel removes with our socket, also when the process dies. The text is pure; what gives it to the
 * kernel (libnftables, loaded when it is first needed) blocks: for the worker's thread. */
#ifndef AGENT_BALANCE_H
#define AGENT_BALANCE_H

#include "pki/util.h"
#include "vrrp/ip.h"
#include <stdbool.h>
#include <stdint.h>

enum { BALANCE_TARGETS = 16, BALANCE_VIPS = 32, BALANCE_TEXT = 8192, BALANCE_ERROR = 256 };
#define BALANCE_TABLE "triarch_api"

/* All of one family. */
struct balance {
        struct vrrp_ip vips[BALANCE_VIPS];
        size_t n_vips;
        uint16_t port;
        struct vrrp_ip self, targets[BALANCE_TARGETS]; /* targets: self among them when it takes part */
        size_t n_targets;
};

/* A new connection has somewhere else to go than here. */
bool balance_spreads(const struct balance *b);
bool balance_equal(const struct balance *a, const struct balance *b);
/* One transaction of nft's language that leaves exactly this in force, whatever was; nothing when it does not
 * spread. Connections that exist stay where they are. -ENOBUFS. */
int balance_text(const struct balance *b, char *out, size_t size);

struct balance_kernel;
/* CAP_NET_ADMIN. -ENOSYS: no libnftables; other negative errno; `why` says what. */
int balance_kernel_new(struct balance_kernel **ret, char why[BALANCE_ERROR]);
/* When it fails nothing is spread any more: what was in force may lead to somebody who is not well. */
int balance_kernel_set(struct balance_kernel *k, const struct balance *b, char why[BALANCE_ERROR]);
void balance_kernel_free(struct balance_kernel *k); /* the table goes with it */
DEFINE_CLEANUP(struct balance_kernel *, balance_kernel_free)

#endif
