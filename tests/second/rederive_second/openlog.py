"""The log of the open segment, and its tail (SPEC.md sections 11.8 and 11.11)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .blocks import CONTENT, HEAD, OPEN_HEAD, OPENING, RECORD, SEARCH, UNIT, Entry, entry, file_header
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


def read(data: bytes) -> OpenLog:
    """Reads a log; its torn tail is left out and counted, anything else is damage."""
    file_header(data, MAGIC, "A-LOG-MAGIC")
    opening = entry(data, UNIT)
    if opening.kind != OPENING:
        raise Fault("A-LOG-ORDER", UNIT)
    if opening.commit != 0:
        raise Fault("A-LOG-COMMIT", UNIT)
    log = OpenLog(opening.segment, opening.payload[:16], opening.payload[16:])
    at = opening.end
    kept = at
    waiting: list[Content] = []
    while at < len(data):
        try:
            one = entry(data, at)
        except Fault as fault:
            _judge_tail(data, log, at, fault)
            break
        _check_order(log, one, bool(waiting))
        at = one.end
        if one.kind == CONTENT:
            waiting += _content(one)
            continue
        kept = at
        if one.kind == RECORD:
            log.contents += waiting
            log.frames.append(one.payload)
            log.frame_bytes += len(one.payload)
            waiting = []
        else:
            log.heads.append(one.payload)
    log.torn = len(data) - kept
    return log


def _content(one: Entry) -> list[Content]:
    stored = list(contents(one.payload, one.at))
    if len(stored) != 1:
        raise Fault("A-CONTENT-LENGTH", one.at)
    return stored


def _check_order(log: OpenLog, one: Entry, waiting: bool) -> None:
    """The rules that an entry which verifies must keep."""
    if one.segment != log.segment:
        raise Fault("A-SEGMENT", one.at)
    if one.kind == OPENING or waiting and one.kind == OPEN_HEAD:
        raise Fault("A-LOG-ORDER", one.at)
    if one.commit != len(log.heads) + 1:
        raise Fault("A-LOG-COMMIT", one.at)
    if one.kind == RECORD:
        if len(log.frames) == MAX_RECORDS or log.frame_bytes + len(one.payload) > MAX_FRAME_BYTES:
            raise Fault("A-LIMIT", one.at)


def _judge_tail(data: bytes, log: OpenLog, b: int, fault: Fault) -> None:
    """Returns where the bytes from ``b`` on are a torn tail; raises the damage else [archive-log-recovery]."""
    turn = len(log.heads) + 1
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
        if found.segment != log.segment:
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
