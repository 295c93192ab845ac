/* Messages that a rule holds back: on disk, in order, until somebody lets them go, an hour comes, or their time is up. */
#ifndef CORE_HELD_H
#define CORE_HELD_H

#include "core/state.h"

#include "schema/admin.pb-c.h"

/* Of all rules together; each rule has its own most. */
#define HELD_ALL_MAX 16384u

/* False: a record of 'B' is not sound. */
bool held_load(struct core *core);
void held_deinit(struct core *core);

/* After every other judgement: does the rule hold it, or is one of its case held that came before? Then it is put aside, and ends or goes
 * on later. *code becomes BUSY, and nothing is put aside, if there is no room. */
bool held_takes(struct core *core, const struct envelope *envelope, const struct origin *origin, unsigned *code);
/* For core_check_record. */
const char *held_check_record(struct qiao_bytes key, struct qiao_bytes value);
bool held_any(const struct core *core);
uint64_t held_deadline_ms(const struct core *core);
/* What is due goes on or ends. */
void held_tick(struct core *core);

void held_list(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);
void held_decide(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);

/* recv_batch.c: a message that was held goes on to where it goes now; or it ends. */
void accept_released(struct core *core, const struct envelope *envelope, bool own);
void refuse_held(struct core *core, const struct envelope *envelope, unsigned status, unsigned code);

#endif
