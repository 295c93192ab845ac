#include "grounds.h"

#include "command.h"

#include <qiao/personal_data.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int refuse_basis(const char *text)
{
    return command_fail(CTL_WRONG_USE, "--basis is \"%.80s\" but must be LAW#ARTICLE or LAW#ARTICLE@VERSION, several with commas between them, "
                        "for example ECO-CODE#599", text);
}

/* Splits one basis in place. */
static bool read_basis(char *text, struct qiao_legal_basis *ret_basis)
{
    char *article = strchr(text, '#'), *version = strchr(text, '@');

    if (!article || article == text || !article[1] || (version && (version < article || !version[1])))
        return false;
    *article++ = '\0';
    if (version)
        *version++ = '\0';
    *ret_basis = (struct qiao_legal_basis){ text, article, version ? version : "" };
    return *article != '\0' && strlen(text) <= QIAO_BASIS_SIZE_MAX && strlen(article) <= QIAO_BASIS_SIZE_MAX &&
           (!version || strlen(version) <= QIAO_BASIS_SIZE_MAX);
}

int grounds_read_bases(const char *text, struct grounds *grounds, struct qiao_message *message)
{
    char *rest = grounds->text, *one;
    size_t count = 0;

    if (strlen(text) >= sizeof(grounds->text))
        return refuse_basis(text);
    memcpy(grounds->text, text, strlen(text) + 1);
    while ((one = strsep(&rest, ","))) {
        if (count == QIAO_BASES_MAX)
            return command_fail(CTL_WRONG_USE, "--basis names more than %u legal bases", QIAO_BASES_MAX);
        if (!read_basis(one, &grounds->bases[count++]))
            return refuse_basis(text);
    }
    message->legal_basis = grounds->bases;
    message->legal_basis_count = count;
    return CTL_OK;
}

static int refuse_field(const char *name)
{
    char names[512] = "";
    size_t used = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        const char *known = qiao_personal_data_name(bit);
        if (known && used < sizeof(names))
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", known);
    }
    return command_fail(CTL_WRONG_USE, "--personal-data names \"%.40s\", which is none of %s", name, names);
}

int grounds_read_personal_data(const char *text, uint64_t *ret_mask)
{
    char name[40];

    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        uint64_t bit;
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
        bit = qiao_personal_data_from_name(name);
        if (!bit)
            return refuse_field(name);
        *ret_mask |= bit;
    }
    return CTL_OK;
}

int grounds_read_day(const char *text, uint64_t *ret_ms)
{
    struct tm day = { 0 };
    const char *end = strptime(text, "%Y-%m-%d", &day);
    struct tm wanted = day;
    time_t seconds = end && !*end ? timegm(&day) : -1;

    if (seconds < 0 || day.tm_mday != wanted.tm_mday || day.tm_mon != wanted.tm_mon)
        return command_fail(CTL_WRONG_USE, "--event-day is \"%.40s\" but must be a day such as 2026-08-15", text);
    *ret_ms = ((uint64_t)seconds + 4 * 3600) * 1000;
    return CTL_OK;
}
