/* The configuration's fields as tables: one line each, read, written, defaulted and freed by the
 * same loops. Private to agent/config*.c. */
#ifndef AGENT_CONFIG_FIELDS_H
#define AGENT_CONFIG_FIELDS_H

#include "agent/config.h"
#include "agent/yaml.h"

struct field;
struct config_reader;
struct config_writer;

/* How a kind of value is read, written and freed; `target` is the member itself. */
struct field_ops {
        /* 0 or negative errno with the reader's error filled. */
        int (*read)(struct config_reader *r, const struct field *f, const struct ynode *n, void *target);
        /* Emits key and value, or nothing when there is none. Errors stick in the writer. */
        void (*write)(struct config_writer *w, const struct field *f, const void *target);
        void (*done)(const struct field *f, void *target); /* NULL: owns nothing */
};

struct choice {
        const char *name;
        int value;
};

struct field {
        const char *key;
        const struct field_ops *ops; /* NULL: known and refused */
        size_t offset;               /* of the member in the enclosing struct */
        size_t size;                 /* of an op_int's member; of one item of a list */
        const struct field *sub;     /* of a map, of a list's items */
        const struct choice *choices;
        const char *def; /* as it would be written; NULL: none, or derived from others */
        uint64_t min, max;
        const char *(*check)(const char *value); /* of a string: NULL, or "must be ..." */
        bool required;                           /* in a list's item */
        bool own;                                /* this node's own: left out of what is shared */
        bool cluster;                            /* taken, defaulted and written in a cluster only */
        bool once;                               /* for one run, or a secret: never written */
        const char *refused;                     /* without ops: why, and what to do instead */
};

extern const struct field_ops op_ignore;   /* apiVersion, kind: dealt with before */
extern const struct field_ops op_string;   /* char * */
extern const struct field_ops op_secret;   /* char *, wiped when freed */
extern const struct field_ops op_bool;     /* bool */
extern const struct field_ops op_int;      /* unsigned of 1, 2 or 4 bytes, 0: not given */
extern const struct field_ops op_duration; /* uint32_t, microseconds; min and max too */
extern const struct field_ops op_seconds;  /* double, seconds; min and max in microseconds */
extern const struct field_ops op_choice;   /* an enum */
extern const struct field_ops op_strings;  /* struct str_list */
extern const struct field_ops op_list;     /* { T *items; size_t n; } of maps */
extern const struct field_ops op_map;      /* a group; offset moves the base of its fields */
extern const struct field_ops op_period;   /* uint32_t, seconds; min and max too */
extern const struct field_ops op_time;     /* int64_t, Unix time of RFC 3339 */
/* { T *items; size_t n; } of a YAML map: its keys are sub[0], a char * that T begins with; its values are
 * maps by sub[1..], or what sub[1] reads when that has the key "". */
extern const struct field_ops op_keyed;
extern const struct field_ops op_only;          /* nothing but the default; no member */
extern const struct field_ops op_taints;        /* op_list, that notes whether it is given */
extern const struct field_ops op_local_etcd;    /* op_map, not written beside an external etcd */
extern const struct field_ops op_control_plane; /* op_map, that notes whether it is given */
extern const struct field_ops op_check;         /* a health check: a map that begins with `bool enabled` */
extern const struct field_ops op_one_or_list;   /* as op_list; one map alone is a list of one */
extern const struct field_ops op_addresses; /* { struct vip_address *; size_t n; }: "ADDR/PREFIX" or a list */
extern const struct field_ops op_ip;        /* struct vrrp_ip, of a host */
extern const struct field_ops op_id;        /* uint64_t of 16 hexadecimal digits; 0: not given */
extern const struct field_ops op_endpoint;  /* endpoint_host, "HOST[:PORT]": sets endpoint_port too */
extern const struct field_ops op_join_endpoint; /* join.endpoint_host, "HOST:PORT" */
extern const struct field_ops op_version;       /* char *, "v1.36.2" */
extern const struct field_ops op_local_port;    /* uint16_t of "127.0.0.1:PORT" */

/* The kinds of documents; ended by a NULL kind. */
struct config_kind {
        const char *api_version, *kind;
        const struct field *fields; /* NULL: taken as text, or refused */
        bool cluster;               /* its presence means a cluster */
        bool old;                   /* read, and written as the kind of the same name that is not old */
        bool join;                  /* of the way into a cluster: applied when joining, else only checked */
        size_t text;                /* offset of the char * that the whole document goes to; 0: none */
        const char *refused;        /* why, and what to do instead */
};
extern const struct config_kind config_kinds[];
extern const struct field fields_cluster[], fields_init[], fields_join[], fields_agent[], fields_vip[];
extern const struct field fields_cluster3[], fields_init3[], fields_join3[]; /* v1beta3 */

/* Where a value was given, to blame it later. */
struct config_place {
        const void *target;
        const char *file; /* the file, or a flag's name */
        unsigned line, column;
};
struct config_reader {
        struct config *c;
        struct error *e;
        const char *file;
        char path[192];   /* "vip.members[1].name" of what is being read */
        bool any_address; /* config_flags */
        struct config_place *places;
        size_t n_places;
};

/* Behind the ops: config_value.c and config_read.c; config_emit.c. */
#define FIELD_OPS(name)                                                                                      \
        int config_read_##name(struct config_reader *r, const struct field *f, const struct ynode *n,        \
                               void *target);                                                                \
        void config_write_##name(struct config_writer *w, const struct field *f, const void *target);        \
        void config_done_##name(const struct field *f, void *target)
FIELD_OPS(ignore);
FIELD_OPS(string);
void config_done_secret(const struct field *f, void *target);
FIELD_OPS(bool);
FIELD_OPS(int);
FIELD_OPS(duration);
FIELD_OPS(seconds);
FIELD_OPS(choice);
FIELD_OPS(strings);
FIELD_OPS(list);
FIELD_OPS(map);
FIELD_OPS(check);
FIELD_OPS(one_or_list);
FIELD_OPS(addresses);
FIELD_OPS(ip);
FIELD_OPS(id);
FIELD_OPS(endpoint);
FIELD_OPS(version);
FIELD_OPS(local_port);
FIELD_OPS(period);
FIELD_OPS(time);
FIELD_OPS(keyed);
void config_write_local_etcd(struct config_writer *w, const struct field *f, const void *target);
FIELD_OPS(only);
FIELD_OPS(taints);
FIELD_OPS(control_plane);
FIELD_OPS(join_endpoint);

/* How { T *items; size_t n; } looks for every T. */
struct any_list {
        char *items;
        size_t n;
};

int config_fail(struct config_reader *r, const struct ynode *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with the value in front: "VALUE" must be ... */
int config_bad_value(struct config_reader *r, const struct ynode *n, const char *what);
/* Refuse what is no string to YAML. */
int config_want_string(struct config_reader *r, const struct ynode *n);
/* A duration within f's min and max, microseconds. */
int config_take_duration(struct config_reader *r, const struct field *f, const struct ynode *n,
                         uint64_t *ret_us);
int config_no_memory(struct config_reader *r);
/* Read a map by a table into the struct at `base`. */
int config_read_fields(struct config_reader *r, const struct field *table, const struct ynode *map,
                       void *base);
/* Read one value and remember its place. */
int config_read_value(struct config_reader *r, const struct field *f, const struct ynode *n, void *base);
int config_read_defaults(struct config_reader *r, const struct field *table, void *base);
/* What each document is (NULL: empty), and whether there is a cluster. */
int config_survey(struct config_reader *r, const struct ydocs *docs, const struct config_kind **kinds);
/* Nothing but a JoinConfiguration. */
bool config_only_join(const struct ydocs *docs, const struct config_kind *const *kinds);
/* All of them into r->c; a JoinConfiguration last when flags->join, else it is only checked. */
int config_read_documents(struct config_reader *r, const struct ydocs *docs,
                          const struct config_kind *const *kinds, const struct config_flags *flags);

int config_read_flags(struct config_reader *r, const struct config_flags *flags);
/* What follows from other values: addresses, priority, endpoints. Then what must hold between values. */
int config_derive(struct config_reader *r);
int config_check(struct config_reader *r);
int config_check_vips(struct config_reader *r);
int config_check_networks(struct config_reader *r);
int config_check_kubeadm(struct config_reader *r);
/* Why two groups cannot be on one interface, where they are or both are still to be found: what must be
 * done. NULL: they can. */
const char *config_conflict(const struct vip_config *a, const struct vip_config *b);
/* As far as the advertise address decides them; again after config_resolve(). */
int config_derive_local(struct config *c);
/* Blame the first of the targets that was given; NULL-ended. */
int config_blame(struct config_reader *r, const void *const *targets, const char *fmt, ...) PRINTF_LIKE(3, 4);
const struct config_place *config_place(const struct config_reader *r, const void *target);
void config_fields_done(const struct field *table, void *base);
/* The field at "networking.podSubnet"; it counts from struct config. NULL: no such field. */
const struct field *config_find(const struct field *table, const char *path);
void config_write_fields(struct config_writer *w, const struct field *table, const void *base);
struct ifaddrs;
/* config_resolve() with the host's addresses given. */
int config_resolve_from(struct config *c, const struct ifaddrs *addresses, struct error *e);

#define BLAME(...) ((const void *const[]){ __VA_ARGS__, NULL })

/* "HOST", "HOST:PORT", "[IPv6]:PORT", "IPv6": *ret_port is 0 without one. NULL, or "must be ...". */
const char *config_parse_host_port(const char *text, char host[256], uint16_t *ret_port);

/* Syntax of single values (config_syntax.c): NULL, or "must be ...". */
const char *syntax_node_name(const char *s);
const char *syntax_dns_name(const char *s);
const char *syntax_label(const char *s);
const char *syntax_ip_or_dns(const char *s);
const char *syntax_path(const char *s);
const char *syntax_directory(const char *s); /* a path with room for those of its files */
const char *syntax_socket_path(const char *s);
const char *syntax_cri_socket(const char *s);
const char *syntax_interface(const char *s);
const char *syntax_repository(const char *s);
const char *syntax_image_tag(const char *s);
const char *syntax_networks(const char *s); /* one network, or one of each family */
const char *syntax_label_key(const char *s);
const char *syntax_label_value(const char *s);
const char *syntax_taint_effect(const char *s);
const char *syntax_token(const char *s);
const char *syntax_token_usage(const char *s);
const char *syntax_token_group(const char *s);
const char *syntax_pin(const char *s);
const char *syntax_join_phase(const char *s);
const char *syntax_path_or_empty(const char *s);
const char *syntax_etcd_url(const char *s);
const char *syntax_mirror_url(const char *s);
const char *syntax_registry(const char *s); /* HOST[:PORT] */
const char *syntax_mirrored(const char *s); /* the same, or "*" */
const char *syntax_time_source(const char *s);
const char *syntax_host_address(const char *s);
const char *syntax_arg_name(const char *s);
const char *syntax_env_name(const char *s);
const char *syntax_path_type(const char *s);
const char *syntax_https_url(const char *s);
const char *syntax_http_url(const char *s);
const char *syntax_http_base(const char *s);
const char *syntax_not_empty(const char *s);

struct network {
        struct vrrp_ip address;
        unsigned prefix;
};
/* "10.96.0.0/12", "fd00:96::/112"; false when it is none. Host bits may be set. */
bool network_parse(const char *s, struct network *ret);
/* "A" or "A,B": how many, 0 when any is none or there are more. */
enum { NETWORKS_MAX = 2 };
size_t networks_parse(const char *s, struct network ret[NETWORKS_MAX]);
bool network_holds(const struct network *n, const struct vrrp_ip *address);
bool network_overlap(const struct network *a, const struct network *b);

#endif
