/* Where triarch keeps what is its own: each path as it is without --root. What pki/ makes there
 * (pki_triarch_ensure()) is named again here, because others read it. */
#ifndef AGENT_PATHS_H
#define AGENT_PATHS_H

#define TRIARCH_CONFIG_DIR   "/etc/triarch"
#define TRIARCH_CONFIG_FILE  "/etc/triarch/config.yaml"
#define TRIARCH_PKI_DIR      "/etc/triarch/pki"
#define TRIARCH_ENROLL_CRT   TRIARCH_PKI_DIR "/enroll.crt"
#define TRIARCH_ENROLL_KEY   TRIARCH_PKI_DIR "/enroll.key"
#define TRIARCH_HEALTH_CRT   TRIARCH_PKI_DIR "/healthcheck-client.crt"
#define TRIARCH_HEALTH_KEY   TRIARCH_PKI_DIR "/healthcheck-client.key"
#define TRIARCH_STATE_DIR    "/var/lib/triarch"
#define TRIARCH_TOKEN_DIR    TRIARCH_STATE_DIR "/tokens"
#define TRIARCH_MEMBER_ID    "/etc/triarch/member.id" /* of who joins: its place in a list that is to come */
#define TRIARCH_MEMBERS_FILE "/etc/triarch/members.json" /* of the virtual address: lease rule 12 */
#define TRIARCH_VIP_KEY      "/etc/triarch/vip.key"
#define TRIARCH_AGENT_DIR    "/var/lib/triarch-agent"
#define TRIARCH_SOCKET       "/run/triarch/agent.sock"

#endif
