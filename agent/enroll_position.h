/* Positions of the members: the first master has 0, and each position gives its VIP priority. This master
 * remembers those it handed out, so that two joins at once do not get the same. */
#ifndef AGENT_ENROLL_POSITION_H
#define AGENT_ENROLL_POSITION_H

#include "agent/error.h"
#include "agent/etcd.h"

enum { ENROLL_MAX_POSITIONS = 2 * ETCD_MAX_MEMBERS };
struct enroll_positions {
        struct enroll_position {
                char name[254], address[46];
                unsigned position;
                int64_t given_s;
        } v[ENROLL_MAX_POSITIONS];
        size_t n;
};

/* Pure. Does a machine at another address join under this name just now? Until its etcd has started, no list
 * of members shows the name. NULL: none. */
const struct enroll_position *enroll_position_rival(const struct enroll_positions *p,
                                                    const struct etcd_members *members, const char *name,
                                                    const char *address, int64_t now_s);
/* Pure. The smallest position free of: those in `p` whose holder is a member or got it within the last hour,
 * and one, from below, for each member that `p` does not know. Drops what is stale from `p` and adds `name`,
 * which keeps a position it already has. */
unsigned enroll_position_pick(struct enroll_positions *p, const struct etcd_members *members,
                              const char *name, const char *address, int64_t now_s);
/* Both on the file under `root`, locked. -EBUSY: there is a rival. */
int enroll_position_take(const char *root, const char *name, const char *address,
                         const struct etcd_members *members, unsigned *ret, struct error *e);

#endif
