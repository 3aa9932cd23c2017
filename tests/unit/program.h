/* The program under test ($TRIARCH), run as users run it. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include "tests/unit/tmpdir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* words: "triarch" and what follows, ended by NULL. Both its outputs in `out`, whole and ended by 0, or the
 * test fails. Returns its exit status, -1: killed. */
static inline int program_run(const char *const *words, char *out, size_t size) {
        const char *program = getenv("TRIARCH");
        int pipefd[2], status;
        size_t n = 0;
        ssize_t k;
        pid_t pid;

        assert_non_null(program);
        assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
        fflush(NULL);
        if ((pid = fork()) == 0) {
                dup2(pipefd[1], 1);
                dup2(pipefd[1], 2);
                execv(program, (char *const *)(uintptr_t)words);
                _exit(127);
        }
        assert_true(pid > 0);
        close(pipefd[1]);
        while ((k = read(pipefd[0], out + n, size - 1 - n)) > 0)
                n += (size_t)k;
        assert_true(k == 0 && n < size - 1);
        out[n] = '\0';
        close(pipefd[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
