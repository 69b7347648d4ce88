"""Digests by purpose (SPEC.md section 3): keyed BLAKE3, 32 bytes."""

from functools import cache

from blake3 import blake3

PURPOSES = (
    "leaf", "node", "delta", "checksum", "header", "content", "content plain", "lineage", "state key", "state value",
    "state leaf", "state node", "request", "rule set", "seed",
    "bundle file", "bundle", "registry",
)  # fmt: skip
ZERO = bytes(32)


@cache
def key_of(purpose: str) -> bytes:
    """The key of a purpose [digest-keys]."""
    if purpose not in PURPOSES:
        raise ValueError(f"no purpose {purpose!r}")
    return blake3(b"", derive_key_context="rederive 1 " + purpose).digest()


def digest(purpose: str, *parts: bytes) -> bytes:
    """The digest of a purpose over the parts, one behind the other [digest]."""
    hasher = blake3(key=key_of(purpose))
    for part in parts:
        hasher.update(part)
    return hasher.digest()


def padded(data: bytes, unit: int = 64) -> bytes:
    """The bytes and the fewest zeros that make their length a multiple of ``unit``."""
    return data + bytes(-len(data) % unit)


def commitment(salt: bytes, content: bytes) -> bytes:
    """The commitment of a content [content-commitment]."""
    return digest("content", salt, content)


def salt_of(secret: bytes, content: bytes) -> bytes:
    """The salt of a content under a run secret [content-salt]."""
    return blake3(digest("content plain", content), key=secret).digest()


class Checksum:
    """The running state checksum of one segment [checksum]."""

    def __init__(self, start: bytes) -> None:
        self._hasher = blake3(start, key=key_of("checksum"))
        self._start = start
        self._records = 0

    def add(self, delta_digest: bytes) -> None:
        """Takes the next record's delta digest."""
        self._hasher.update(delta_digest)
        self._records += 1

    def now(self) -> bytes:
        """The checksum after the records taken so far."""
        return self._hasher.digest() if self._records else self._start
