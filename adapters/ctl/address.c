#include "address.h"

#include "command.h"

#include <stdio.h>
#include <string.h>

int ctl_address_read(const char *what, const char *text, char buffer[ADDRESS_BUFFER_SIZE], struct qiao_address *ret_address)
{
    if (strlen(text) + 3 > ADDRESS_BUFFER_SIZE || !qiao_address_parse(text, buffer, ADDRESS_BUFFER_SIZE, ret_address))
        return command_fail(CTL_WRONG_USE, "%s is \"%.100s\" but must be AREA/ORG, AREA/ORG#SEAT or svc:SERVICE, for example 990101001/urban-mgmt", what, text);
    return CTL_OK;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* protobuf-c only reads these strings; its structs are not const. */
void ctl_address_to_schema(const struct qiao_address *address, Qiao__V1__Address *ret_address)
{
    qiao__v1__address__init(ret_address);
    ret_address->area = (char *)or_empty(address->area);
    ret_address->org = (char *)or_empty(address->org);
    ret_address->seat = (char *)or_empty(address->seat);
    ret_address->service = (char *)or_empty(address->service);
}

void ctl_address_format(const struct qiao_address *address, char text[ADDRESS_BUFFER_SIZE])
{
    const char *area = or_empty(address->area), *org = or_empty(address->org), *seat = or_empty(address->seat);

    const char *service = or_empty(address->service);

    if (*service)
        snprintf(text, ADDRESS_BUFFER_SIZE, "%s%ssvc:%s", area, *area ? "/" : "", service);
    else if (!*area && !*org)
        snprintf(text, ADDRESS_BUFFER_SIZE, "-");
    else
        snprintf(text, ADDRESS_BUFFER_SIZE, "%s%s%s%s%s", area, *org ? "/" : "", org, *seat ? "#" : "", seat);
}
