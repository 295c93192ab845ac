/* A node that is a file: libqiao's calls as far as qiao-csv uses them, for tests without sockets. What is "durable at the node" survives the
 * death of the process that submitted it, receipts come again until they have been handled, and every step is a place to die at. */
#ifndef TEST_FAKE_CLIENT_H
#define TEST_FAKE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/* options.node of qiao_client_new is "file:PATH". Lines of the file: "store ID DIGEST KEY", "conflict ID", "told ID". */

extern long fake_steps_until_death; /* 0: never; else SIGKILL at that step */
void fake_step(void);

extern size_t fake_window;          /* submissions taken before BUSY; 0: as many as the options say */
extern bool fake_link_is_down;      /* dispatch does nothing */

#endif
