#include "tests/lab/standin-apiserver.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_DIR "/usr/lib/triarch-lab/objects" /* unless STANDIN_OBJECTS names another */

enum { ARGUMENTS_MAX = 64, PATH_SIZE = 512, BODY_MAX = 3 << 20, CHUNK = 16384, IDENTITY_SIZE = 4096 };

/* --- the program ----------------------------------------------------------------------------- */

/* A socket in the abstract namespace, whose name the kernel chooses: nothing is left behind. */
static int listen_anywhere(struct standin *s) {
        struct sockaddr_un any = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        s->objects_size = sizeof s->objects;
        if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any.sun_family) < 0 || listen(fd, 128) < 0 ||
            getsockname(fd, (struct sockaddr *)&s->objects, &s->objects_size) < 0) {
                perror("kube-apiserver: socket of the objects");
                return -1;
        }
        return fd;
}

/* In the child: the API server's arguments behind the socket's number. */
static void run_program(int fd, int ready, int argc, char **argv) {
        const char *dir = getenv("STANDIN_OBJECTS");
        char path[PATH_SIZE], number[16];
        char *line[ARGUMENTS_MAX] = { (char *)"python3", (char *)"-B", path, number };

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(path, sizeof path, "%s/server.py", dir ? dir : PROGRAM_DIR);
        snprintf(number, sizeof number, "%d", fd);
        for (int i = 1; i < argc && i + 4 < ARGUMENTS_MAX; i++)
                line[i + 3] = argv[i];
        signal(SIGPIPE, SIG_DFL);
        if (fcntl(fd, F_SETFD, 0) == 0 && dup2(ready, STDOUT_FILENO) >= 0)
                execvp(line[0], line);
        perror("kube-apiserver: python3");
        _exit(1);
}

bool standin_objects_start(struct standin *s, int argc, char **argv) {
        int fd = listen_anywhere(s), pipes[2];

        if (fd < 0 || pipe2(pipes, O_CLOEXEC) < 0)
                return false;
        if ((s->objects_pid = fork()) == 0)
                run_program(fd, pipes[1], argc, argv);
        close(fd);
        close(pipes[1]);
        s->objects_ready = pipes[0];
        return s->objects_pid > 0;
}

/* Without it there is no API: the process ends, and is started again. */
static void *end_together(void *userdata) {
        const struct standin *s = userdata;
        int status = 0;

        waitpid(s->objects_pid, &status, 0);
        fprintf(stderr, "kube-apiserver: the program of the objects ended with status %d\n", status);
        _exit(1);
}

bool standin_objects_wait(struct standin *s) {
        char word[8];
        pthread_t thread;

        return read(s->objects_ready, word, sizeof word) > 0 &&
               pthread_create(&thread, NULL, end_together, s) == 0;
}

/* --- one request ----------------------------------------------------------------------------- */

struct text {
        char v[IDENTITY_SIZE];
        size_t n;
        bool too_long;
};

static void put(struct text *t, const char *s, size_t n) {
        t->too_long = t->too_long || n >= sizeof t->v - t->n;
        if (t->too_long)
                return;
        memcpy(t->v + t->n, s, n);
        t->n += n;
}

static void put_encoded(struct text *t, const unsigned char *s, int n) {
        for (int i = 0; i < n; i++) {
                char hex[4];

                snprintf(hex, sizeof hex, "%%%02X", (unsigned)s[i]);
                if (isalnum(s[i]) || strchr("-_.:", s[i] ? s[i] : '%'))
                        put(t, (const char *)&s[i], 1);
                else
                        put(t, hex, 3);
        }
}

static void put_name(struct text *t, const X509_NAME *name, int nid, const char *header) {
        for (int i = -1; (i = X509_NAME_get_index_by_NID(name, nid, i)) >= 0;) {
                const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));

                put(t, header, strlen(header));
                put_encoded(t, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
                put(t, "\r\n", 2);
        }
}

/* The user is the certificate's CN, its groups are the O. */
static void identity(SSL *ssl, struct text *t) {
        const X509 *x = SSL_get0_peer_certificate(ssl);

        if (!x)
                return;
        put_name(t, X509_get_subject_name(x), NID_commonName, "X-Standin-User: ");
        put_name(t, X509_get_subject_name(x), NID_organizationName, "X-Standin-Group: ");
}

static bool send_all(int fd, const char *data, size_t n) {
        while (n > 0) {
                ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

                if (sent <= 0)
                        return false;
                data += sent;
                n -= (size_t)sent;
        }
        return true;
}

/* Header by header: those that a client must not give are left out; sets *ret_body to the body's size. */
static bool send_head(int fd, SSL *ssl, const char *head, size_t size, size_t *ret_body) {
        struct text who = { .n = 0 };
        const char *end = head + size - 2; /* at the empty line */
        bool ok = true;

        *ret_body = 0;
        for (const char *line = head, *next; ok && line < end; line = next) {
                next = (const char *)memmem(line, (size_t)(end - line), "\r\n", 2) + 2;
                if (!strncasecmp(line, "X-Standin-", 10) || !strncasecmp(line, "Transfer-Encoding:", 18))
                        continue;
                if (!strncasecmp(line, "Content-Length:", 15))
                        *ret_body = strtoul(line + 15, NULL, 10);
                ok = send_all(fd, line, (size_t)(next - line));
        }
        identity(ssl, &who);
        return ok && !who.too_long && *ret_body <= BODY_MAX && send_all(fd, who.v, who.n) &&
               send_all(fd, "\r\n", 2);
}

/* What is still to come of the body, from the client. */
static bool send_rest(int fd, SSL *ssl, size_t left) {
        char chunk[CHUNK];

        while (left > 0) {
                int n = SSL_read(ssl, chunk, (int)(left < sizeof chunk ? left : sizeof chunk));

                if (n <= 0 || !send_all(fd, chunk, (size_t)n))
                        return false;
                left -= (size_t)n;
        }
        return true;
}

static bool copy_reply(int fd, SSL *ssl) {
        char chunk[CHUNK];
        ssize_t n;
        bool any = false;

        while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0) {
                if (SSL_write(ssl, chunk, (int)n) != n)
                        return false;
                any = true;
        }
        return n == 0 && any;
}

bool standin_objects_relay(struct standin *s, SSL *ssl, const char *request, size_t head, size_t have,
                           size_t *ret_used) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        size_t body = 0, here;
        bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&s->objects, s->objects_size) == 0 &&
                  send_head(fd, ssl, request, head, &body);

        here = body < have - head ? body : have - head;
        ok = ok && send_all(fd, request + head, here) && send_rest(fd, ssl, body - here) &&
             copy_reply(fd, ssl);
        *ret_used = head + here;
        if (fd >= 0)
                close(fd);
        return ok;
}
