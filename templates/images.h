/* The image table of the supported Kubernetes version. Internal. */
#ifndef TEMPLATES_IMAGES_H
#define TEMPLATES_IMAGES_H

#include "templates/render.h"

/* Whether there are templates for this version ("v1.36.N"). */
bool tmpl_version_supported(const char *version);

/* The image of the etcd static pod. -ENAMETOOLONG when it does not fit. */
int tmpl_etcd_image(const struct tmpl_values *v, char *out, size_t size);

#endif
