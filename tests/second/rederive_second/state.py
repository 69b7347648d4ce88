"""State as deltas give it (SPEC.md section 8): entries that records set and remove."""

from __future__ import annotations

from collections.abc import Iterator

from .cbor import ARRAY, NULL, OTHER, Reader
from .fault import Fault

NOTHING = bytes([OTHER << 5 | NULL])


def changes(delta: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """Key and new value of every entry that a delta changes; ``None`` where it goes [delta-form].

    ``delta`` may be followed by zeros to the next multiple of 64.
    """
    reader = Reader(delta)
    head = reader.typed(ARRAY)
    reader.enter(head)
    before = b""
    for _ in range(head.value):
        pair = reader.typed(ARRAY)
        if pair.value != 2:
            raise Fault("C-LENGTH", pair.at)
        reader.enter(pair)
        key, value = _item(reader), _item(reader)
        reader.leave()
        if key <= before:
            raise Fault("C-KEY-ORDER", pair.at)
        before = key
        yield key, None if value == NOTHING else value
    zeros = delta[reader.pos :]
    if any(zeros) or len(zeros) != -reader.pos % 64:
        raise Fault("C-PADDING", reader.pos)


def apply(entries: dict[bytes, bytes], delta: bytes) -> None:
    """Changes the entries as a delta says."""
    for key, value in changes(delta):
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value


def _item(reader: Reader) -> bytes:
    start = reader.pos
    reader.skip()
    return bytes(reader.data[start : reader.pos])
