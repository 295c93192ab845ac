/* Memory in whole pages for records and tables: mapped, kept for the next who asks, and given back to the system when work
 * has become less. A busy store goes through hundreds of megabytes a second in pieces that live for some milliseconds; to have
 * the kernel clear fresh pages for each of them costs more than what is done with them.
 *
 * One pool for the process, as the heap is one. Any thread may call; nothing in it outlives a call. */
#ifndef STORE_JOURNAL_PAGES_H
#define STORE_JOURNAL_PAGES_H

#include <stddef.h>

/* What the pool keeps at most: a little more than two full tables, see journal.c. */
#define PAGES_KEPT_BYTES_MAX (12u * 1024u * 1024u)

/* At least size bytes, aligned to a page, with whatever was in them before. NULL when there is no memory. *ret_capacity goes to pages_free. */
void *pages_new(size_t size, size_t *ret_capacity);
void *pages_free(void *pages, size_t capacity); /* returns NULL; NULL is fine */
/* Gives back everything that nobody uses. */
void pages_trim(void);

#endif
