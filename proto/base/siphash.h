/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): 64 bits over some bytes that nobody without the key can
 * foretell, so that nobody can make two inputs meet on purpose. Not a digest: whoever has the key can. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <qiao/bytes.h>

#define SIPHASH_KEY_SIZE 16u

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], struct qiao_bytes bytes);

#endif
