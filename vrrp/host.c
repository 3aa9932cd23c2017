#include "vrrp/host_priv.h"

#include <errno.h>
#include <stdlib.h>

int vrrp_host_new(sd_event *loop, struct vrrp_host **ret) {
        struct vrrp_host *h = calloc(1, sizeof *h);

        if (!h)
                return -ENOMEM;
        h->loop = sd_event_ref(loop);
        *ret = h;
        return 0;
}

void vrrp_host_free(struct vrrp_host *h) {
        if (!h)
                return;
        sd_event_unref(h->loop);
        free(h);
}
