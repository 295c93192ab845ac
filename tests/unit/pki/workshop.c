#include "workshop.h"

#include "pki.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char workshop_out[65536];
char workshop_err[65536];
static char *slurped[16]; /* freed when the workshop is left */
static size_t slurped_count;
static char folder[] = "/tmp/qiao-pki-XXXXXX";

void workshop_enter(void)
{
    snprintf(folder, sizeof folder, "/tmp/qiao-pki-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

void workshop_leave(void)
{
    char command[64];
    while (slurped_count > 0)
        free(slurped[--slurped_count]);
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

static int redirect(int fd, const char *path)
{
    int kept = dup(fd), file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    cr_assert(kept >= 0 && file >= 0);
    dup2(file, fd);
    close(file);
    return kept;
}

static void restore(int fd, int kept, const char *path, char *text, size_t size)
{
    dup2(kept, fd);
    close(kept);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    unlink(path);
}

static int split(char *line, char **words, int max)
{
    int count = 0;
    while (*(line += strspn(line, " ")) && count < max) {
        char end = *line == '\'' ? '\'' : ' ';
        line += end == '\'';
        words[count++] = line;
        line += strcspn(line, (char[]){ end, '\0' });
        if (*line)
            *line++ = '\0';
    }
    words[count] = NULL;
    return count;
}

int pki(const char *line)
{
    char text[2048], name[] = "pki", *words[41] = { name };
    snprintf(text, sizeof text, "%s", line);
    int count = split(text, words + 1, 39) + 1;
    fflush(NULL);
    int out = redirect(1, ".out"), err = redirect(2, ".err");
    int status = cmd_pki(count, words);
    fflush(NULL);
    restore(1, out, ".out", workshop_out, sizeof workshop_out);
    restore(2, err, ".err", workshop_err, sizeof workshop_err);
    return status;
}

int shell(const char *format, ...)
{
    char command[2048];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    cr_assert_lt(used, (int)sizeof command - 8);
    snprintf(command + used, sizeof command - (size_t)used, " 2>&1");
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    workshop_out[fread(workshop_out, 1, sizeof workshop_out - 1, pipe)] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_lt(slurped_count, sizeof slurped / sizeof slurped[0]);
    char *text = slurped[slurped_count++] = calloc(1, 65536);
    cr_assert_gt(fread(text, 1, 65535, file), 0);
    fclose(file);
    return text;
}

unsigned mode_of(const char *path)
{
    struct stat status;
    cr_assert_eq(stat(path, &status), 0, "%s", path);
    return status.st_mode & 0777;
}
