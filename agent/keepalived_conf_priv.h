/* What keepalived_conf.c (the file as a whole) and keepalived_instance.c (a vrrp_instance) share. */
#ifndef AGENT_KEEPALIVED_CONF_PRIV_H
#define AGENT_KEEPALIVED_CONF_PRIV_H

#include "agent/keepalived_conf.h"
#include "agent/keepalived_tree.h"

enum { KEEPALIVED_OWNER = 255 };
#define KEEPALIVED_SECOND_US         UINT64_C(1000000)
#define KEEPALIVED_OWN_ANNOUNCEMENTS "triarch announces the address in its own rhythm"

struct keepalived_global {
        unsigned version;
        bool strict;
        char interface[16];
};
struct keepalived_parsing {
        struct keepalived_conf *conf;
        struct keepalived_global global;
        struct error *e;
        /* of the instance that is read */
        struct keepalived_instance *instance;
        unsigned priority;
        bool strict, accept, vrid_given, unicast;
        int weights; /* sum of the positive ones */
};

/* What a keyword means to us. */
enum keepalived_meaning {
        NO_MATTER, /* for keepalived's own working, or triarch has its own way for the same */
        LEFT,      /* not taken over: said */
        REFUSED,   /* cannot be left out without a loss: said, and refused by its name */
        TAKEN,
};
struct keepalived_keyword {
        const char *word;
        enum keepalived_meaning meaning;
        const char *why; /* LEFT, REFUSED */
        int (*take)(struct keepalived_parsing *p, const struct kstatement *s);
};

/* A note for the user; with `refusal`, the name by which it can be ignored. */
void keepalived_say(struct keepalived_parsing *p, const struct kstatement *s, const char *refusal,
                    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Errors of a statement: -EINVAL with *p->e. */
int keepalived_wrong(const struct keepalived_parsing *p, const struct kstatement *s, const char *what);

/* Values: of the second word, or of a text. */
int keepalived_whole(const struct keepalived_parsing *p, const struct kstatement *s, uint64_t min,
                     uint64_t max, uint64_t *ret);
bool keepalived_seconds(const char *text, uint64_t max_s, uint64_t *ret_us);
int keepalived_truth(const struct kstatement *s);
int keepalived_interface(const struct keepalived_parsing *p, const struct kstatement *s, char out[16]);

/* The words of a vrrp_instance; "version" also alone, for it is looked for first. */
extern const struct keepalived_keyword keepalived_words[];
extern const size_t keepalived_n_words;
int keepalived_take_version(struct keepalived_parsing *p, const struct kstatement *s);

#endif
