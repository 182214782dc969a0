#!/usr/bin/env python3
"""The golden numbers of tests/tensors, tests/adapters and tests/models, by the standard library
alone (written and run with CPython 3.11): an independent Philox4x32-10, BLAKE2b and float32
rounding. Prints what the tests hold; run it again after a format change.

  python3 tests/golden/torch_folders.py
"""

import hashlib
import math
import struct

MASK = 0xFFFFFFFF


def philox4x32(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def derive(seed, purpose, name="", index=0):
    text = struct.pack("<Q", seed) + purpose.encode() + b"\0" + name.encode() + b"\0"
    digest = hashlib.blake2b(text + struct.pack("<Q", index), digest_size=32).digest()
    return struct.unpack("<Q", digest[:8])[0]


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def uniform_tensor(seed, count, bound):
    draws = []
    for block in range((count + 3) // 4):
        draws += philox4x32([block & MASK, block >> 32, 0, 0], [seed & MASK, seed >> 32])
    # The product of two float32 is exact in double, so this rounds once, as the C++ does.
    return [float32((2 * (u >> 8) / 2**24 - 1) * float32(bound)) for u in draws[:count]]


def state_digest(entries):
    h = hashlib.blake2b(digest_size=32)
    for name, dtype, shape, data in sorted(entries):
        h.update(name.encode() + b"\0" + dtype.encode() + b"\0")
        h.update(struct.pack(f"<{len(shape) + 1}q", len(shape), *shape))
        h.update(data)
    return h.hexdigest()


def main():
    print("digest of {a: f32 [2, 2] = 1 2 3 4, b: i64 [] = 7, c: f32 [0, 3]}")
    print(" ", state_digest([("a", "F32", [2, 2], struct.pack("<4f", 1, 2, 3, 4)),
                             ("b", "I64", [], struct.pack("<q", 7)),
                             ("c", "F32", [0, 3], b"")]))
    print("uniform_tensor({2, 3}, 0.5, Seed{42})")
    print(" ", ", ".join(x.hex() for x in uniform_tensor(42, 6, 0.5)))
    print("resnet8's conv1.extractor, rank 8, Seed{1}: the first four of 72 values")
    print(" ", ", ".join(x.hex() for x in
                         uniform_tensor(derive(1, "extractor", "conv1"), 4, 1 / math.sqrt(9))))


main()
