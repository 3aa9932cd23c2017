#include "vrrp/list.h"

#include <errno.h>
#include <string.h>

const struct vrrp_list_member *vrrp_list_find(const struct vrrp_list *l, uint64_t id) {
        for (size_t i = 0; i < l->n; i++)
                if (l->v[i].id == id)
                        return &l->v[i];
        return NULL;
}

static bool member_equal(const struct vrrp_list_member *a, const struct vrrp_list_member *b) {
        return a->id == b->id && a->witness == b->witness && vrrp_ip_equal(&a->address, &b->address) &&
               !strcmp(a->name, b->name);
}

bool vrrp_list_equal(const struct vrrp_list *a, const struct vrrp_list *b) {
        if (a->gen != b->gen || a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!member_equal(&a->v[i], &b->v[i]))
                        return false;
        return true;
}

static bool unique(const struct vrrp_list *l, size_t i) {
        for (size_t j = 0; j < i; j++)
                if (l->v[j].id == l->v[i].id || vrrp_ip_equal(&l->v[j].address, &l->v[i].address))
                        return false;
        return true;
}

int vrrp_list_check(const struct vrrp_list *l) {
        if (l->gen == 0 || l->gen > INT64_MAX || l->n == 0 || l->n > VRRP_LIST_MEMBERS)
                return -EINVAL;
        for (size_t i = 0; i < l->n; i++)
                if (l->v[i].id == 0 || l->v[i].id == UINT64_MAX || vrrp_ip_none(&l->v[i].address) ||
                    !memchr(l->v[i].name, '\0', sizeof l->v[i].name) || !unique(l, i))
                        return -EINVAL;
        return 0;
}
