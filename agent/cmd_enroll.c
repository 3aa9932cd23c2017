#include "agent/command.h"
#include "agent/decimal.h"
#include "agent/enroll_server.h"
#include "agent/monotonic.h"
#include "agent/opt.h"
#include "agent/paths.h"
#include "agent/rootpath.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

enum { IDLE_S = 60, MAX_IDLE_S = 86400, MAX_SOCKETS = 8, TURN_AWAY_MS = 2000 };

static const char usage[] =
        "Usage: triarch enroll [--listen ADDRESS:PORT] [--idle-timeout SECONDS]\n\n"
        "Hands the cluster's keys to machines that join and prove a token. Run by triarch-enroll.service,\n"
        "which gets its socket from systemd and leaves when nobody asks.";

/* "127.0.0.1:7644", "[::1]:7644"; any address, loopback and "[::]", too. */
static int parse_listen(const char *where, struct vrrp_ip *ip, uint16_t *ret_port) {
        const char *colon = strrchr(where, ':');
        bool bracket = colon && *where == '[' && colon[-1] == ']';
        char host[INET6_ADDRSTRLEN];
        uint64_t port;
        int n;

        if (!colon || !decimal_parse(colon + 1, 1, UINT16_MAX, &port))
                return -EINVAL;
        n = snprintf(host, sizeof host, "%.*s", (int)(colon - where) - 2 * bracket, where + bracket);
        if (n >= (int)sizeof host || vrrp_ip_parse(host, ip) < 0 || bracket != (ip->family == AF_INET6))
                return -EINVAL;
        *ret_port = (uint16_t)port;
        return 0;
}

static int open_socket(const char *where, int *ret, struct error *e) {
        struct sockaddr_storage sa;
        CLEANUP(closep) int fd = -1;
        struct vrrp_ip ip;
        socklen_t size;
        uint16_t port;

        if (parse_listen(where, &ip, &port) < 0)
                return error_set(e, EXIT_INPUT,
                                 "--listen \"%s\": want ADDRESS:PORT, an IPv6 address in brackets", where);
        size = vrrp_ip_sockaddr(&ip, port, 0, &sa);
        fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
            bind(fd, (const void *)&sa, size) < 0 || listen(fd, 64) < 0)
                return error_set(e, EXIT_FAILED, "cannot listen on %s: %s", where, strerror(errno));
        *ret = fd;
        fd = -1;
        return 0;
}

/* The sockets that systemd passes, or the one that --listen names. */
static int get_sockets(const char *where, int fds[MAX_SOCKETS], size_t *ret_n, struct error *e) {
        int n = sd_listen_fds(1), flags;

        *ret_n = 0;
        if (where) {
                if (open_socket(where, &fds[0], e) < 0)
                        return -EIO;
                *ret_n = 1;
                return 0;
        }
        if (n <= 0 || n > MAX_SOCKETS)
                return error_set(e, EXIT_INPUT,
                                 "no socket was passed: started by hand, this command needs --listen "
                                 "ADDRESS:PORT");
        for (int i = 0; i < n; i++) {
                fds[i] = SD_LISTEN_FDS_START + i;
                /* systemd hands them over blocking; who is gone before accept() must not stop the rest. */
                if ((flags = fcntl(fds[i], F_GETFL)) < 0 || fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) < 0)
                        return error_set(e, EXIT_FAILED, "the socket from systemd: %s", strerror(errno));
        }
        *ret_n = (size_t)n;
        return 0;
}

/* A service that cannot start leaves its callers in the queue, and systemd starts it again for them at once,
 * for ever. So they are turned away, for a while: that is also how often it can be made to start. */
static void turn_away(const int *fds, size_t n) {
        int64_t end_us = monotonic_us() + TURN_AWAY_MS * INT64_C(1000), left_us;
        struct pollfd p[MAX_SOCKETS];
        int fd;

        for (size_t i = 0; i < n; i++)
                p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
        while ((left_us = end_us - monotonic_us()) > 0 && poll(p, n, (int)(left_us / 1000) + 1) > 0)
                for (size_t i = 0; i < n; i++)
                        if ((fd = accept4(fds[i], NULL, NULL, SOCK_CLOEXEC)) >= 0)
                                close(fd);
}

static int serve(const char *root, const int *fds, size_t n, unsigned idle_s, struct error *e) {
        CLEANUP(config_freep) struct config *c = NULL;
        struct enroll_host host;
        struct enroll_server s;
        struct enroll_ops ops;
        char file[PATH_MAX];
        int r;

        if (root_path(file, root, TRIARCH_CONFIG_FILE) < 0)
                return error_set(e, EXIT_INPUT, "--root: the path is too long");
        if ((r = config_load(file, NULL, &c, e)) < 0 || (r = enroll_host_init(&host, root, c, &ops, e)) < 0 ||
            (r = enroll_server_init(&s, root, c, &ops, e)) < 0)
                return r;
        r = enroll_listen(&s, fds, n, idle_s, e);
        enroll_server_done(&s);
        return r;
}

static int run(const char *root, const char *listen_on, unsigned idle_s, struct error *e) {
        int fds[MAX_SOCKETS] = { -1 }, r;
        size_t n = 0;

        if ((r = get_sockets(listen_on, fds, &n, e)) < 0 || (r = serve(root, fds, n, idle_s, e)) == 0)
                return r;
        if (!listen_on)
                turn_away(fds, n);
        return r;
}

int cmd_enroll(int argc, char **argv) {
        const char *listen_on = NULL, *idle = NULL;
        const struct opt table[] = {
                { "listen", 0, OPT_STRING, &listen_on, "ADDRESS:PORT", "listen there (for tests)" },
                { "idle-timeout", 0, OPT_STRING, &idle, "SECONDS",
                  "leave after so long without a joiner (60)" },
                { 0 },
        };
        struct error e = { .status = EXIT_FAILED };
        uint64_t idle_s = IDLE_S;
        struct common common;
        int r = opt_parse_only(argc, argv, usage, table, OPT_NO_JSON, &common, &e);

        if (r > 0)
                return EXIT_DONE;
        if (r == 0 && idle && !decimal_parse(idle, 1, MAX_IDLE_S, &idle_s))
                r = error_set(&e, EXIT_INPUT, "--idle-timeout \"%s\": want 1 to %d seconds", idle,
                              MAX_IDLE_S);
        if (r == 0)
                r = run(common.root, listen_on, (unsigned)idle_s, &e);
        return r < 0 ? error_print(&e) : EXIT_DONE;
}
