/* The images of a control plane. Internal. */
#ifndef TEMPLATES_IMAGES_H
#define TEMPLATES_IMAGES_H

#include "templates/render.h"

/* The tag of etcd's image, as given or as the version has it. The version must be supported. */
const char *tmpl_etcd_tag(const struct tmpl_values *v);

/* The image of the etcd static pod, and the kubelet's sandbox image. -ENAMETOOLONG when it does not fit. */
int tmpl_etcd_image(const struct tmpl_values *v, char *out, size_t size);
int tmpl_pause_image(const struct tmpl_values *v, char *out, size_t size);

#endif
