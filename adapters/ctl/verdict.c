#include "verdict.h"

#include "command.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static bool read_code(const char *text, size_t size, unsigned *ret_code)
{
    char name[48];
    uint64_t number;
    int code;

    if (size >= sizeof(name))
        return false;
    memcpy(name, text, size);
    name[size] = '\0';
    code = qiao_code_from_name(name);
    if (code < 0 && text_number_parse(name, &number) && number <= UINT16_MAX)
        code = (int)number;
    if (code <= 0)
        return false;
    *ret_code = (unsigned)code;
    return true;
}

static int read_refusal(const char *text, struct verdict *ret_verdict)
{
    size_t size = strcspn(text, ":");

    ret_verdict->verdict = QIAO_VERDICT_REFUSE;
    ret_verdict->reason = text[size] ? text + size + 1 : "";
    if (!read_code(text, size, &ret_verdict->code))
        return command_fail(CTL_WRONG_USE, "--verdict refuse:%.*s: that is no code; use a name such as NOT_COMPETENT, INCOMPLETE or DUPLICATE_CASE",
                            (int)size, text);
    return CTL_OK;
}

int verdict_read(const char *text, struct verdict *ret_verdict)
{
    *ret_verdict = (struct verdict){ .verdict = QIAO_VERDICT_ACCEPT, .reason = "" };
    if (strcmp(text, "accept") == 0)
        return CTL_OK;
    if (strcmp(text, "refuse") == 0)
        return read_refusal("REFUSED_BY_MEMBER", ret_verdict);
    if (strncmp(text, "refuse:", 7) == 0)
        return read_refusal(text + 7, ret_verdict);
    ret_verdict->verdict = QIAO_VERDICT_RETRY;
    if (strcmp(text, "retry") == 0 || (strncmp(text, "retry:", 6) == 0 && text_number_parse(text + 6, &ret_verdict->retry_after_ms)))
        return CTL_OK;
    return command_fail(CTL_WRONG_USE, "--verdict is \"%.60s\" but must be accept, refuse[:CODE[:REASON]] or retry[:MILLISECONDS]", text);
}
