/* Files beside messages: attached to one that is sent, saved from those that are delivered. */
#ifndef CTL_ATTACHING_H
#define CTL_ATTACHING_H

#include "options.h"

#include <qiao/client.h>
#include <qiao/limits.h>

#define ATTACHMENT_HEX_SIZE 65

struct attaching {
    struct qiao_attachment attachments[QIAO_ATTACHMENTS_MAX];
    size_t count;
    size_t done;           /* with the node */
    unsigned failed;       /* code of one that the node will not have, or 0 */
    uint8_t *body;         /* owned: a case's body with names of the files */
};

/* Attaches the files and puts them into the message; bodies of case kinds get their names. CTL_OK, or an exit status after a message. */
int attaching_begin(struct attaching *attaching, struct qiao_client *client, const struct option_list *files, struct qiao_message *message);
/* For the client's attached callback. */
void attaching_take(struct attaching *attaching, const struct qiao_attachment *attachment, unsigned code);
void attaching_end(struct attaching *attaching);

void attachment_hex(const struct qiao_attachment *attachment, char text[ATTACHMENT_HEX_SIZE]);

/* Where an attachment of the message is saved: FOLDER/<16 hex digits>-<its name>, or its digest alone when no usable name came with it.
 * malloc'd; NULL without memory. */
char *attachment_path(const char *folder, const struct qiao_message *message, const struct qiao_attachment *attachment);

#endif
