/* The policy under which the agent meets its deadlines while others want the processor. */
#ifndef AGENT_REALTIME_H
#define AGENT_REALTIME_H

/* SCHED_RR for the calling thread; not for what it starts. 0 or negative errno (-EPERM: it needs root,
 * CAP_SYS_NICE or RLIMIT_RTPRIO). */
int realtime_policy(void);

#endif
