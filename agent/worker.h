/* Work that may block (disks, mostly), done by a thread one after the other while the event loop runs on:
 * nothing on the path of an advertisement waits for a disk. */
#ifndef AGENT_WORKER_H
#define AGENT_WORKER_H

#include "pki/util.h"
#include <systemd/sd-event.h>

enum { WORKER_QUEUE = 64 };

struct worker;
struct worker_job {
        int (*work)(void *arg);         /* in the thread; shares nothing with the loop but arg */
        void (*done)(void *arg, int r); /* in the loop, with what work returned; owns arg from then on */
        void (*drop)(void *arg);        /* instead of done, when the worker ends first */
        void *arg;
};

/* The thread starts with the first job. 0 or negative errno. */
int worker_new(sd_event *loop, struct worker **ret);
/* -EAGAIN: WORKER_QUEUE jobs are waiting; -ENOMEM and others: no thread. Then arg stays the caller's. */
int worker_run(struct worker *w, const struct worker_job *job);
/* Waits for the job under way; the others are dropped. NULL is fine. */
void worker_free(struct worker *w);
DEFINE_CLEANUP(struct worker *, worker_free)

#endif
