/* What the port that should be etcd's metrics listener answers: as metrics, and as the reply of /health. */
#include "agent/probe.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct etcd_facts f;
        char detail[HEALTH_REASON];
        enum health_outcome o;

        etcd_metrics_parse((const char *)data, size, &f);
        if (f.has_leader < ETCD_FLAG_UNKNOWN || f.has_leader > ETCD_FLAG_YES)
                abort();
        o = etcd_health_judge(200, (const char *)data, size, detail);
        if ((o != HEALTH_OK && o != HEALTH_ERROR) || strlen(detail) >= sizeof detail)
                abort();
        return 0;
}
