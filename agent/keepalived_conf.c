#include "agent/keepalived_conf.h"
#include "agent/decimal.h"
#include "agent/keepalived_tree.h"
#include <errno.h>
#include <stdarg.h>

enum { WEIGHT_MAX = 253, PRIORITY_MAX = 254, OWNER = 255, V2_INTERVAL_MAX_S = 255 };
#define SECOND_US         UINT64_C(1000000)
#define INTERVAL_MAX_US   UINT64_C(40950000)
#define INTERVAL_STEP_US  UINT64_C(10000)
#define PREEMPT_DELAY_MAX UINT64_C(1000)

struct global {
        unsigned version;
        bool strict;
        char interface[16];
};
struct parsing {
        struct keepalived_conf *conf;
        struct global global;
        struct error *e;
        /* of the instance that is read */
        struct keepalived_instance *instance;
        unsigned priority;
        bool strict, accept, vrid_given, unicast;
        int weights; /* sum of the positive ones */
};

/* What a keyword means to us. */
enum meaning {
        NO_MATTER, /* for keepalived's own working, or triarch has its own way for the same */
        LEFT,      /* not taken over: said */
        REFUSED,   /* cannot be left out without a loss: said, and refused by its name */
        TAKEN,
};
struct keyword {
        const char *word;
        enum meaning meaning;
        const char *why; /* LEFT, REFUSED */
        int (*take)(struct parsing *p, const struct kstatement *s);
};

static void note(struct parsing *p, const struct kstatement *s, const char *refusal, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
static void note(struct parsing *p, const struct kstatement *s, const char *refusal, const char *fmt, ...) {
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

static int wrong(const struct parsing *p, const struct kstatement *s, const char *what) {
        return error_at(p->e, s->file, s->line, 0, "%s \"%.100s\": %s", s->words[0],
                        s->n_words > 1 ? s->words[1] : "", what);
}

/* ---- values ---- */

static int whole(const struct parsing *p, const struct kstatement *s, uint64_t min, uint64_t max,
                 uint64_t *ret) {
        char text[64];

        if (s->n_words > 1 && decimal_parse(s->words[1], min, max, ret))
                return 0;
        snprintf(text, sizeof text, "must be a whole number, %llu to %llu", (unsigned long long)min,
                 (unsigned long long)max);
        return wrong(p, s, text);
}

/* "1", "0.25": seconds. The digits behind the sixth tell nothing more. */
static bool seconds(const char *text, uint64_t max_s, uint64_t *ret_us) {
        const char *dot = strchr(text, '.');
        uint64_t s, us = 0, digit = SECOND_US / 10;
        char before[16];

        snprintf(before, sizeof before, "%.*s", dot ? (int)(dot - text < 15 ? dot - text : 15) : 15, text);
        if (!decimal_parse(before, 0, max_s, &s) || (!dot && strlen(text) > 15))
                return false;
        for (const char *c = dot ? dot + 1 : ""; *c; c++, digit /= 10) {
                if (*c < '0' || *c > '9')
                        return false;
                us += digit * (uint64_t)(*c - '0');
        }
        *ret_us = s * SECOND_US + us;
        return true;
}

/* on|off|true|false|yes|no, and nothing for on. -1: none of these. */
static int truth(const struct kstatement *s) {
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

static int interface_name(const struct parsing *p, const struct kstatement *s, char out[16]) {
        if (s->n_words < 2 || !*s->words[1] || strlen(s->words[1]) > 15)
                return wrong(p, s, "must be the name of an interface, at most 15 bytes");
        snprintf(out, 16, "%s", s->words[1]);
        return 0;
}

/* ---- global_defs ---- */

static int take_version(struct parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = whole(p, s, 2, 3, &v);

        if (r == 0)
                p->global.version = (unsigned)v;
        return r;
}

static int take_global_strict(struct parsing *p, const struct kstatement *s) {
        (void)s;
        p->global.strict = true;
        return 0;
}

static int take_default_interface(struct parsing *p, const struct kstatement *s) {
        return interface_name(p, s, p->global.interface);
}

#define OWN_ANNOUNCEMENTS "triarch announces the address in its own rhythm"

static const struct keyword global_keywords[] = {
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
        { "vrrp_garp_interval", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_gna_interval", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_garp_master_delay", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_garp_master_repeat", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "vrrp_garp_master_refresh", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "notification_email", LEFT, "triarch sends no mail", NULL },
        { "notification_email_from", LEFT, "triarch sends no mail", NULL },
        { "smtp_server", LEFT, "triarch sends no mail", NULL },
        { "smtp_connect_timeout", NO_MATTER, NULL, NULL },
};

/* ---- a vrrp_instance ---- */

static int take_interface(struct parsing *p, const struct kstatement *s) {
        return interface_name(p, s, p->instance->interface);
}

static int take_vrid(struct parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = whole(p, s, 1, 255, &v);

        if (r < 0)
                return r;
        p->instance->vrid = (uint8_t)v;
        p->vrid_given = true;
        return 0;
}

static int take_priority(struct parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = whole(p, s, 1, 255, &v);

        if (r < 0)
                return r;
        p->priority = (unsigned)v;
        if (v == OWNER)
                note(p, s, "AddressOwner",
                     "priority 255 is the address owner's: it takes the address back whatever its health; "
                     "give 254 at most");
        return 0;
}

static int take_instance_version(struct parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = whole(p, s, 2, 3, &v);

        if (r == 0)
                p->instance->version = (uint8_t)v;
        return r;
}

static int take_interval(struct parsing *p, const struct kstatement *s) {
        uint64_t us = 0;

        if (s->n_words < 2 || !seconds(s->words[1], V2_INTERVAL_MAX_S, &us) || us == 0)
                return wrong(p, s, "must be seconds, as 1 or 0.25");
        p->instance->interval_us = (uint32_t)us;
        return 0;
}

static int take_nopreempt(struct parsing *p, const struct kstatement *s) {
        (void)s;
        p->instance->nopreempt = true;
        return 0;
}

static int take_preempt_delay(struct parsing *p, const struct kstatement *s) {
        uint64_t us = 0;

        if (s->n_words < 2 || !seconds(s->words[1], PREEMPT_DELAY_MAX, &us))
                return wrong(p, s, "must be seconds, 0 to 1000");
        p->instance->preempt_delay_us = (uint32_t)us;
        return 0;
}

static int take_accept(struct parsing *p, const struct kstatement *s) {
        (void)s;
        p->accept = true;
        return 0;
}

static int take_no_accept(struct parsing *p, const struct kstatement *s) {
        (void)s;
        p->instance->no_accept = true;
        return 0;
}

static int take_strict(struct parsing *p, const struct kstatement *s) {
        int v = truth(s);

        if (v < 0)
                return wrong(p, s, "must be on or off");
        p->strict = v;
        return 0;
}

static int take_vmac(struct parsing *p, const struct kstatement *s) {
        p->instance->use_vmac = true;
        if (s->n_words > 2)
                note(p, s, "VirtualMAC", "a virtual MAC of one's own; triarch uses the RFC's");
        return 0;
}

static int take_source(struct parsing *p, const struct kstatement *s) {
        if (s->n_words < 2 || vrrp_ip_parse(s->words[1], &p->instance->source) < 0)
                return wrong(p, s, "must be an address");
        return 0;
}

static int take_peer(struct parsing *p, const struct kstatement *s) {
        struct keepalived_instance *i = p->instance;

        if (i->n_peers == KEEPALIVED_PEERS)
                return error_at(p->e, s->file, s->line, 0, "more than %d unicast peers", KEEPALIVED_PEERS);
        if (vrrp_ip_parse(s->words[0], &i->peers[i->n_peers]) < 0)
                return error_at(p->e, s->file, s->line, 0, "unicast_peer: \"%.100s\" is not an address",
                                s->words[0]);
        i->n_peers++;
        return 0;
}

static int take_peers(struct parsing *p, const struct kstatement *s) {
        int r = 0;

        p->unicast = true;
        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = take_peer(p, s->block[i]);
        return r;
}

/* Version 3 has none (RFC 9568 section 9), and keepalived does none there. */
static int take_authentication(struct parsing *p, const struct kstatement *s) {
        const char *type = "none";

        for (size_t i = 0; i < s->n_block; i++)
                if (!strcmp(s->block[i]->words[0], "auth_type") && s->block[i]->n_words > 1)
                        type = s->block[i]->words[1];
        if (p->instance->version == 3)
                note(p, s, NULL,
                     "authentication: VRRP version 3 has none; keepalived does none there either");
        else
                note(p, s, "Authentication",
                     "authentication %.20s: triarch speaks version 2 without it (it protected nobody: the "
                     "password was on the wire); take it away on all routers of this VRID first, or change "
                     "to version 3",
                     type);
        return 0;
}

static int address_option(struct parsing *p, const struct kstatement *s, size_t i, size_t *ret_skip) {
        static const char *const with_value[] = { "brd", "broadcast", "scope", "track_group",
                                                  "preferred_lft" };
        const char *w = s->words[i];

        *ret_skip = 1;
        for (size_t k = 0; k < ARRAY_SIZE(with_value); k++)
                if (!strcmp(w, with_value[k]))
                        *ret_skip = 2;
        if (!strcmp(w, "label")) {
                note(p, s, NULL, "label %.20s: triarch's addresses have no label",
                     i + 1 < s->n_words ? s->words[i + 1] : "");
                *ret_skip = 2;
        } else if (!strcmp(w, "dev")) {
                *ret_skip = 2;
                if (i + 1 == s->n_words)
                        return error_at(p->e, s->file, s->line, 0, "dev without an interface");
                if (!*p->instance->interface)
                        snprintf(p->instance->interface, sizeof p->instance->interface, "%.15s",
                                 s->words[i + 1]);
                else if (strcmp(s->words[i + 1], p->instance->interface) != 0)
                        note(p, s, "AddressInterface",
                             "%.64s is on %.15s; triarch puts an address on the interface of its router, %s",
                             s->words[0], s->words[i + 1], p->instance->interface);
        } else if (!strcmp(w, "peer")) {
                note(p, s, "PeerAddress", "%.64s is a point-to-point address", s->words[0]);
                *ret_skip = 2;
        }
        return 0;
}

static int parse_address(const struct parsing *p, const struct kstatement *s,
                         struct keepalived_address *ret) {
        const char *text = s->words[0], *slash = strchr(text, '/');
        char host[64];
        uint64_t prefix;

        snprintf(host, sizeof host, "%.*s", slash && slash - text < 63 ? (int)(slash - text) : 63, text);
        if (vrrp_ip_parse(host, &ret->ip) < 0)
                return error_at(p->e, s->file, s->line, 0, "virtual_ipaddress: \"%.100s\" is not an address",
                                text);
        prefix = vrrp_ip_bits(&ret->ip);
        if (slash && !decimal_parse(slash + 1, 1, prefix, &prefix))
                return error_at(p->e, s->file, s->line, 0,
                                "virtual_ipaddress: \"%.100s\" has no prefix "
                                "length of its family",
                                text);
        ret->prefix = (uint8_t)prefix;
        return 0;
}

static int take_address(struct parsing *p, const struct kstatement *s) {
        struct keepalived_instance *i = p->instance;
        struct keepalived_address *a = &i->addresses[i->n_addresses];
        size_t skip;
        int r;

        if (i->n_addresses == KEEPALIVED_ADDRESSES)
                return error_at(p->e, s->file, s->line, 0, "more than %d virtual addresses",
                                KEEPALIVED_ADDRESSES);
        if ((r = parse_address(p, s, a)) < 0)
                return r;
        if (i->n_addresses > 0 && a->ip.family != i->addresses[0].ip.family)
                return error_at(p->e, s->file, s->line, 0,
                                "virtual_ipaddress: %.64s is of another family "
                                "than the first address",
                                s->words[0]);
        i->n_addresses++;
        for (size_t k = 1; k < s->n_words; k += skip)
                if ((r = address_option(p, s, k, &skip)) < 0)
                        return r;
        return 0;
}

static int take_addresses(struct parsing *p, const struct kstatement *s) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = take_address(p, s->block[i]);
        return r;
}

/* ---- what moves the priority ---- */

static const struct kstatement *find_script(const struct parsing *p, const char *name) {
        const struct ktree *t = p->conf->tree;

        for (size_t i = 0; i < ktree_count(t); i++) {
                const struct kstatement *s = ktree_at(t, i);

                if (!strcmp(s->words[0], "vrrp_script") && s->n_words > 1 && !strcmp(s->words[1], name))
                        return s;
        }
        return NULL;
}

/* "weight N [reverse]" from the i-th word on. */
static int add_weight(struct parsing *p, const struct kstatement *s, size_t i) {
        const char *text = i + 1 < s->n_words ? s->words[i + 1] : "";
        bool negative = *text == '-';
        uint64_t v = 0;

        if (!decimal_parse(text + negative, 0, WEIGHT_MAX, &v))
                return error_at(p->e, s->file, s->line, 0, "weight \"%.20s\" must be a number, -253 to 253",
                                text);
        if (i + 2 < s->n_words && !strcmp(s->words[i + 2], "reverse") && v > 0)
                note(p, s, "ReverseWeight", "a reversed weight: which priority counts is not known here");
        else if (!negative)
                p->weights += (int)v;
        return 0;
}

static int add_script_weight(struct parsing *p, const struct kstatement *script) {
        for (size_t i = 0; script && i < script->n_block; i++)
                if (!strcmp(script->block[i]->words[0], "weight"))
                        return add_weight(p, script->block[i], 0);
        return 0;
}

static int take_tracked(struct parsing *p, const struct kstatement *s) {
        bool scripts = !strcmp(s->words[0], "track_script");
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n_block; i++) {
                const struct kstatement *t = s->block[i];

                if (t->n_words > 1 && !strcmp(t->words[1], "weight"))
                        r = add_weight(p, t, 1);
                else if (scripts)
                        r = add_script_weight(p, find_script(p, t->words[0]));
                note(p, t, NULL, "%s %.60s: triarch has its own checks (docs/health.md)", s->words[0],
                     t->words[0]);
        }
        return r;
}

static const struct keyword instance_keywords[] = {
        { "interface", TAKEN, NULL, take_interface },
        { "virtual_router_id", TAKEN, NULL, take_vrid },
        { "priority", TAKEN, NULL, take_priority },
        { "version", TAKEN, NULL, take_instance_version },
        { "advert_int", TAKEN, NULL, take_interval },
        { "nopreempt", TAKEN, NULL, take_nopreempt },
        { "preempt_delay", TAKEN, NULL, take_preempt_delay },
        { "accept", TAKEN, NULL, take_accept },
        { "no_accept", TAKEN, NULL, take_no_accept },
        { "strict_mode", TAKEN, NULL, take_strict },
        { "use_vmac", TAKEN, NULL, take_vmac },
        { "unicast_src_ip", TAKEN, NULL, take_source },
        { "mcast_src_ip", TAKEN, NULL, take_source },
        { "unicast_peer", TAKEN, NULL, take_peers },
        { "authentication", TAKEN, NULL, take_authentication },
        { "virtual_ipaddress", TAKEN, NULL, take_addresses },
        { "track_script", TAKEN, NULL, take_tracked },
        { "track_interface", TAKEN, NULL, take_tracked },
        { "track_process", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "track_file", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "track_bfd", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "state", NO_MATTER, NULL, NULL },
        { "preempt", NO_MATTER, NULL, NULL },
        { "native_ipv6", NO_MATTER, NULL, NULL },
        { "skip_check_adv_addr", NO_MATTER, NULL, NULL },
        { "debug", NO_MATTER, NULL, NULL },
        { "unicast_ttl", NO_MATTER, NULL, NULL },
        { "check_unicast_src", NO_MATTER, NULL, NULL },
        { "garp_master_delay", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "garp_master_repeat", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "garp_master_refresh", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "garp_master_refresh_repeat", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "garp_lower_prio_delay", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "garp_lower_prio_repeat", LEFT, OWN_ANNOUNCEMENTS, NULL },
        { "notify", LEFT, "triarch runs no programs when the state changes", NULL },
        { "notify_master", LEFT, "triarch runs no programs when the state changes", NULL },
        { "notify_backup", LEFT, "triarch runs no programs when the state changes", NULL },
        { "notify_fault", LEFT, "triarch runs no programs when the state changes", NULL },
        { "notify_stop", LEFT, "triarch runs no programs when the state changes", NULL },
        { "smtp_alert", LEFT, "triarch sends no mail", NULL },
        { "dont_track_primary", LEFT, "triarch gives the address up when the link is down", NULL },
        { "virtual_ipaddress_excluded", REFUSED, "every address of triarch's is in its advertisements",
          NULL },
        { "virtual_routes", REFUSED, "triarch moves addresses, no routes", NULL },
        { "virtual_rules", REFUSED, "triarch moves addresses, no rules", NULL },
        { "use_ipvlan", REFUSED, "triarch knows the interface itself, or a virtual MAC", NULL },
        { "use_vmac_addr", REFUSED, "triarch has one virtual MAC for a router", NULL },
        { "vmac_xmit_base", REFUSED, "triarch sends from the virtual MAC", NULL },
        { "vrf", REFUSED, "triarch knows no VRF", NULL },
        { "old_unicast_checksum", REFUSED, "the checksum of an old keepalived; take it away on all routers",
          NULL },
        { "linkbeat_use_polling", LEFT, "triarch hears of the link from the kernel", NULL },
};

/* ---- the whole ---- */

static const struct keyword *find_keyword(const struct keyword *table, size_t n, const char *word) {
        for (size_t i = 0; i < n; i++)
                if (!strcmp(table[i].word, word))
                        return &table[i];
        return NULL;
}

static int read_one(struct parsing *p, const struct kstatement *s, const struct keyword *table, size_t n) {
        const struct keyword *k = find_keyword(table, n, s->words[0]);

        if (!k) {
                note(p, s, NULL, "%.60s: not known to triarch", s->words[0]);
                return 0;
        }
        if (k->meaning == LEFT)
                note(p, s, NULL, "%s: %s", k->word, k->why);
        if (k->meaning == REFUSED)
                note(p, s, k->word, "%s: %s", k->word, k->why);
        return k->meaning == TAKEN ? k->take(p, s) : 0;
}

static int read_global(struct parsing *p, const struct kstatement *s) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = read_one(p, s->block[i], global_keywords, ARRAY_SIZE(global_keywords));
        return r;
}

static int check_interval(struct parsing *p, const struct kstatement *s) {
        struct keepalived_instance *i = p->instance;

        if (i->version == 2 && i->interval_us % SECOND_US != 0)
                return error_at(p->e, s->file, s->line, 0,
                                "%.60s: version 2 has an advert_int of whole seconds", i->name);
        if (i->interval_us > INTERVAL_MAX_US || i->interval_us % INTERVAL_STEP_US != 0)
                note(p, s, "AdvertisementInterval",
                     "advert_int %u us: triarch has 0.01 to 40.95 s in steps of 0.01 s", i->interval_us);
        return 0;
}

static int finish_instance(struct parsing *p, const struct kstatement *s) {
        struct keepalived_instance *i = p->instance;
        int effective = (int)p->priority + p->weights;

        if (!p->vrid_given)
                return error_at(p->e, s->file, s->line, 0, "%.60s has no virtual_router_id", i->name);
        if (i->n_addresses == 0)
                return error_at(p->e, s->file, s->line, 0, "%.60s has no virtual_ipaddress", i->name);
        if (p->priority < OWNER && p->weights > 0)
                p->priority = (unsigned)(effective < PRIORITY_MAX ? effective : PRIORITY_MAX);
        i->priority = (uint8_t)p->priority;
        if (p->unicast && i->n_peers == 0)
                note(p, s, "UnicastPeers", "%.60s: unicast_peer is empty", i->name);
        if (!*i->interface)
                snprintf(i->interface, sizeof i->interface, "%s", p->global.interface);
        if (p->strict && !p->accept)
                i->no_accept = true;
        if (p->accept)
                i->no_accept = false;
        return check_interval(p, s);
}

/* The version decides what other statements mean: it is looked for first. */
static int find_version(struct parsing *p, const struct kstatement *s) {
        int r = 0;

        p->instance->version = (uint8_t)p->global.version;
        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                if (!strcmp(s->block[i]->words[0], "version"))
                        r = take_instance_version(p, s->block[i]);
        return r;
}

static int read_instance(struct parsing *p, const struct kstatement *s) {
        struct keepalived_conf *c = p->conf;
        int r;

        if (s->n_words < 2)
                return error_at(p->e, s->file, s->line, 0, "vrrp_instance needs a name");
        if (c->n_instances == KEEPALIVED_INSTANCES)
                return error_at(p->e, s->file, s->line, 0, "more than %d vrrp_instances",
                                KEEPALIVED_INSTANCES);
        p->instance = &c->instances[c->n_instances++];
        *p->instance = (struct keepalived_instance){
                .name = s->words[1], .file = s->file, .line = s->line, .interval_us = SECOND_US
        };
        p->priority = 100;
        p->weights = 0;
        p->strict = p->global.strict;
        p->accept = p->vrid_given = p->unicast = false;
        r = find_version(p, s);
        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = read_one(p, s->block[i], instance_keywords, ARRAY_SIZE(instance_keywords));
        return r < 0 ? r : finish_instance(p, s);
}

static const struct keyword top_keywords[] = {
        { "global_defs", NO_MATTER, NULL, NULL }, /* has been read */
        { "vrrp_instance", TAKEN, NULL, read_instance },
        { "vrrp_script", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "vrrp_track_process", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "track_file", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "vrrp_track_file", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "bfd_instance", LEFT, "triarch has its own checks (docs/health.md)", NULL },
        { "garp_group", LEFT, OWN_ANNOUNCEMENTS, NULL },
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
static int read_tree(struct parsing *p) {
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
        struct parsing p = { .conf = c, .global = { .version = 2 }, .e = e };
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
