/* The memory of a process that must be in time. A page that it needs must never have to come from the
 * disk: so its memory is locked. Locking whole mappings would hold the 20 MiB of all libraries that are
 * linked in, of which a running agent uses a quarter; so pages are locked when they are first used
 * (MCL_ONFAULT), and those that may be needed for the first time in a hurry are used at once: the program
 * itself, the C library and libmnl, which add an address and announce it, and the stack. What starting alone
 * needed is given back first. */
#ifndef AGENT_MEMORY_H
#define AGENT_MEMORY_H

/* Call once, when everything is set up and before it has to be in time. 0, or the negative errno of the lock
 * that is not allowed (RLIMIT_MEMLOCK without CAP_IPC_LOCK); the process runs on as it is. */
int memory_lock(void);

#endif
