/* Each kind of value: how it is read, written and freed. */
#include "agent/config_fields.h"

const struct field_ops op_ignore = { config_read_ignore, config_write_ignore, NULL };
const struct field_ops op_string = { config_read_string, config_write_string, config_done_string };
const struct field_ops op_secret = { config_read_string, config_write_string, config_done_secret };
const struct field_ops op_bool = { config_read_bool, config_write_bool, NULL };
const struct field_ops op_int = { config_read_int, config_write_int, NULL };
const struct field_ops op_duration = { config_read_duration, config_write_duration, NULL };
const struct field_ops op_seconds = { config_read_seconds, config_write_seconds, NULL };
const struct field_ops op_choice = { config_read_choice, config_write_choice, NULL };
const struct field_ops op_strings = { config_read_strings, config_write_strings, config_done_strings };
const struct field_ops op_list = { config_read_list, config_write_list, config_done_list };
const struct field_ops op_map = { config_read_map, config_write_map, config_done_map };
const struct field_ops op_check = { config_read_check, config_write_check, config_done_map };
const struct field_ops op_one_or_list = { config_read_one_or_list, config_write_one_or_list,
                                          config_done_list };
const struct field_ops op_addresses = { config_read_addresses, config_write_addresses,
                                        config_done_addresses };
const struct field_ops op_ip = { config_read_ip, config_write_ip, NULL };
const struct field_ops op_id = { config_read_id, config_write_id, NULL };
const struct field_ops op_endpoint = { config_read_endpoint, config_write_endpoint, config_done_string };
const struct field_ops op_version = { config_read_version, config_write_version, config_done_string };
const struct field_ops op_local_port = { config_read_local_port, config_write_local_port, NULL };
const struct field_ops op_period = { config_read_period, config_write_period, NULL };
const struct field_ops op_time = { config_read_time, NULL, NULL }; /* never written */
const struct field_ops op_keyed = { config_read_keyed, config_write_keyed, config_done_list };
const struct field_ops op_only = { config_read_only, config_write_ignore, NULL };
const struct field_ops op_taints = { config_read_taints, config_write_taints, config_done_list };
const struct field_ops op_local_etcd = { config_read_map, config_write_local_etcd, config_done_map };
const struct field_ops op_control_plane = { config_read_control_plane, config_write_ignore, config_done_map };
const struct field_ops op_join_endpoint = { config_read_join_endpoint, config_write_ignore,
                                            config_done_string };
