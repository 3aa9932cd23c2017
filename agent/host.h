/* Parts of the phase `host`, in files of their own: each makes one thing of this machine as a node needs it,
 * keeps what is so, and notes in managed.h what it changes. Under a root: files alone.
 *
 * A running host's own settings are not overwritten in silence: what contradicts is named by file and line.
 */
#ifndef AGENT_HOST_H
#define AGENT_HOST_H

#include "agent/phase.h"
#include "agent/reset.h"

#define HOST_MODULES_FILE "/etc/modules-load.d/triarch.conf"
#define HOST_SYSCTL_FILE  "/etc/sysctl.d/99-triarch.conf"
#define HOST_CHRONY_FILE  "/etc/chrony/conf.d/triarch.conf"

int host_modules(struct phase_ctx *ctx, struct error *e);
int host_sysctls(struct phase_ctx *ctx, struct error *e);
int host_swap(struct phase_ctx *ctx, struct error *e);
int host_names(struct phase_ctx *ctx, struct error *e);
int host_time(struct phase_ctx *ctx, struct error *e);
int host_firewall(struct phase_ctx *ctx, struct error *e);
int host_selinux(struct phase_ctx *ctx, struct error *e);

/* "[host] warning: ..." on stdout: the phase goes on. */
void host_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* --- what the configuration says about the host (pure) ------------------------------------- */

/* A scalar at the top of the passed-through KubeletConfiguration (proxy: KubeProxyConfiguration) as text;
 * false: it is not given. */
bool host_kubelet_value(const struct config *c, const char *key, char *out, size_t size);
bool host_proxy_value(const struct config *c, const char *key, char *out, size_t size);
/* Does the cluster have addresses of IPv6? */
bool host_has_ipv6(const struct config *c);
/* Will `part` of the phase host ("sysctls", ...) be run by init or join? preflight leaves to it what it will
 * do. */
bool host_will_do(const struct phase_ctx *ctx, const char *part);

/* --- pure parts, for tests ------------------------------------------------------------------ */

/* The systemd unit of a swap area by its path: "/dev/sda2" is "dev-sda2.swap". -ENAMETOOLONG. */
int host_swap_unit(const char *path, char out[256]);
/* The i-th line of fstab that is swap: its line number, and the path of what it names ("UUID=x" is
 * "/dev/disk/by-uuid/x"); false past the last. */
bool host_fstab_swap(const char *fstab, size_t i, unsigned *ret_line, char path[256]);

struct host_name {
        const char *name, *address;
};
/* /etc/hosts with exactly these names in our block at its end; none: without the block. malloc'ed, NULL: no
 * memory. */
char *host_names_text(const char *hosts, const struct host_name *names, size_t n);
/* Is `name` in our block? */
bool host_names_ours(const char *hosts, const char *name);

/* chrony's file: the servers, the other masters, and whoever may ask (a network, "" none). A worker asks the
 * masters, and is asked by nobody. malloc'ed, NULL: no memory. */
char *host_time_text(const struct str_list *servers, const char *const *peers, size_t n_peers,
                     const char *network, bool worker);

/* Where a setting is made in sysctl's files: the value, and where ("F:LINE"); i-th. */
bool host_sysctl_line(const char *line, char key[128], char value[128]);

/* --- later ------------------------------------------------------------------------------------ */

/* TRIARCH_MEMBERS_FILE has changed: the masters' clocks follow one another (triarch-time.service). Nothing
 * where the phase did not configure chrony. */
int host_time_members(const char *root, const struct config *c, struct error *e);
/* Everything that the phases host and runtime did on this machine, taken back; *ret counts. b NULL: under a
 * root. */
int host_undo(struct reset *r, struct unit_bus *b, struct error *e);

/* Running values, for managed.h's undo. */
int host_sysctl_undo(void *userdata, const char *key, const char *before, struct error *why);
int host_swap_undo(void *userdata, const char *key, const char *before, struct error *why);
int host_firewall_undo(void *userdata, const char *key, const char *before, struct error *why);
int host_selinux_undo(void *userdata, const char *key, const char *before, struct error *why);

/* Input chains of the packet filter whose policy is to drop, as "family table chain": at most n, their
 * number. Negative errno: it cannot be asked. */
enum { HOST_CHAIN_SIZE = 160 };
int host_dropping_chains(char (*out)[HOST_CHAIN_SIZE], size_t n);

/* Does the kernel know links of this kind ("vxlan")? 1, 0, or negative errno: it cannot be asked (EPERM). The
 * kernel loads its module for the question, also where a container has no modules of its own. Only for kinds
 * that cannot be made without more data: another would be made. Needs CAP_NET_ADMIN. */
int host_link_kind(const char *kind);

/* What the nodes say to one another: for the firewall. */
struct host_port {
        char port[8], protocol[8]; /* port "": a protocol of IP */
        const char *what;
};
enum { HOST_MAX_PORTS = 24 };
size_t host_ports(const struct config *c, bool worker, struct host_port out[HOST_MAX_PORTS]);

/* Restart or start `unit` when one of these files (real paths) is newer than its start, or `force`; noted, so
 * that reset restarts it, too. "[phase] restarting U". A unit that is not there: -ENOENT with *e. */
int host_converge_unit(struct phase_ctx *ctx, const char *phase, const char *unit, const char *const *files,
                       size_t n, bool force, struct error *e);

#endif
