"""Derived randomness: every random number comes from what it is for, never from what came before."""

from __future__ import annotations

from hashlib import blake2b

SEED_BITS = 63


def derive(seed: int, *purpose: str | int) -> int:
    """Derive a seed of 63 bits from a seed and what it is for, such as ("order", 3).

    The same arguments give the same seed on every machine and in every version of Python.
    """
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in purpose)])
    digest = blake2b(text.encode(), digest_size=8, person=b"hpsearch").digest()
    return int.from_bytes(digest, "big") >> (64 - SEED_BITS)
