"""Seeds derived from what they are for, so that no random number depends on how many were drawn before."""

from __future__ import annotations

from hashlib import blake2b

SEED_BITS = 63


def derive(seed: int, *purpose: str | int) -> int:
    """Derive a seed of 63 bits from a seed and a purpose.

    It is the first 63 bits of BLAKE2b over the seed and the parts of the purpose with their types, so that
    the same arguments give the same seed on every machine and in every version of Python.

    Args:
        seed: The seed of the study, or of a member.
        purpose: What the seed is for, such as `"order", 3`.
    """
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in purpose)])
    digest = blake2b(text.encode(), digest_size=8, person=b"hpsearch").digest()
    return int.from_bytes(digest, "big") >> (64 - SEED_BITS)
