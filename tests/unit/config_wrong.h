/* A configuration with a mistake, and where and how it is to be said. */
#ifndef TESTS_CONFIG_WRONG_H
#define TESTS_CONFIG_WRONG_H

#include "agent/config.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define AGENT   "apiVersion: triarch.dev/v1alpha1\nkind: AgentConfiguration\nnodeName: n1\n"
#define VIP     AGENT "vip:\n  address: 10.0.0.9/24\n  transport: ip\n"
#define CLUSTER "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
#define INIT    "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
#define JOIN    "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n"

struct wrong {
        const char *text;
        unsigned line, column;
        const char *message;
};

static inline void expect(const struct wrong *t, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const struct config_flags flags = { .node_name = "n1", .cluster = !strstr(t[i].text, AGENT) };
                struct config *c = NULL;
                struct error e = { 0 };

                if (config_parse(t[i].text, strlen(t[i].text), "f.yaml", &flags, &c, &e) != -EINVAL)
                        fail_msg("accepted:\n%s", t[i].text);
                assert_null(c);
                assert_int_equal(e.status, EXIT_INPUT);
                assert_string_equal(e.file, "f.yaml");
                if (e.line != t[i].line || e.column != t[i].column || !strstr(e.message, t[i].message))
                        fail_msg("%s%u:%u: %s, expected %u:%u: %s", t[i].text, e.line, e.column, e.message,
                                 t[i].line, t[i].column, t[i].message);
        }
}
#define EXPECT(t) expect((t), ARRAY_SIZE(t))

#endif
