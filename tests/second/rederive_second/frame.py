"""Frames and leaves (SPEC.md section 4)."""

from __future__ import annotations

from typing import Any, NamedTuple

from .cbor import Reader
from .digest import digest
from .fault import Fault, UnknownKind
from .grammar import Grammar

UNIT = 64
MAX_FRAME = 65_536


class Framed(NamedTuple):
    """A record and its frame; ``record`` is ``None`` where its kind is unknown."""

    record: dict[str, Any] | None
    frame: bytes
    unknown: UnknownKind | None

    def leaf(self) -> bytes:
        """The record's leaf [leaf-tag]."""
        return digest("leaf", self.frame)


def read_frame(grammar: Grammar, data: bytes, start: int = 0, end: int | None = None) -> Framed:
    """Reads the record at ``start`` and the zeros behind it [frame-padding] [limit-frame]."""
    reader = Reader(data, start, end, MAX_FRAME)
    record, unknown = None, None
    try:
        record = grammar.record(reader)
    except UnknownKind as found:
        unknown = found
    length = reader.at()
    padding = -length % UNIT
    zeros = data[reader.pos : min(reader.pos + padding, reader.end)]
    if any(zeros):
        raise Fault("C-PADDING", length)
    if len(zeros) < padding:
        raise Fault(reader.over, length)
    return Framed(record, bytes(data[start : start + length + padding]), unknown)


def read_frames(grammar: Grammar, data: bytes) -> list[Framed]:
    """Reads the frames that tile a segment's bytes [frames-tile]; places count from its first byte."""
    frames: list[Framed] = []
    at = 0
    while at < len(data):
        try:
            framed = read_frame(grammar, data, at)
        except Fault as fault:
            raise fault.moved(at) from None
        frames.append(framed)
        at += len(framed.frame)
    return frames
