/* What a machine joins as: asked for by the joiner, granted by the token, part of the proof. */
#ifndef AGENT_ENROLL_ROLE_H
#define AGENT_ENROLL_ROLE_H

#include <errno.h>
#include <string.h>

enum enroll_role { ENROLL_MASTER, ENROLL_WORKER };
enum { ENROLL_ROLE_SIZE = 8 };

static inline const char *enroll_role_name(enum enroll_role role) {
        return role == ENROLL_WORKER ? "worker" : "master";
}

/* -EBADMSG. */
static inline int enroll_role_parse(const char *text, enum enroll_role *ret) {
        if (!strcmp(text, "master"))
                *ret = ENROLL_MASTER;
        else if (!strcmp(text, "worker"))
                *ret = ENROLL_WORKER;
        else
                return -EBADMSG;
        return 0;
}

#endif
