#include "agent/control_listen.h"
#include "pki/util.h"
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BACKLOG = 64, SOCKET_MODE = 0660 };

/* A socket file that nobody listens on is what a killed agent left. */
static int remove_stale(const struct sockaddr_un *a) {
        CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (lstat(a->sun_path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -ENOTSOCK;
        if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN)
                return -EADDRINUSE;
        return unlink(a->sun_path) < 0 ? -errno : 0;
}

int control_listen_unix(const char *path) {
        CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        mode_t mask;
        int r;

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof a.sun_path)
                return -ENAMETOOLONG;
        memcpy(a.sun_path, path, strlen(path));
        if ((r = remove_stale(&a)) < 0)
                return r;
        mask = umask(0777 & ~SOCKET_MODE); /* the mode is right from the start */
        r = bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
        umask(mask);
        if (r < 0)
                return r;
        r = fd;
        fd = -1;
        return r;
}

int control_listen_loopback(uint16_t port) {
        CLEANUP(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int r;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
            bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        r = fd;
        fd = -1;
        return r;
}
