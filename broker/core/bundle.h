/* Bundles: what a link would carry, a page at a time, for lines that do not exist (proof/bundle.h). */
#ifndef CORE_BUNDLE_H
#define CORE_BUNDLE_H

#include "core/admin.h"

void bundle_export(struct core *core, struct connection *asker, const Qiao__V1__AdminRequest *request);
/* An AdminRequest with a page is larger than others: it is read where it lies. False: payload is another request. */
bool bundle_import(struct core *core, struct connection *asker, struct qiao_bytes payload);

#endif
