/* How a line of the fields' tables is written. Private to agent/config_tables*.c. */
#ifndef AGENT_CONFIG_TABLE_H
#define AGENT_CONFIG_TABLE_H

#include "agent/config_fields.h"

#define AT(member)       .offset = offsetof(struct config, member), .size = sizeof(((struct config *)0)->member)
#define IN(type, member) .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define FROM(member)     .offset = offsetof(struct config, member)
/* Known, and refused with what to do instead. */
#define REFUSED(name, why)                                                                                   \
        { .key = (name), .refused = (why) }
/* Taken only as it is by default. */
#define ONLY(name, value, why)                                                                               \
        { .key = (name), .ops = &op_only, .def = (value), .refused = (why) }
#define GROUP(name, ...) SUBTABLE(name, op_map, __VA_ARGS__)
#define LOCAL_ETCD(...)  SUBTABLE("local", op_local_etcd, __VA_ARGS__)
#define SUBTABLE(name, group, ...)                                                                           \
        {                                                                                                    \
                .key = (name), .ops = &(group), .sub = (const struct field[]) {                              \
                        __VA_ARGS__, {                                                                       \
                                0                                                                            \
                        }                                                                                    \
                }                                                                                            \
        }
/* List of maps; `type` is the item. */
#define LIST(type, table)  .size = sizeof(struct type), .ops = &op_list, .sub = (table)
#define KEYED(type, table) .size = sizeof(struct type), .ops = &op_keyed, .sub = (table)
#define MS(n)              (UINT64_C(1000) * (n))
#define SEC(n)             (UINT64_C(1000000) * (n))
#define TIMEOUT            .min = SEC(1), .max = SEC(3600)

#endif
