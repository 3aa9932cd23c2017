/* Log entries with fields. Under systemd (JOURNAL_STREAM is set) they go to journald by its native
 * protocol, otherwise as text lines to stderr. Never blocks: an entry that cannot be taken at once is
 * dropped, and the next one says how many were. (sd_journal_send() waits for a stuck journald, and a VIP
 * must not.) */
#ifndef AGENT_JOURNAL_H
#define AGENT_JOURNAL_H

#include "pki/util.h"
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

struct journal {
        int fd;           /* journald's socket; -1: stderr */
        const char *node; /* borrowed */
        uint64_t dropped;
};
struct journal_entry {
        int priority;           /* LOG_INFO, ... */
        const char *message_id; /* 32 hex digits, or NULL */
        const char *message;
        const char *what, *from, *to, *reason; /* TRIARCH_WHAT=, ..._FROM=, ..._TO=, ..._REASON=; or NULL */
};

/* Who changed its state (backup, active), its class (healthy, ...); the agent started; a notice. */
#define JOURNAL_ID_STATE   "6f0d6c7a2c3c4f7f9a0b8c4d1e5f2a31"
#define JOURNAL_ID_CLASS   "b1d3a0c56e0f4d2c8a4e7b90c2f61d58"
#define JOURNAL_ID_STARTED "2c9e4f1b7d864a539d5a1f3c80e7b642"
#define JOURNAL_ID_NOTICE  "e84b52d9037f4c1aa6d20f95b7c3184e"

void journal_open(struct journal *j, const char *node);
void journal_send(struct journal *j, const struct journal_entry *e);
void journal_close(struct journal *j);
/* Pure: the datagram of an entry. Line breaks inside values become spaces. The length, 0 when it does
 * not fit. */
size_t journal_format(const struct journal_entry *e, const char *node, char *out, size_t size);

#endif
