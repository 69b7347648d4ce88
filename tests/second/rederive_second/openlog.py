"""The log of the open segment, and its tail (SPEC.md sections 11.8 and 11.11)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .blocks import (
    CLOSING, CONTENT, CONTENTS, FRAMES, HEAD, HEADER, LINEAGE, OPEN_HEAD, OPENING, RECORD, SEARCH, UNIT, Entry, entry, file_header, plain,
)  # fmt: skip
from .digest import digest
from .fault import Fault
from .tracefile import Content, contents

MAGIC = b"RDT-OPEN"
SECTOR = 512
MAX_RECORDS = 4096
MAX_FRAME_BYTES = 1_048_576


@dataclass
class OpenLog:
    """A log as far as it holds: records with the contents before each, and the heads over them."""

    segment: int
    run: bytes
    previous: bytes
    frames: list[bytes] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    frame_bytes: int = 0
    torn: int = 0
    heads_before: int = 0
    """Heads over the records of the closed segment."""
    begun_at: int = UNIT
    closed: OpenLog | None = None
    """The segment before, where the log has it whole."""
    lineage: bytes = b""
    header: bytes = b""

    @property
    def first(self) -> int:
        """The first segment that the log has records of."""
        return self.closed.segment if self.closed else self.segment

    @property
    def turn(self) -> int:
        """The commit that the next entry belongs to."""
        return self.heads_before + len(self.heads) + 1

    def blocks(self) -> bytes:
        """The blocks of a closed segment, none packed [archive-end]."""
        stored = [plain(CONTENTS, self.segment, content.stored()) for content in self.contents]
        parts = [plain(FRAMES, self.segment, b"".join(self.frames)), *stored]
        parts += [plain(LINEAGE, self.segment, self.lineage), plain(HEADER, self.segment, self.header)]
        return b"".join(parts)


def read(data: bytes) -> OpenLog:
    """Reads a log; its torn tail is left out and counted, anything else is damage."""
    file_header(data, MAGIC, "A-LOG-MAGIC")
    opening = entry(data, UNIT)
    if opening.kind != OPENING:
        raise Fault("A-LOG-ORDER", UNIT)
    if opening.commit != 0:
        raise Fault("A-LOG-COMMIT", UNIT)
    reading = _Reading(data, OpenLog(opening.segment, opening.payload[:16], opening.payload[16:]))
    try:
        reading.entries(opening.end)
    except Fault as fault:
        fault.segment = reading.log.segment
        raise
    return reading.log


class _Reading:
    """A log that is being read."""

    def __init__(self, data: bytes, log: OpenLog) -> None:
        self.data = data
        self.log = log
        """The segment whose turn it is."""

    def entries(self, at: int) -> None:
        """Takes the entries from ``at`` on, up to a torn tail."""
        kept = at
        waiting: list[Content] = []
        while at < len(self.data):
            try:
                one = entry(self.data, at)
            except Fault as fault:
                _judge_tail(self.data, self.log, at, fault)
                break
            _check_order(self.log, one, bool(waiting))
            at = one.end
            if one.kind == CONTENT:
                waiting += _content(one)
                continue
            kept = at
            self._take(one, waiting)
            waiting = []
        self.log.torn = len(self.data) - kept

    def _take(self, one: Entry, contents: list[Content]) -> None:
        """Takes an entry, and the contents before it."""
        if one.kind == CLOSING:
            self.log = _close(self.log, one)
        elif one.kind == RECORD:
            self.log.contents += contents
            self.log.frames.append(one.payload)
            self.log.frame_bytes += len(one.payload)
        else:
            self.log.heads.append(one.payload)


def _close(log: OpenLog, one: Entry) -> OpenLog:
    """The segment of the log ends, and the next one begins."""
    length = int.from_bytes(one.payload[:4], "little")
    log.lineage, log.header = one.payload[4 : 4 + length], one.payload[4 + length :]
    if length != 4 * len(log.frames) or not log.header:
        raise Fault("A-LENGTH", one.at)
    before = log.heads_before + len(log.heads)
    previous = digest("header", log.header)
    return OpenLog(log.segment + 1, log.run, previous, heads_before=before, begun_at=one.at, closed=log)


def _content(one: Entry) -> list[Content]:
    stored = list(contents(one.payload, one.at))
    if len(stored) != 1:
        raise Fault("A-CONTENT-LENGTH", one.at)
    return stored


def _check_order(log: OpenLog, one: Entry, waiting: bool) -> None:
    """The rules that an entry which verifies must keep."""
    if one.segment != log.segment:
        raise Fault("A-SEGMENT", one.at)
    if one.commit != log.turn:
        raise Fault("A-LOG-COMMIT", one.at)
    closes_nothing = one.kind == CLOSING and (log.closed is not None or not log.frames)
    if one.kind == OPENING or closes_nothing or waiting and one.kind in (OPEN_HEAD, CLOSING):
        raise Fault("A-LOG-ORDER", one.at)
    if one.kind == RECORD:
        if len(log.frames) == MAX_RECORDS or log.frame_bytes + len(one.payload) > MAX_FRAME_BYTES:
            raise Fault("A-LIMIT", one.at)


def _judge_tail(data: bytes, log: OpenLog, b: int, fault: Fault) -> None:
    """Returns where the bytes from ``b`` on are a torn tail; raises the damage else [archive-log-recovery]."""
    turn = log.turn
    segments = (log.segment,) if log.closed else (log.segment, log.segment + 1)
    budget = max(SEARCH, len(data) - b)
    first = None
    for place in range(b // UNIT * UNIT + UNIT, len(data), UNIT):
        length = int.from_bytes(data[place + 8 : place + 16], "little")
        if place + HEAD + length <= len(data):
            budget -= HEAD + length
            if budget < 0:
                raise fault
        try:
            found = entry(data, place)
        except Fault:
            continue
        if found.segment not in segments:
            continue
        if found.commit > turn:
            raise fault
        first = place if first is None else first
    if first is not None and not _lost_sector(data, b, first):
        raise fault


def _lost_sector(data: bytes, b: int, g: int) -> bool:
    """Whether a sector between ``b`` and ``g`` never reached the disk."""
    for end in range(b // SECTOR * SECTOR + SECTOR, g + 1, SECTOR):
        if not any(data[max(b, end - SECTOR) : end]):
            return True
    return False
