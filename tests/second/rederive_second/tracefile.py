"""The trace file: its blocks in order, and where it ends (SPEC.md sections 11.4 to 11.10)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from .blocks import (
    CONTENTS, FRAMES, HEAD, HEADER, INDEX, LINEAGE, MIB_8, SEAL, SEARCH, SNAPSHOT, TRAILER, UNIT, Block, block_header, file_header, is_there,
)  # fmt: skip
from .digest import commitment
from .fault import Fault

MAGIC = b"REDERIVE"
TRAILER_MAGIC = b"RDT-SEAL"
MAX_CONTENT = 268_435_456

# What may follow what; None is the begin of the file.
AFTER: dict[int | None, tuple[int, ...]] = {
    None: (FRAMES,),
    FRAMES: (CONTENTS, LINEAGE, SNAPSHOT, HEADER),
    CONTENTS: (CONTENTS, LINEAGE, SNAPSHOT, HEADER),
    LINEAGE: (SNAPSHOT, HEADER),
    SNAPSHOT: (HEADER,),
    HEADER: (FRAMES, INDEX, SEAL),
    INDEX: (SEAL,),
    SEAL: (TRAILER,),
}


@dataclass
class Segment:
    """The blocks of one whole segment."""

    number: int
    blocks: list[Block]

    @property
    def frames(self) -> Block:
        """Its FRAMES block."""
        return self.blocks[0]

    @property
    def header(self) -> Block:
        """Its HEADER block."""
        return self.blocks[-1]

    def contents(self) -> list[Block]:
        """Its CONTENTS blocks."""
        return [block for block in self.blocks if block.kind == CONTENTS]


@dataclass
class Walk:
    """What a walk over the block headers found: whole segments, and the blocks of what follows them."""

    segments: list[Segment] = field(default_factory=list)
    tail: list[Block] = field(default_factory=list)
    tail_at: int = UNIT
    sealed: bool = False
    stopped: Fault | None = None

    def blocks(self) -> list[Block]:
        """Every block in the order of the file."""
        return [block for segment in self.segments for block in segment.blocks] + self.tail

    def find(self, kind: int) -> Block | None:
        """The block of this kind behind the segments."""
        return next((block for block in self.tail if block.kind == kind), None)


def walk(data: bytes) -> Walk:
    """Walks the block headers to the end of the file, or to where they stop [archive-order]."""
    found = Walk()
    at, before = UNIT, None
    try:
        while at < len(data):
            if before == TRAILER:
                raise Fault("A-TRAILING", at)
            block = block_header(data, at)
            if block.kind not in AFTER[before]:
                raise Fault("A-ORDER", at)
            if block.segment != len(found.segments):
                raise Fault("A-SEGMENT", at)
            is_there(block, data)
            found.tail.append(block)
            at, before = block.end, block.kind
            if block.kind == HEADER:
                found.segments.append(Segment(block.segment, found.tail))
                found.tail, found.tail_at = [], at
        if found.tail and before != TRAILER:
            raise Fault("A-END", at)
    except Fault as fault:
        found.stopped = fault
        fault.segment = len(found.segments)
    found.sealed = before == TRAILER and found.stopped is None
    return found


def check_trailer(data: bytes, found: Walk) -> None:
    """The trailer names the blocks that stand before it [archive-trailer]."""
    trailer, seal, index = found.find(TRAILER), found.find(SEAL), found.find(INDEX)
    if trailer is None or seal is None:
        return
    wanted = TRAILER_MAGIC + struct.pack("<QQQ", index.at if index else 0, seal.at, 0)
    if trailer.payload(data) != wanted:
        raise Fault("A-TRAILER", trailer.at)


@dataclass(frozen=True)
class Content:
    """A content as stored, and where its block is."""

    commitment: bytes
    salt: bytes
    data: bytes
    at: int

    def stored(self) -> bytes:
        """As it stands in a CONTENTS block."""
        return self.commitment + self.salt + struct.pack("<Q", len(self.data)) + self.data

    def check(self) -> None:
        """Salt and bytes give the commitment [content-commitment]."""
        if commitment(self.salt, self.data) != self.commitment:
            raise Fault("V-COMMITMENT", self.at)


def contents(payload: bytes, at: int) -> Iterator[Content]:
    """The contents that tile a payload [archive-contents], one after the other."""
    pos = 0
    while pos < len(payload):
        if len(payload) - pos < 72:
            raise Fault("A-CONTENT-LENGTH", at)
        length = int.from_bytes(payload[pos + 64 : pos + 72], "little")
        if length > MAX_CONTENT or length > len(payload) - pos - 72:
            raise Fault("A-CONTENT-LENGTH", at)
        if pos == 0 and len(payload) > MIB_8 and length != len(payload) - 72:
            raise Fault("A-CONTENT-LENGTH", at)
        data = payload[pos + 72 : pos + 72 + length]
        yield Content(payload[pos : pos + 32], payload[pos + 32 : pos + 64], data, at)
        pos += 72 + length


def block_after(data: bytes, at: int) -> bool:
    """Whether a block that verifies begins after ``at``, or too much would have to be read to tell [archive-end]."""
    budget = max(SEARCH, len(data) - at)
    for place in range(at + UNIT, len(data), UNIT):
        try:
            block = block_header(data, place)
            is_there(block, data)
            budget -= HEAD + block.stored
            if budget < 0:
                return True
            block.payload(data)
            return True
        except Fault:
            continue
    return False


def never_begun(data: bytes) -> bool:
    """Whether the writer was stopped before it could acknowledge anything [archive-file-header]."""
    whole = MAGIC + struct.pack("<H", 1) + bytes(54)
    return len(data) <= UNIT and (not any(data) or len(data) < UNIT and whole.startswith(data))


def is_begun(data: bytes) -> None:
    """Checks the file header."""
    file_header(data, MAGIC, "A-MAGIC")
