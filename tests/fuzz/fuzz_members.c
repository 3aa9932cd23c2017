/* Lists of members: what is accepted is a valid list, and written again it is the same. */
#include "agent/members.h"
#include "agent/vip_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct vrrp_list *list) {
        struct vrrp_list same;
        json_t *o = members_to_json(list);

        if (o && (members_from_json(o, &same) < 0 || !vrrp_list_equal(list, &same)))
                abort();
        json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct vip_record record;
        struct vrrp_list list;
        struct vip_seen seen;

        if (members_parse((const char *)data, size, &list) == 0)
                again(&list);
        if (vip_record_parse((const char *)data, size, &record) == 0)
                again(&record.list);
        (void)vip_seen_parse((const char *)data, size, &seen);
        return 0;
}
