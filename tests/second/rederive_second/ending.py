"""Where a trace ends: its trace file and open log judged together (SPEC.md section 11.10)."""

from __future__ import annotations

from dataclasses import dataclass

from . import openlog, tracefile
from .blocks import CONTENTS, HINTS, UNIT, Block
from .digest import ZERO, digest
from .fault import Fault
from .openlog import OpenLog
from .tracefile import Segment, Walk


@dataclass
class Ending:
    """The whole segments, what follows them where it belongs to the trace, and what was cut off."""

    segments: list[Segment]
    tail: list[Block]
    data: bytes
    """The trace file, with the blocks of a segment that is closed in the log alone where they will stand."""
    log: OpenLog | None = None
    sealed: bool = False
    cut: int = 0
    left: OpenLog | None = None
    """A log that is no part of the trace."""


def find(data: bytes, log_bytes: bytes | None) -> Ending:
    """Judges the end of a trace; raises the damage that keeps the file from being read [archive-end]."""
    if log_bytes is None and tracefile.never_begun(data):
        raise Fault("U-NEVER-BEGUN", 0)
    tracefile.is_begun(data)
    found = tracefile.walk(data)
    log = openlog.read(log_bytes) if log_bytes is not None else None
    whole = len(found.segments)
    if log is not None and log.first > whole:
        raise found.stopped or Fault("A-LOG-AHEAD", 0)
    if log is not None and log.first < whole <= log.segment + 1 and _last_is_torn(data, found):
        found.segments.pop()
        return _beside(data, found, log)
    leads = log is not None and log.first <= whole <= log.segment
    if found.sealed and not (leads and _broken(data, found.tail)):
        tracefile.check_trailer(data, found)
        return Ending(found.segments, found.tail, data, None, True, left=log)
    if log is None:
        return _without_log(data, found)
    if not leads:
        end = _without_log(data, found)
        end.left = log
        return end
    return _beside(data, found, log)


def _beside(data: bytes, found: Walk, log: OpenLog) -> Ending:
    """The log has the open segment, and the one before it where the trace file does not have that."""
    segments, closed = found.segments, log.closed
    if closed is None or closed.segment < len(segments):
        return Ending(segments, [], data, log, False, log.torn)
    _check_follows(data, segments, closed)
    end = segments[-1].header.end if segments else UNIT
    data = data[:end] + closed.blocks()
    return Ending(tracefile.walk(data).segments, [], data, log, False, log.torn)


def _check_follows(data: bytes, segments: list[Segment], log: OpenLog) -> None:
    """The log names the header of the last segment that the trace file has [archive-end]."""
    last = digest("header", segments[-1].header.bytes(data)) if segments else ZERO
    if log.previous != last:
        raise Fault("A-LOG-PREVIOUS", log.begun_at)


def check_all(data: bytes, log_bytes: bytes | None) -> Ending:
    """Every byte of the files that is not inside frames, headers, seals or hints."""
    end = find(data, log_bytes)
    for block in [block for segment in end.segments for block in segment.blocks] + end.tail:
        if block.kind == CONTENTS:
            list(tracefile.contents(block.bytes(end.data), block.at))
        elif block.kind not in HINTS:
            block.bytes(end.data)
    if end.log is not None:
        _check_follows(end.data, end.segments, end.log)
    return end


def _without_log(data: bytes, found: Walk) -> Ending:
    """A file that ends between segments is unsealed; one that ends inside a block or segment is cut."""
    stopped = found.stopped
    if stopped is None:
        return Ending(found.segments, [], data)
    blocks = found.blocks()
    if blocks and _broken(data, blocks[-1:], hints_too=True):
        blocks[-1].payload(data)
    if stopped.code != "A-END" or tracefile.block_after(data, stopped.at):
        raise stopped
    return Ending(found.segments, [], data, None, False, len(data) - found.tail_at)


def _last_is_torn(data: bytes, found: Walk) -> bool:
    """Whether the last whole segment never reached the disk whole, though its block headers did."""
    ends_there = not found.tail and found.stopped is None
    return ends_there and _broken(data, found.segments[-1].blocks, hints_too=True)


def _broken(data: bytes, blocks: list[Block], hints_too: bool = False) -> bool:
    """Whether a check word or padding is wrong."""
    for block in blocks:
        if block.kind in HINTS and not hints_too:
            continue
        try:
            block.payload(data)
        except Fault:
            return True
    return False
