/* NNG 1.5 lets 128 connections wait to be accepted. Of a thousand children that come back at once the kernel forgets the others, and they try
 * again after one second, three and seven (RFC 6298, 5.5: the timer doubles): the last ones come long after there was room for them. */
#ifndef WIRE_BACKLOG_H
#define WIRE_BACKLOG_H

/* Lets more wait for this process' TCP listeners on the port. They take no file descriptor before they are accepted. */
void backlog_widen(unsigned port);

#endif
