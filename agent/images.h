/* The images of a cluster: which they are, how they are had, and as archives. Blocking; for commands and
 * phases, never for the agent. Progress goes to stdout, "[images] ..." for each image. */
#ifndef AGENT_IMAGES_H
#define AGENT_IMAGES_H

#include "agent/config.h"
#include "agent/cri.h"

/* Full names, in kubeadm's order, sandbox image and add-ons included. To be ended by images_list_done(), also
 * after a failure. */
int images_list(const struct config *c, struct str_list *ret, struct error *e);
void images_list_done(struct str_list *l);

/* Where an image is looked for: "https://m1:5000, https://m2 (registryMirrors), then registry.k8s.io". */
enum { IMAGES_PLACES = 384 };
void images_places(const struct config *c, const char *image, char ret[IMAGES_PLACES]);

enum image_outcome { IMAGE_WAITING, IMAGE_KEPT, IMAGE_PULLED, IMAGE_FAILED };
struct image_result {
        const char *image; /* borrowed */
        enum image_outcome outcome;
        double seconds;
        struct error error; /* of one that failed: what happened, where it was looked for, what to do */
};
enum { IMAGES_PARALLEL = 4 };
struct images_pull {                 /* borrowed */
        const struct config *config; /* its runtime, its mirrors, its credentials */
        enum image_pull policy;
        unsigned parallel;     /* so many at a time, IMAGES_PARALLEL at most */
        const char *auth_file; /* more credentials; NULL: REGISTRY_AUTH_FILE */
        bool quiet;            /* no word of what is kept */
};
/* Have `images` there; one that fails keeps none of the others waiting. ret: images->n of them. 0; -ENOENT
 * with *e: some failed, and *ret says which; others: nothing was begun. */
int images_pull(const struct images_pull *q, const struct str_list *images, struct image_result *ret,
                struct error *e);

/* Write those of `images` that the runtime has to an archive; all must be there. */
int images_save(const struct config *c, const struct str_list *images, const char *file, struct error *e);
/* Put the images of an archive into the runtime: those named (full names), or all when there are none. What
 * is there is kept. -EBADMSG: the archive is not whole, nothing was changed. */
int images_load(const struct config *c, const struct str_list *images, const char *file, struct error *e);

/* "12.3 MiB" */
const char *images_size(uint64_t bytes, char out[24]);

#endif
