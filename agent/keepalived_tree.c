#include "agent/keepalived_tree.h"
#include "agent/rootpath.h"
#include "pki/file.h"
#include <errno.h>
#include <glob.h>

enum { WORD_MAX = 1024, MAX_FILES = 64 };

struct ktree {
        struct kstatement top; /* its block is the file */
        char *files[MAX_FILES];
        size_t n_files, n_statements;
};

enum token { T_WORD, T_LINE, T_OPEN, T_CLOSE, T_END };

struct reader {
        struct ktree *tree;
        const char *text, *end, *file;
        const char *root; /* NULL: includes are refused */
        unsigned line, depth;
        char word[WORD_MAX];
        size_t n_word;
        bool again; /* the token is to be given once more */
        enum token token;
        struct error *e;
};

static int read_block(struct reader *r, struct kstatement *into, unsigned opened);

/* ---- words ---- */

static int put(struct reader *r, char c) {
        if (c == '\0')
                return error_at(r->e, r->file, r->line, 0, "a NUL byte; is this a text file?");
        if (r->n_word + 1 >= sizeof r->word)
                return error_at(r->e, r->file, r->line, 0, "a word of more than %d bytes", WORD_MAX - 1);
        r->word[r->n_word++] = c;
        r->word[r->n_word] = '\0';
        return 0;
}

static int read_quoted(struct reader *r) {
        unsigned line = r->line;
        char quote = *r->text++;
        int k;

        for (; r->text < r->end && *r->text != quote; r->text++) {
                if (*r->text == '\n')
                        break;
                if (*r->text == '\\' && r->text + 1 < r->end && r->text[1] != '\n')
                        r->text++;
                if ((k = put(r, *r->text)) < 0)
                        return k;
        }
        if (r->text == r->end || *r->text != quote)
                return error_at(r->e, r->file, line, 0, "the quote %c is not closed on its line", quote);
        r->text++;
        return 0;
}

static bool ends_word(char c) {
        return strchr(" \t\r\n{}#!", c) != NULL;
}

static int read_word(struct reader *r) {
        int k = 0;

        r->n_word = 0;
        r->word[0] = '\0';
        while (k == 0 && r->text < r->end && (!*r->text || !ends_word(*r->text))) {
                if (*r->text == '"' || *r->text == '\'')
                        k = read_quoted(r);
                else if (*r->text == '\\' && r->text + 1 < r->end && r->text[1] == '\n')
                        break;
                else if (*r->text == '$' || (*r->text == '~' && r->n_word == 0) ||
                         (*r->text == '@' && r->n_word == 0))
                        return error_at(r->e, r->file, r->line, 0,
                                        "what stands behind \"%c\" is known to keepalived alone; give a file "
                                        "without conditions and parameters (--keepalived-conf)",
                                        *r->text);
                else
                        k = put(r, *r->text++);
        }
        return k;
}

static void skip_blanks(struct reader *r) {
        while (r->text < r->end) {
                if (*r->text == '#' || *r->text == '!') {
                        while (r->text < r->end && *r->text != '\n')
                                r->text++;
                } else if (*r->text == '\\' && r->text + 1 < r->end && r->text[1] == '\n') {
                        r->text += 2;
                        r->line++;
                } else if (*r->text == ' ' || *r->text == '\t' || *r->text == '\r')
                        r->text++;
                else
                        return;
        }
}

static int next(struct reader *r) {
        if (r->again) {
                r->again = false;
                return 0;
        }
        skip_blanks(r);
        r->token = r->text == r->end  ? T_END
                   : *r->text == '\n' ? T_LINE
                   : *r->text == '{'  ? T_OPEN
                   : *r->text == '}'  ? T_CLOSE
                                      : T_WORD;
        if (r->token == T_WORD)
                return read_word(r);
        if (r->token == T_LINE)
                r->line++;
        if (r->token != T_END)
                r->text++;
        return 0;
}

/* ---- statements ---- */

static void statement_free(struct kstatement *s) {
        if (!s)
                return;
        for (size_t i = 0; i < s->n_words; i++)
                free(s->words[i]);
        for (size_t i = 0; i < s->n_block; i++)
                statement_free(s->block[i]);
        free(s->words);
        free(s->block);
        free(s);
}
DEFINE_CLEANUP(struct kstatement *, statement_free)

static int no_memory(struct reader *r) {
        return error_set(r->e, EXIT_FAILED, "out of memory"), -ENOMEM;
}

static int append_word(struct reader *r, struct kstatement *s) {
        if (s->n_words == KTREE_MAX_WORDS)
                return error_at(r->e, r->file, r->line, 0, "more than %d words in one statement",
                                KTREE_MAX_WORDS);
        if (!s->words && !(s->words = calloc(KTREE_MAX_WORDS, sizeof *s->words)))
                return no_memory(r);
        if (!(s->words[s->n_words] = strdup(r->word)))
                return no_memory(r);
        s->n_words++;
        return 0;
}

static int append(struct reader *r, struct kstatement *into, struct kstatement **s) {
        struct kstatement **more;

        if (r->tree->n_statements++ == KTREE_MAX_STATEMENTS)
                return error_at(r->e, r->file, r->line, 0, "more than %d statements", KTREE_MAX_STATEMENTS);
        if (!(more = realloc(into->block, (into->n_block + 1) * sizeof *more)))
                return no_memory(r);
        into->block = more;
        into->block[into->n_block++] = TAKE_PTR(*s);
        return 0;
}

/* The brace may stand on a line of its own. */
static int read_brace(struct reader *r, struct kstatement *s) {
        int k;

        while (r->token == T_LINE)
                if ((k = next(r)) < 0)
                        return k;
        if (r->token != T_OPEN) {
                r->again = true;
                return 0;
        }
        s->opens = true;
        return read_block(r, s, s->line);
}

static int load_into(struct reader *from, const char *file, struct kstatement *into);

static bool is_include(const char *word) {
        static const char *const words[] = { "include",  "includer", "includem",
                                             "includew", "includeb", "includea" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (!strcmp(words[i], word))
                        return true;
        return false;
}

static int include_all(struct reader *r, const char *pattern, struct kstatement *into) {
        size_t skip = strlen(r->root);
        glob_t found;
        int k = glob(pattern, GLOB_BRACE, NULL, &found);

        if (k != 0 && k != GLOB_NOMATCH)
                return error_at(r->e, r->file, r->line, 0, "include: \"%s\" cannot be read", pattern + skip);
        for (size_t i = 0; k == 0 && i < found.gl_pathc; i++)
                if (load_into(r, found.gl_pathv[i] + skip, into) < 0)
                        k = -EINVAL;
        globfree(&found);
        return k == GLOB_NOMATCH ? 0 : k; /* as keepalived: none is no error */
}

static int include(struct reader *r, const struct kstatement *s, struct kstatement *into) {
        const char *slash = strrchr(r->file, '/');
        char pattern[PATH_MAX];
        int n;

        if (!r->root)
                return error_at(r->e, s->file, s->line, 0, "an include cannot be followed from here");
        if (s->n_words != 2 || s->opens)
                return error_at(r->e, s->file, s->line, 0, "%s needs one file name", s->words[0]);
        n = snprintf(pattern, sizeof pattern, "%s%.*s%s", r->root,
                     *s->words[1] == '/' || !slash ? 0 : (int)(slash - r->file + 1), r->file, s->words[1]);
        if (n < 0 || (size_t)n >= sizeof pattern)
                return error_at(r->e, s->file, s->line, 0, "include: the path is too long");
        return include_all(r, pattern, into);
}

static int read_statement(struct reader *r, struct kstatement *into) {
        CLEANUP(statement_freep) struct kstatement *s = calloc(1, sizeof *s);
        int k;

        if (!s)
                return no_memory(r);
        s->file = r->file;
        s->line = r->line;
        do
                if ((k = append_word(r, s)) < 0 || (k = next(r)) < 0)
                        return k;
        while (r->token == T_WORD);
        if ((k = read_brace(r, s)) < 0)
                return k;
        return is_include(s->words[0]) ? include(r, s, into) : append(r, into, &s);
}

static int read_block(struct reader *r, struct kstatement *into, unsigned opened) {
        int k;

        if (++r->depth > KTREE_MAX_DEPTH)
                return error_at(r->e, r->file, r->line, 0, "blocks or files more than %d deep",
                                KTREE_MAX_DEPTH);
        for (;;) {
                if ((k = next(r)) < 0)
                        return k;
                switch (r->token) {
                case T_LINE:
                        break;
                case T_WORD:
                        if ((k = read_statement(r, into)) < 0)
                                return k;
                        break;
                case T_OPEN:
                        return error_at(r->e, r->file, r->line, 0, "a { that belongs to nothing");
                case T_CLOSE:
                        if (!opened)
                                return error_at(r->e, r->file, r->line, 0, "a } that closes nothing");
                        r->depth--;
                        return 0;
                case T_END:
                        if (opened)
                                return error_at(r->e, r->file, opened, 0,
                                                "the block that is opened here is not closed");
                        r->depth--;
                        return 0;
                }
        }
}

/* ---- files ---- */

static int read_text(struct reader *r, const char *text, size_t size, const char *name,
                     struct kstatement *into) {
        if (size > KTREE_MAX_SIZE)
                return error_at(r->e, name, 0, 0, "larger than %d bytes", KTREE_MAX_SIZE);
        if (r->tree->n_files == MAX_FILES)
                return error_at(r->e, name, 0, 0, "more than %d files are included", MAX_FILES);
        if (!(r->file = r->tree->files[r->tree->n_files] = strdup(name)))
                return no_memory(r);
        r->tree->n_files++;
        r->text = text;
        r->end = text + size;
        r->line = 1;
        return read_block(r, into, 0);
}

/* A reader of its own: the one that includes goes on behind its statement. */
static int load_into(struct reader *from, const char *file, struct kstatement *into) {
        struct reader r = { .tree = from->tree, .root = from->root, .depth = from->depth, .e = from->e };
        CLEANUP(freep) char *text = NULL;
        char real[PATH_MAX];
        size_t size;
        int k = root_path(real, from->root, file);

        if (k < 0 || (k = pki_file_read(real, KTREE_MAX_SIZE, &text, &size)) < 0)
                return error_at(from->e, file, 0, 0, "cannot be read: %s", strerror(-k));
        return read_text(&r, text, size, file, into);
}

static struct ktree *tree_new(void) {
        return calloc(1, sizeof(struct ktree));
}

int ktree_parse(const char *text, size_t size, const char *name, struct ktree **ret, struct error *e) {
        CLEANUP(ktree_freep) struct ktree *t = tree_new();
        struct reader r = { .tree = t, .e = e };
        int k;

        if (!t)
                return no_memory(&r);
        if ((k = read_text(&r, text, size, name, &t->top)) < 0)
                return k;
        *ret = TAKE_PTR(t);
        return 0;
}

int ktree_load(const char *root, const char *file, struct ktree **ret, struct error *e) {
        CLEANUP(ktree_freep) struct ktree *t = tree_new();
        struct reader r = { .tree = t, .root = root, .e = e };
        int k;

        if (!t)
                return no_memory(&r);
        if ((k = load_into(&r, file, &t->top)) < 0)
                return k;
        *ret = TAKE_PTR(t);
        return 0;
}

size_t ktree_count(const struct ktree *t) {
        return t->top.n_block;
}

const struct kstatement *ktree_at(const struct ktree *t, size_t i) {
        return t->top.block[i];
}

void ktree_free(struct ktree *t) {
        if (!t)
                return;
        for (size_t i = 0; i < t->top.n_block; i++)
                statement_free(t->top.block[i]);
        free(t->top.block);
        for (size_t i = 0; i < t->n_files; i++)
                free(t->files[i]);
        free(t);
}
