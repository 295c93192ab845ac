#include "command.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Errors quote what came from outside: nothing in it may steer the terminal. */
int command_fail(enum ctl_exit status, const char *format, ...)
{
    va_list arguments;
    char text[1024], *printable;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printable = text_printable(text, strlen(text));
    fprintf(stderr, "qiao: %s\n", printable ? printable : "out of memory");
    free(printable);
    return status;
}
