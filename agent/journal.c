#include "agent/journal.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { DATAGRAM = 4096 };

void journal_open(struct journal *j, const char *node) {
        static const struct sockaddr_un to = { .sun_family = AF_UNIX,
                                               .sun_path = "/run/systemd/journal/socket" };

        *j = (struct journal){ .fd = -1, .node = node };
        if (!getenv("JOURNAL_STREAM"))
                return;
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (j->fd >= 0 && connect(j->fd, (const struct sockaddr *)&to, sizeof to) < 0)
                journal_close(j);
}

void journal_close(struct journal *j) {
        closep(&j->fd);
        j->fd = -1;
}

static size_t put_field(char *out, size_t size, size_t at, const char *name, const char *value) {
        int n;

        if (!value || at >= size)
                return at;
        n = snprintf(out + at, size - at, "%s=%s\n", name, value);
        if (n < 0 || (size_t)n >= size - at)
                return size;
        for (char *p = out + at; p < out + at + n - 1; p++)
                if (*p == '\n' || *p == '\r')
                        *p = ' ';
        return at + (size_t)n;
}

size_t journal_format(const struct journal_entry *e, const char *node, char *out, size_t size) {
        const char priority[2] = { (char)('0' + (e->priority & LOG_PRIMASK)), '\0' };
        const struct {
                const char *name, *value;
        } fields[] = {
                { "PRIORITY", priority },        { "SYSLOG_IDENTIFIER", "triarch-agent" },
                { "MESSAGE_ID", e->message_id }, { "MESSAGE", e->message },
                { "TRIARCH_NODE", node },        { "TRIARCH_WHAT", e->what },
                { "TRIARCH_FROM", e->from },     { "TRIARCH_TO", e->to },
                { "TRIARCH_REASON", e->reason },
        };
        size_t at = 0;

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                at = put_field(out, size, at, fields[i].name, fields[i].value);
        return at < size ? at : 0;
}

static bool send_line(const char *message) {
        struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
        char line[1024];
        int n = snprintf(line, sizeof line, "triarch-agent: %s\n", message);

        if (n >= (int)sizeof line)
                n = sizeof line - 1;
        /* POLLOUT on a pipe promises room for PIPE_BUF bytes, which is more than a line has. */
        return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && write(STDERR_FILENO, line, (size_t)n) == n;
}

static bool send_entry(struct journal *j, const struct journal_entry *e) {
        char datagram[DATAGRAM];
        size_t n;

        if (j->fd < 0)
                return send_line(e->message);
        n = journal_format(e, j->node, datagram, sizeof datagram);
        return n > 0 && send(j->fd, datagram, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}

void journal_send(struct journal *j, const struct journal_entry *e) {
        char text[96];

        if (j->dropped > 0) {
                snprintf(text, sizeof text, "%llu log entries were dropped: nobody took them",
                         (unsigned long long)j->dropped);
                if (send_entry(j, &(struct journal_entry){ .priority = LOG_WARNING, .message = text }))
                        j->dropped = 0;
        }
        if (!send_entry(j, e))
                j->dropped++;
}
