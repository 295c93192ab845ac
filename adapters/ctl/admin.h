/* Questions to the node: one AdminRequest out, AdminReply parts back. */
#ifndef CTL_ADMIN_H
#define CTL_ADMIN_H

#include "address.h"
#include "session.h"

#include <jansson.h>
#include <qiao/id.h>
#include <schema/admin.pb-c.h>

/* One part of the answer; reply is borrowed. A status other than CTL_OK ends the asking with it. */
typedef int (*admin_part)(void *context, const Qiao__V1__AdminReply *reply);

struct admin {
    struct ctl_session session; /* first: see session.h */
    admin_part part;
    void *part_context;
    uint32_t id;            /* of the request that is open; others are of a broken link and not looked at */
    bool done;
    int status;
    bool patient;           /* BUSY, and a session that was replaced, are no reason to complain yet */
    unsigned refused_code;  /* of the last answer, 0: it was none */
};

/* For __attribute__((cleanup)). */
void admin_close(struct admin *admin);

/* Opens a session that only asks, and waits for the link. The member name is used only when given on the command line: the environment
 * often names a member that an adapter is already connected as. */
int admin_open(struct admin *admin, const struct globals *globals);

/* Sends the request (its id is set here) and hands over each part until the last. Asks again when the link breaks, so requests must not
 * change anything. timeout_ms UINT64_MAX: no limit. Returns the exit status, CTL_NO after
 * Ctrl-C. Messages are printed. */
int admin_ask(struct admin *admin, Qiao__V1__AdminRequest *request, admin_part part, void *part_context, uint64_t timeout_ms);

/* The same with the global timeout, and once more after a pause, for some ten seconds, while the node says that it is busy. */
int admin_ask_patiently(struct admin *admin, Qiao__V1__AdminRequest *request, admin_part part, void *part_context);

/* Open, ask with the global timeout, close. */
int admin_ask_once(const struct globals *globals, Qiao__V1__AdminRequest *request, admin_part part, void *part_context);

/* Where pages of an answer go on. */
struct admin_pages {
    char *after;            /* the request's field points at it: the last item of the page before */
    const char *next;       /* set by the part: where the next page starts, empty behind the last */
    size_t size;            /* of both buffers */
    bool all;               /* else one page */
};

/* Open, ask page by page, close. */
int admin_ask_pages(const struct globals *globals, Qiao__V1__AdminRequest *request, admin_part part, void *part_context, const struct admin_pages *pages);

/* One JSON line: the message by reflection, with kindName and codeName beside kind and code. Returns the exit status. */
int admin_print_json(const ProtobufCMessage *message);

/* "area/org#seat" of an address, "-" of none. */
void admin_address_format(const Qiao__V1__Address *address, char text[ADDRESS_BUFFER_SIZE]);

/* "case.open" or "1234". */
#define ADMIN_KIND_SIZE 32
void admin_kind_format(uint32_t kind, char text[ADMIN_KIND_SIZE]);

/* The UUID, or "-" if the bytes are no id. */
void admin_id_format(const ProtobufCBinaryData *bytes, char text[QIAO_ID_TEXT_SIZE]);

/* "accepted", "refused: NO_ROUTE", "open". */
#define ADMIN_OUTCOME_SIZE 64
void admin_outcome_format(Qiao__V1__OutcomeStatus outcome, uint32_t code, char text[ADMIN_OUTCOME_SIZE]);

/* A reply to a StatusRequest: the node's area. context: char [QIAO_AREA_SIZE_MAX + 1]. */
int admin_take_area(void *context, const Qiao__V1__AdminReply *reply);

#endif
