/* A delivered message for people and programs. */
#ifndef CTL_DELIVERY_H
#define CTL_DELIVERY_H

#include <jansson.h>
#include <qiao/client.h>
#include <stdio.h>

/* Everything in it. The body is "body" (an object, for kinds with a schema), "bodyText" (UTF-8) or "bodyBase64". New reference. */
json_t *delivery_to_json(const struct qiao_delivery *delivery);

/* A few lines. False if file does not take them or memory is out. */
bool delivery_print(const struct qiao_delivery *delivery, FILE *file);

#endif
