/* A message's way in words, for `qiao why` and `qiao trace`. */
#ifndef CTL_WAY_H
#define CTL_WAY_H

#include "admin.h"

#define WAY_TEXT_SIZE 512
#define WAY_LABEL "  %-14s "

/* "990101/urban", "990101001/desk#duty", "svc:noise", or an area set. */
void way_destination(const Qiao__V1__Address *address, char text[WAY_TEXT_SIZE]);
/* "an area that contains the destination (street.yaml:7)" */
void way_ground(const Qiao__V1__RouteChoice *choice, char text[WAY_TEXT_SIZE]);
/* Why a candidate was not chosen. */
const char *way_lost(Qiao__V1__LostReason reason);
/* "default (policy.yaml:3)" */
void way_rule(const Qiao__V1__Rule *rule, char text[WAY_TEXT_SIZE]);
/* What became of it after the decision: "in the queue to street since …, 3 before it; the link is down since …". */
void way_standing(const Qiao__V1__WayStep *step, char text[WAY_TEXT_SIZE]);
/* Does the node of this step hold the message now? */
bool way_holds(const Qiao__V1__WayStep *step);
/* A decision in labelled lines, on standard output. */
void way_print_decision(const Qiao__V1__Decision *decision);
/* Asks the node for the way of the message whose id stands in text. Returns the exit status. */
int way_ask(const struct globals *globals, const char *text, admin_part part, void *part_context);

#endif
