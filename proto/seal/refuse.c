#include "seal/refuse.h"

#include "seal/keyring.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

int keyring_refuse(char *reterr_text, size_t reterr_size, const char *format, ...)
{
    unsigned long first = ERR_peek_error(), code = ERR_SYSTEM_ERROR(first) ? first : ERR_peek_last_error();
    const char *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(reterr_text, reterr_size, format, arguments);
    va_end(arguments);
    if (code && reason && used >= 0 && (size_t)used < reterr_size) snprintf(reterr_text + used, reterr_size - (size_t)used, ": %s", reason);
    ERR_clear_error();
    return KEYRING_E_UNUSABLE;
}
