/* What stands in a vrrp_instance: the words, and what each means to us. */
#include "agent/decimal.h"
#include "agent/keepalived_conf_priv.h"

enum { WEIGHT_MAX = 253, V2_INTERVAL_MAX_S = 255 };
#define PREEMPT_DELAY_MAX UINT64_C(1000)

static int take_interface(struct keepalived_parsing *p, const struct kstatement *s) {
        return keepalived_interface(p, s, p->instance->interface);
}

static int take_vrid(struct keepalived_parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = keepalived_whole(p, s, 1, 255, &v);

        if (r < 0)
                return r;
        p->instance->vrid = (uint8_t)v;
        p->vrid_given = true;
        return 0;
}

static int take_priority(struct keepalived_parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = keepalived_whole(p, s, 1, 255, &v);

        if (r < 0)
                return r;
        p->priority = (unsigned)v;
        if (v == KEEPALIVED_OWNER)
                keepalived_say(
                        p, s, "AddressOwner",
                        "priority 255 is the address owner's: it takes the address back whatever its health; "
                        "give 254 at most");
        return 0;
}

int keepalived_take_version(struct keepalived_parsing *p, const struct kstatement *s) {
        uint64_t v = 0;
        int r = keepalived_whole(p, s, 2, 3, &v);

        if (r == 0)
                p->instance->version = (uint8_t)v;
        return r;
}

static int take_interval(struct keepalived_parsing *p, const struct kstatement *s) {
        uint64_t us = 0;

        if (s->n_words < 2 || !keepalived_seconds(s->words[1], V2_INTERVAL_MAX_S, &us) || us == 0)
                return keepalived_wrong(p, s, "must be seconds, as 1 or 0.25");
        p->instance->interval_us = (uint32_t)us;
        return 0;
}

static int take_nopreempt(struct keepalived_parsing *p, const struct kstatement *s) {
        (void)s;
        p->instance->nopreempt = true;
        return 0;
}

static int take_preempt_delay(struct keepalived_parsing *p, const struct kstatement *s) {
        uint64_t us = 0;

        if (s->n_words < 2 || !keepalived_seconds(s->words[1], PREEMPT_DELAY_MAX, &us))
                return keepalived_wrong(p, s, "must be seconds, 0 to 1000");
        p->instance->preempt_delay_us = (uint32_t)us;
        return 0;
}

static int take_accept(struct keepalived_parsing *p, const struct kstatement *s) {
        (void)s;
        p->accept = true;
        return 0;
}

static int take_no_accept(struct keepalived_parsing *p, const struct kstatement *s) {
        (void)s;
        p->instance->no_accept = true;
        return 0;
}

static int take_strict(struct keepalived_parsing *p, const struct kstatement *s) {
        int v = keepalived_truth(s);

        if (v < 0)
                return keepalived_wrong(p, s, "must be on or off");
        p->strict = v;
        return 0;
}

static int take_vmac(struct keepalived_parsing *p, const struct kstatement *s) {
        p->instance->use_vmac = true;
        if (s->n_words > 2)
                keepalived_say(p, s, "VirtualMAC", "a virtual MAC of one's own; triarch uses the RFC's");
        return 0;
}

static int take_source(struct keepalived_parsing *p, const struct kstatement *s) {
        if (s->n_words < 2 || vrrp_ip_parse(s->words[1], &p->instance->source) < 0)
                return keepalived_wrong(p, s, "must be an address");
        return 0;
}

static int take_peer(struct keepalived_parsing *p, const struct kstatement *s) {
        struct keepalived_instance *i = p->instance;

        if (i->n_peers == KEEPALIVED_PEERS)
                return error_at(p->e, s->file, s->line, 0, "more than %d unicast peers", KEEPALIVED_PEERS);
        if (vrrp_ip_parse(s->words[0], &i->peers[i->n_peers]) < 0)
                return error_at(p->e, s->file, s->line, 0, "unicast_peer: \"%.100s\" is not an address",
                                s->words[0]);
        i->n_peers++;
        return 0;
}

static int take_peers(struct keepalived_parsing *p, const struct kstatement *s) {
        int r = 0;

        p->unicast = true;
        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = take_peer(p, s->block[i]);
        return r;
}

/* Version 3 has none (RFC 9568 section 9), and keepalived does none there. */
static int take_authentication(struct keepalived_parsing *p, const struct kstatement *s) {
        const char *type = "none";

        for (size_t i = 0; i < s->n_block; i++)
                if (!strcmp(s->block[i]->words[0], "auth_type") && s->block[i]->n_words > 1)
                        type = s->block[i]->words[1];
        if (p->instance->version == 3)
                keepalived_say(p, s, NULL,
                               "authentication: VRRP version 3 has none; keepalived does none there either");
        else
                keepalived_say(
                        p, s, "Authentication",
                        "authentication %.20s: triarch speaks version 2 without it (it protected nobody: the "
                        "password was on the wire); take it away on all routers of this VRID first, or "
                        "change "
                        "to version 3",
                        type);
        return 0;
}

static int address_option(struct keepalived_parsing *p, const struct kstatement *s, size_t i,
                          size_t *ret_skip) {
        static const char *const with_value[] = { "brd", "broadcast", "scope", "track_group",
                                                  "preferred_lft" };
        const char *w = s->words[i];

        *ret_skip = 1;
        for (size_t k = 0; k < ARRAY_SIZE(with_value); k++)
                if (!strcmp(w, with_value[k]))
                        *ret_skip = 2;
        if (!strcmp(w, "label")) {
                keepalived_say(p, s, NULL, "label %.20s: triarch's addresses have no label",
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
                        keepalived_say(p, s, "AddressInterface",
                                       "%.64s is on %.15s; triarch puts an address on the interface of its "
                                       "router, %s",
                                       s->words[0], s->words[i + 1], p->instance->interface);
        } else if (!strcmp(w, "peer")) {
                keepalived_say(p, s, "PeerAddress", "%.64s is a point-to-point address", s->words[0]);
                *ret_skip = 2;
        }
        return 0;
}

static int parse_address(const struct keepalived_parsing *p, const struct kstatement *s,
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

static int take_address(struct keepalived_parsing *p, const struct kstatement *s) {
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

static int take_addresses(struct keepalived_parsing *p, const struct kstatement *s) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n_block; i++)
                r = take_address(p, s->block[i]);
        return r;
}

/* ---- what moves the priority ---- */

static const struct kstatement *find_script(const struct keepalived_parsing *p, const char *name) {
        const struct ktree *t = p->conf->tree;

        for (size_t i = 0; i < ktree_count(t); i++) {
                const struct kstatement *s = ktree_at(t, i);

                if (!strcmp(s->words[0], "vrrp_script") && s->n_words > 1 && !strcmp(s->words[1], name))
                        return s;
        }
        return NULL;
}

/* "weight N [reverse]" from the i-th word on. */
static int add_weight(struct keepalived_parsing *p, const struct kstatement *s, size_t i) {
        const char *text = i + 1 < s->n_words ? s->words[i + 1] : "";
        bool negative = *text == '-';
        uint64_t v = 0;

        if (!decimal_parse(text + negative, 0, WEIGHT_MAX, &v))
                return error_at(p->e, s->file, s->line, 0, "weight \"%.20s\" must be a number, -253 to 253",
                                text);
        if (i + 2 < s->n_words && !strcmp(s->words[i + 2], "reverse") && v > 0)
                keepalived_say(p, s, "ReverseWeight",
                               "a reversed weight: which priority counts is not known here");
        else if (!negative)
                p->weights += (int)v;
        return 0;
}

static int add_script_weight(struct keepalived_parsing *p, const struct kstatement *script) {
        for (size_t i = 0; script && i < script->n_block; i++)
                if (!strcmp(script->block[i]->words[0], "weight"))
                        return add_weight(p, script->block[i], 0);
        return 0;
}

static int take_tracked(struct keepalived_parsing *p, const struct kstatement *s) {
        bool scripts = !strcmp(s->words[0], "track_script");
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->n_block; i++) {
                const struct kstatement *t = s->block[i];

                if (t->n_words > 1 && !strcmp(t->words[1], "weight"))
                        r = add_weight(p, t, 1);
                else if (scripts)
                        r = add_script_weight(p, find_script(p, t->words[0]));
                keepalived_say(p, t, NULL, "%s %.60s: triarch has its own checks (docs/health.md)",
                               s->words[0], t->words[0]);
        }
        return r;
}

const struct keepalived_keyword keepalived_words[] = {
        { "interface", TAKEN, NULL, take_interface },
        { "virtual_router_id", TAKEN, NULL, take_vrid },
        { "priority", TAKEN, NULL, take_priority },
        { "version", TAKEN, NULL, keepalived_take_version },
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
        { "garp_master_delay", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "garp_master_repeat", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "garp_master_refresh", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "garp_master_refresh_repeat", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "garp_lower_prio_delay", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
        { "garp_lower_prio_repeat", LEFT, KEEPALIVED_OWN_ANNOUNCEMENTS, NULL },
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
const size_t keepalived_n_words = ARRAY_SIZE(keepalived_words);
