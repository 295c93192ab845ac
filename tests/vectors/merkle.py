#!/usr/bin/env python3
"""Merkle trees by the text of RFC 9162, 2.1 (hashlib only, nothing of the product): prints tests/vectors/merkle.txt.

A line a size: size, root, SHA-256 over the inclusion paths of all its leaves, SHA-256 over the consistency proofs from all smaller
sizes that are not 0. Leaf i is the number i in eight bytes, big endian. Large sizes have every 97th leaf and smaller size only.
"""
import functools
import hashlib
import random


def sha256(data):
    return hashlib.sha256(data).digest()


def split(n):
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


@functools.lru_cache(None)
def root(start, end):
    n = end - start
    if n == 0:
        return sha256(b"")
    if n == 1:
        return sha256(b"\0" + start.to_bytes(8, "big"))
    k = split(n)
    return sha256(b"\1" + root(start, start + k) + root(start + k, end))


def path(m, start, end):
    n = end - start
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return path(m, start, start + k) + [root(start + k, end)]
    return path(m - k, start + k, end) + [root(start, start + k)]


def subproof(m, start, end, whole):
    n = end - start
    if m == n:
        return [] if whole else [root(start, end)]
    k = split(n)
    if m <= k:
        return subproof(m, start, start + k, whole) + [root(start + k, end)]
    return subproof(m - k, start + k, end, False) + [root(start, start + k)]


def line(n, step):
    paths = b"".join(b"".join(path(m, 0, n)) for m in range(0, n, step))
    proofs = b"".join(b"".join(subproof(m, 0, n, True)) for m in range(1, n, step))
    return f"{n} {step} {root(0, n).hex()} {sha256(paths).hex()} {sha256(proofs).hex()}"


random.seed(9162)
for size in range(131):
    print(line(size, 1))
for size in sorted(random.randrange(131, 3000) for _ in range(8)):
    print(line(size, 97))
