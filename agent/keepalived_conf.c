/* keepalived's file as a whole: its definitions for all, and what stands beside them. */
#include "agent/decimal.h"
#include "agent/keepalived_conf_priv.h"
#include <errno.h>
#include <stdarg.h>

enum { PRIORITY_MAX = 254 };
#define INTERVAL_MAX_US  UINT64_C(40950000)
#define INTERVAL_STEP_US UINT64_C(10000)

void keepalived_say(struct keepalived_parsing *p, const struct kstatement *s, const char *refusal,
                    const char *fmt, ...) {
        struct keepalived_conf *c = p->conf;
        struct keepalived_note *n = &c->notes[c->n_notes];
        va_list ap;

        if (c->n_notes == KEEPALIVED_NOTES) {
                c->n_notes_more++;
                return;
        }
        c->n_notes++;
        n->file = s->file;
        n->line = s->line;
        n->refusal = refusal;
        va_start(ap, fmt);
        vsnprintf(n->text, sizeof n->text, fmt, ap);
        va_end(ap);
}

int keepalived_wrong(const struct keepalived_parsing *p, const struct kstatement *s, const char *what) {
        return error_at(p->e, s->file, s->line, 0, "%s \"%.100s\": %s", s->words[0],
                        s->n_words > 1 ? s->words[1] : "", what);
}

/* ---- values ---- */

int keepalived_whole(const struct keepalived_parsing *p, const struct kstatement *s, uint64_t min,
                     uint64_t max, uint64_t *ret) {
        char text[64];

        if (s->n_words > 1 && decimal_parse(s->words[1], min, max, ret))
                return 0;
        snprintf(text, sizeof text, "must be a whole number, %llu to %llu", (unsigned long long)min,
                 (unsigned long long)max);
        return keepalived_wrong(p, s, text);
}

/* "1", "0.25": seconds. The digits behind the sixth tell nothing more. */
bool keepalived_seconds(const char *text, uint64_t max_s, uint64_t *ret_us) {
        const char *dot = strchr(text, '.');
        uint64_t s, us = 0, digit = KEEPALIVED_SECOND_US / 10;
        char before[16];

        snprintf(before, sizeof before, "%.*s", dot ? (int)(dot - text < 15 ? dot - text : 15) : 15, text);
        if (!decimal_parse(before, 0, max_s, &s) || (!dot && strlen(text) > 15))
                return false;
        for (const char *c = dot ? dot + 1 : ""; *c; c++, digit /= 10) {
                if (*c < '0' || *c > '9')
                        return false;
                us += digit * (uint64_t)(*c - '0');
        }
        *ret_us = s * KEEPALIVED_SECOND_US + us;
        return true;
}

/* on|off|true|false|yes|no, and nothing for on. -1: none of these. */
int keepalived_truth(const struct kstatement *s) {
        static const char *const on[] = { "on", "true", "yes" }, *const off[] = { "off", "false", "no" };

        if (s->n_words < 2)
                return 1;
        for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
                if (!strcmp(s->words[1], on[i]))
                        return 1;
                if (!strcmp(s->words[1], off[i]))
                        return 0;
        }
        return -1;
}

int keepalived_interface(const struct keepalived_parsing *p, const struct kstatement *s, char out[16]) {
        if (s->n_words < 2 || !*s->words[1] || strlen(s->words[1]) > 15)
                return keepalived_wrong(p, s, "must be the name of an interface, at most 15 bytes");
        snprintf(out, 16, "%s", s->words[1]);
        return 0;
}

/* ---- global_defs ---- */

static int take_version(struct keepalived_parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = keepalived_whole(p, s, 2, 3, &v);

        if (r == 0)
                p->global.version = (unsigned)v;
        return r;
}

static int take_global_strict(struct keepalived_parsing *p, const struct kstatement *s) {
        (void)s;
        p->global.strict = true;
        return 0;
}

static int take_default_interface(struct keepalived_parsing *p, const struct kstatement *s) {
        return keepalived_interface(p, s, p->global.interface);
}

static const struct keepalived_keyword global_keywords[] = {
        { "vrrp_version", TAKEN, NULL, take_version },
        { "vrrp_strict", TAKEN, NULL, take_global_strict },
        { "default_interface", TAKEN, NULL, take_default_interface },
        { "vrrp_mcast_group4", REFUSED, "triarch uses the group of the RFC, 224.0.0.18", NULL },
        { "vrrp_mcast_group6", REFUSED, "triarch uses the group of the RFC, ff02::12", NULL },
        { "net_namespace", REFUSED, "triarch works in the network namespace it is started in", NULL },
        { "router_id", NO_MATTER, NULL, NULL },
        { "process_names", NO_MATTER, NULL, NULL },
        { "script_user", NO_MATTER, NULL, NULL },
        { "enable_script_security", NO_MATTER, NULL, NULL },
        { "vrrp_skip_check_adv_addr", NO_MATTER, NULL, NULL },
        { "max_auto_priority", NO_MATTER, NULL, NULL },
        { "vrrp_priority", NO_MATTER, NULL, NULL },
        { "vrrp_no_swap", NO_MATTER, NULL, NULL },
        { "vrrp_rt_priority", NO_MATTER, NULL, NULL },
        { "dynamic_interfaces", NO_MATTER, NULL, NULL },
        { "vrrp_garp_interval", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_gna_interval", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_garp_master_delay", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_garp_master_repeat", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_garp_master_refresh", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "notification_email", LEFT, "triarch sends no mail", NULL },
        { "notification_email_from", LEFT, "triarch sends no mail", NULL },
        { "smtp_server", LEFT, "triarch sends no mail", NULL },
        { "smtp_connect_timeout", NO_MATTER, NULL, NULL },
};

/* ---- the whole ---- */

static const struct keepalived_keyword *find_keyword(const struct keepalived_keyword *table, size_t n,
                                                     const char *word) {
        for (size_t i = 0; i < n; i++)
                if (!strcmp(table[i].word, word))
                        return &table[i];
        return NULL;
}

static int read_one(struct keepalived_parsing *p, const struct kstatement *s,
                    const struct keepalived_keyword *table, size_t n) {
        const struct keepalived_keyword *k = find_keyword(table, n, s->words[0]);

        if (!k) {
                keepalived_say(p, s, NULL, "%.60s: not known to triarch", s->words[0]);
                return 0;
        }
        if (k->meaning == LEFT)
                keepalived_say(p, s, NULL, "%s: %s", k->word, k->why);
        if (k->meaning == REFUSED)
                keepalived_say(p, s, k->word, "%s: %s", k->word, k->why);
        return k->meaning == TAKEN ? k->take(p, s) : 0;
}

static int read_global(struct keepalived_parsing *p, const struct kstatement *s) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = read_one(p, s->block[i], global_keywords, ARRAY_SIZE(global_keywords));
        return r;
}

static int check_interval(struct keepalived_parsing *p, const struct kstatement *s) {
        struct keepalived_instance *i = p->instance;

        if (i->version == 2 && i->interval_us % KEEPALIVED_SECOND_US != 0)
                return error_at(p->e, s->file, s->line, 0,
                                "%.60s: version 2 has an advert_int of whole seconds", i->name);
        if (i->interval_us > INTERVAL_MAX_US || i->interval_us % INTERVAL_STEP_US != 0)
                keepalived_say(p, s, "AdvertisementInterval",
                               "advert_int %u us: triarch has 0.01 to 40.95 s in steps of 0.01 s",
                               i->interval_us);
        return 0;
}

static int finish_instance(struct keepalived_parsing *p, const struct kstatement *s) {
        struct keepalived_instance *i = p->instance;
        int effective = (int)p->priority + p->weights;

        if (!p->vrid_given)
                return error_at(p->e, s->file, s->line, 0, "%.60s has no virtual_router_id", i->name);
        if (i->n_addresses == 0)
                return error_at(p->e, s->file, s->line, 0, "%.60s has no virtual_ipaddress", i->name);
        if (p->priority < KEEPALIVED_OWNER && p->weights > 0)
                p->priority = (unsigned)(effective < PRIORITY_MAX ? effective : PRIORITY_MAX);
        i->priority = (uint8_t)p->priority;
        if (p->unicast && i->n_peers == 0)
                keepalived_say(p, s, "UnicastPeers", "%.60s: unicast_peer is empty", i->name);
        if (!*i->interface)
                snprintf(i->interface, sizeof i->interface, "%s", p->global.interface);
        if (p->strict && !p->accept)
                i->no_accept = true;
        if (p->accept)
                i->no_accept = false;
        return check_interval(p, s);
}

/* The version decides what other statements mean: it is looked for first. */
static int find_version(struct keepalived_parsing *p, const struct kstatement *s) {
        int r = 0;

        p->instance->version = (uint8_t)p->global.version;
        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                if (!strcmp(s->block[i]->words[0], "version"))
                        r = keepalived_take_version(p, s->block[i]);
        return r;
}

static int read_instance(struct keepalived_parsing *p, const struct kstatement *s) {
        struct keepalived_conf *c = p->conf;
        int r;

        if (s->n_words < 2)
                return error_at(p->e, s->file, s->line, 0, "vrrp_instance needs a name");
        if (c->n_instances == KEEPALIVED_INSTANCES)
                return error_at(p->e, s->file, s->line, 0, "more than %d vrrp_instances",
                                KEEPALIVED_INSTANCES);
        p->instance = &c->instances[c->n_instances++];
        *p->instance = (struct keepalived_instance){
                .name = s->words[1], .file = s->file, .line = s->line, .interval_us = KEEPALIVED_SECOND_US
        };
        p->priority = 100;
        p->weights = 0;
        p->strict = p->global.strict;
        p->accept = p->vrid_given = p->unicast = false;
        r = find_version(p, s);
        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = read_one(p, s->block[i], keepalived_words, keepalived_n_words);
        return r < 0 ? r : finish_instance(p, s);
}

static const struct keepalived_keyword top_keywords[] = {
        { "global_defs", NO_MATTER, NULL, NULL }, /* has been read */
        { "vrrp_instance", TAKEN, NULL, read_instance },
        { "vrrp_script", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "vrrp_track_process", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "track_file", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "vrrp_track_file", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "bfd_instance", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "garp_group", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_sync_group", REFUSED, "in transport ip each router of triarch's is elected for itself",
          NULL },
        { "virtual_server", REFUSED, "triarch balances no load by IPVS; it would end with keepalived", NULL },
        { "virtual_server_group", REFUSED, "triarch balances no load by IPVS", NULL },
        { "static_ipaddress", REFUSED,
          "the address would be gone with keepalived: make it one of the "
          "system's own network configuration",
          NULL },
        { "static_routes", REFUSED, "the routes would be gone with keepalived", NULL },
        { "static_rules", REFUSED, "the rules would be gone with keepalived", NULL },
};

/* Global definitions count wherever they stand. */
static int read_tree(struct keepalived_parsing *p) {
        const struct ktree *t = p->conf->tree;
        int r = 0;

        for (size_t i = 0; r == 0 && i < ktree_count(t); i++)
                if (!strcmp(ktree_at(t, i)->words[0], "global_defs"))
                        r = read_global(p, ktree_at(t, i));
        for (size_t i = 0; r == 0 && i < ktree_count(t); i++)
                r = read_one(p, ktree_at(t, i), top_keywords, ARRAY_SIZE(top_keywords));
        return r;
}

static int read_conf(struct keepalived_conf *c, const char *name, struct error *e) {
        struct keepalived_parsing p = { .conf = c, .global = { .version = 2 }, .e = e };
        int r = read_tree(&p);

        if (r == 0 && c->n_instances == 0)
                return error_at(e, name, 0, 0, "there is no vrrp_instance");
        return r;
}

int keepalived_conf_load(const char *root, const char *file, struct keepalived_conf **ret, struct error *e) {
        CLEANUP(keepalived_conf_freep) struct keepalived_conf *c = calloc(1, sizeof *c);
        int r;

        if (!c)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if ((r = ktree_load(root, file, &c->tree, e)) < 0 || (r = read_conf(c, file, e)) < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int keepalived_conf_parse(const char *text, size_t size, const char *name, struct keepalived_conf **ret,
                          struct error *e) {
        CLEANUP(keepalived_conf_freep) struct keepalived_conf *c = calloc(1, sizeof *c);
        int r;

        if (!c)
                return error_set(e, EXIT_FAILED, "out of memory"), -ENOMEM;
        if ((r = ktree_parse(text, size, name, &c->tree, e)) < 0 || (r = read_conf(c, name, e)) < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

void keepalived_conf_free(struct keepalived_conf *c) {
        if (!c)
                return;
        ktree_free(c->tree);
        free(c);
}
