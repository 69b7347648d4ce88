"""Frames and leaves (SPEC.md section 4)."""

from __future__ import annotations

from typing import Any, NamedTuple

from . import tree
from .cbor import Reader
from .fault import Fault, UnknownKind
from .grammar import Grammar

UNIT = 64
MAX_FRAME = 65_536


class Framed(NamedTuple):
    """A frame and its record: ``None`` where it is malformed, or of an unknown kind, which stands at ``unknown_at``."""

    record: dict[str, Any] | None
    frame: bytes
    unknown_at: int | None = None

    def leaf(self) -> bytes:
        """The record's leaf [leaf-tag]."""
        return tree.leaf(self.frame)


def read_frame(grammar: Grammar, data: bytes, start: int = 0, end: int | None = None) -> Framed:
    """Reads the record at ``start`` and the zeros behind it [frame-padding] [limit-frame]."""
    reader = Reader(data, start, end, MAX_FRAME)
    record, unknown_at = None, None
    try:
        record = grammar.record(reader)
    except UnknownKind as unknown:
        unknown_at = unknown.at
    _padding(reader, data)
    return Framed(record, bytes(data[start : reader.pos]), unknown_at)


def split(grammar: Grammar, data: bytes, places: list[tuple[int, int]]) -> None:
    """Tells the frames that tile a segment's bytes apart [frames-tile], as items of any type and padding.

    Takes begin and end of each into ``places``. Where they cannot be told apart the fault is the one that
    reading the record by the grammar meets first.
    """
    at = 0
    while at < len(data):
        reader = Reader(data, at, None, MAX_FRAME)
        try:
            reader.skip()
            _padding(reader, data)
        except Fault as fault:
            read_frame(grammar, data, at)
            raise fault
        places.append((at, at + reader.at()))
        at += reader.at()


def _padding(reader: Reader, data: bytes) -> None:
    """Reads the zeros behind a record [frame-padding]."""
    length = reader.at()
    padding = -length % UNIT
    zeros = data[reader.pos : min(reader.pos + padding, reader.end)]
    if any(zeros):
        raise Fault("C-PADDING", length)
    if len(zeros) < padding:
        raise Fault(reader.over, length)
    reader.pos += padding
