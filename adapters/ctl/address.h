/* Addresses as people type them. */
#ifndef CTL_ADDRESS_H
#define CTL_ADDRESS_H

#include <qiao/client.h>
#include <schema/envelope.pb-c.h>

#define ADDRESS_BUFFER_SIZE 256

/* What option or argument `what` says, with its strings in buffer. CTL_OK or CTL_WRONG_USE after a message. */
int ctl_address_read(const char *what, const char *text, char buffer[ADDRESS_BUFFER_SIZE], struct qiao_address *ret_address);

/* The same for a request; the strings stay those of address. */
void ctl_address_to_schema(const struct qiao_address *address, Qiao__V1__Address *ret_address);

/* "area/org#seat" or "svc:service", "-" of none. */
void ctl_address_format(const struct qiao_address *address, char text[ADDRESS_BUFFER_SIZE]);

#endif
