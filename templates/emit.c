#include "templates/emit.h"
#include "pki/util.h"
#include <errno.h>

static int write_to(void *userdata, unsigned char *data, size_t size) {
        return fwrite(data, 1, size, userdata) == size;
}

/* Unlimited width: folding a long scalar is one more thing to get wrong. */
int tmpl_emitter_open(yaml_emitter_t *emitter, FILE *f) {
        if (!yaml_emitter_initialize(emitter))
                return -ENOMEM;
        yaml_emitter_set_output(emitter, write_to, f);
        yaml_emitter_set_unicode(emitter, 1);
        yaml_emitter_set_width(emitter, -1);
        return yaml_emitter_open(emitter) ? 0 : -ENOMEM;
}

static int emit(yaml_document_t *doc, FILE *f) {
        yaml_emitter_t emitter;
        int r = tmpl_emitter_open(&emitter, f);

        if (r < 0)
                yaml_document_delete(doc);
        else if (!yaml_emitter_dump(&emitter, doc) || !yaml_emitter_close(&emitter))
                r = -ENOMEM;
        yaml_emitter_delete(&emitter);
        return r;
}

int tmpl_emit(yaml_document_t *doc, char **ret, size_t *ret_size) {
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f) {
                yaml_document_delete(doc);
                return -ENOMEM;
        }
        r = emit(doc, f);
        if (fclose(f) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}
