#ifndef QIAO_VERSION_H
#define QIAO_VERSION_H

#define QIAO_VERSION "0.1.0"
/* The link protocol: a node speaks every version in this range. */
#define QIAO_PROTOCOL_VERSION_MIN 1
#define QIAO_PROTOCOL_VERSION_MAX 1
/* The store's layout; a store written by a higher number is refused. */
#define QIAO_STORE_VERSION 3

#endif
