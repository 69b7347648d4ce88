"""Integrity of a whole trace (SPEC.md section 12), and the chain of its state checksums."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import chain, openlog, signed, tracefile, tree
from .blocks import SEAL
from .chain import Links
from .digest import ZERO, Checksum
from .fault import Fault, UnknownKind
from .frame import Framed, read_frames
from .grammar import Grammar
from .openlog import OpenLog
from .signed import Signed
from .tracefile import Content, Segment, Walk
from .trust import TrustRoots

FORGED = ("F-KEY", "F-SIGNATURE", "V-OTHER-KEY", "V-UNTRUSTED", "F-TRUST")
UNDECIDED = ("S-VERSION", "U-VERSION", "U-EMPTY", "U-NEVER-BEGUN", "U-RULE-SET", "C-UNKNOWN-KIND")


@dataclass
class Report:
    """What a verification found."""

    valid: str = "reproduced"
    code: str | None = None
    at: int | None = None
    run: bytes | None = None
    records: int = 0
    segments: int = 0
    end: str = "unsealed"
    attested: int = 0
    redacted: int = 0
    torn: int = 0
    checksums: str = "agree"
    ephemeral: bool | None = None
    trusted: bool | None = None
    faults: list[Fault] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report for people and programs."""
        return {
            "valid": self.valid, "code": self.code, "at": self.at, "run": self.run.hex() if self.run else None,
            "records": self.records, "segments": self.segments, "end": self.end, "attested": self.attested,
            "redacted": self.redacted, "torn_bytes": self.torn, "checksums": self.checksums, "ephemeral": self.ephemeral,
            "trusted": self.trusted, "faults": [[fault.code, fault.at] for fault in self.faults],
        }  # fmt: skip


class Verifier:
    """Verifies one trace: a trace file's bytes, and those of its open log where there is one."""

    def __init__(self, grammar: Grammar, data: bytes, log: bytes | None = None, trust: TrustRoots | None = None) -> None:
        self.grammar = grammar
        self.data = data
        self.log_bytes = log
        self.trust = trust
        self.report = Report()
        self.links = Links([])
        self.unknown: list[Fault] = []
        self.listed: set[bytes] = set()
        self.stored: dict[bytes, Content] = {}
        self.opening: dict[str, Any] | None = None
        self.checksum = ZERO

    def verify(self) -> Report:
        """The verdict at integrity level: the lowest place among what is damaged or forged [verdict-order]."""
        report = self.report
        try:
            self._all()
        except Fault as fault:
            report.faults.append(fault)
        worst = [fault for fault in report.faults if fault.code not in UNDECIDED] or report.faults or self.unknown
        if worst:
            first = min(worst, key=lambda fault: fault.at)
            report.valid = "forged" if first.code in FORGED else "undecided" if first.code in UNDECIDED else "damaged"
            report.code, report.at = first.code, first.at
        return report

    def _all(self) -> None:
        if self.log_bytes is None and tracefile.never_begun(self.data):
            raise Fault("U-NEVER-BEGUN", 0)
        tracefile.is_begun(self.data)
        found = tracefile.walk(self.data)
        log = self._end(found)
        for segment in found.segments:
            self._segment(segment)
        self._signatures(found, log)
        if log is not None:
            self._open_segment(log)
        self._keys()
        if not self.report.records and not self.report.faults:
            raise Fault("U-EMPTY", 0)

    # Where the trace ends

    def _end(self, found: Walk) -> OpenLog | None:
        """Judges what follows the whole segments [archive-end]; answers the log of the open segment."""
        log = openlog.read(self.log_bytes) if self.log_bytes is not None else None
        whole = len(found.segments)
        if log is not None and log.segment > whole:
            raise found.stopped or Fault("A-LOG-AHEAD", 0)
        if log is not None and log.segment == whole - 1 and self._last_is_torn(found):
            last = found.segments.pop()
            found.tail, found.tail_at, found.sealed = [], last.frames.at, False
            self._torn(found)
            return log
        faults = tracefile.check_bytes(self.data, found.blocks(), found.stopped is not None)
        leads = log is not None and log.segment == whole
        if leads:
            faults = [fault for fault in faults if fault.at < found.tail_at]
        self.report.faults += faults
        if found.sealed and not (leads and self._tail_is_broken(found)):
            self._sealed(found)
            return None
        if found.stopped is None and not found.tail:
            return log if leads else None
        if leads:
            self._torn(found)
            return log
        self._stopped(found)
        return None

    def _last_is_torn(self, found: Walk) -> bool:
        if found.tail or found.stopped or len(self.data) != found.tail_at:
            return False
        return bool(tracefile.check_bytes(self.data, found.segments[-1].blocks, False))

    def _tail_is_broken(self, found: Walk) -> bool:
        return bool(tracefile.check_bytes(self.data, found.tail, False))

    def _sealed(self, found: Walk) -> None:
        self.report.end = "sealed"
        try:
            tracefile.check_trailer(self.data, found)
        except Fault as fault:
            if fault.code == "A-TRAILER":
                self.report.faults.append(fault)

    def _torn(self, found: Walk) -> None:
        self.report.end = "torn"
        self.report.torn += len(self.data) - found.tail_at
        found.tail, found.stopped, found.sealed = [], None, False

    def _stopped(self, found: Walk) -> None:
        """A file that ends inside a block or a segment is cut; any other stop is damage."""
        stopped = found.stopped
        if stopped is None:
            return
        broken = any(fault.at <= stopped.at for fault in self.report.faults)
        if stopped.code == "A-END" and not broken and not tracefile.block_after(self.data, stopped.at):
            self.report.end = "cut"
            self.report.torn += len(self.data) - found.tail_at
            found.tail = []
            return
        if not any(block.end == stopped.at and fault.at == block.at for fault in self.report.faults for block in found.blocks()):
            self.report.faults.append(stopped)

    # Segments

    def _segment(self, segment: Segment) -> None:
        """One whole segment: header, frames, contents."""
        faults = self.report.faults
        try:
            header = signed.parse(self.grammar, "header", segment.header.bytes(self.data))
        except Fault as fault:
            faults.append(Fault(fault.code, segment.header.at))
            header = None
        if header is not None:
            self.links.headers.append((segment.header.at, header))
        try:
            frames = read_frames(self.grammar, segment.frames.bytes(self.data))
        except Fault as fault:
            if not fault.code.startswith("A-"):
                faults.append(Fault(fault.code, segment.frames.at))
            return
        if header is not None:
            self._framed(segment, header, frames)
        first = header.fields["first"] if header else self.report.records
        self._records(frames, first, segment.frames.at)
        self._contents(segment, frames)
        self._checksums(frames, header)
        self.report.segments += 1

    def _framed(self, segment: Segment, header: Signed, frames: list[Framed]) -> None:
        """Frames against their header."""
        size = sum(len(framed.frame) for framed in frames)
        if len(frames) != header.fields["records"] or size != header.fields["frame_bytes"]:
            self.report.faults.append(Fault("V-FRAMES", segment.frames.at))
        elif tree.root([framed.leaf() for framed in frames]) != header.fields["root"]:
            self.report.faults.append(Fault("V-DIGEST", segment.frames.at))

    def _records(self, frames: list[Framed], first: int, at: int) -> None:
        for number, framed in enumerate(frames, first):
            if isinstance(framed.unknown, UnknownKind):
                self.unknown.append(Fault("C-UNKNOWN-KIND", at))
            record = framed.record
            if record is None:
                continue
            if record["sequence"] != number:
                self.report.faults.append(Fault("V-NUMBER", at))
                break
            if number == 0 and record["kind"] == "run.opened":
                self.opening = record["body"]
        self.report.records += len(frames)

    def _contents(self, segment: Segment, frames: list[Framed]) -> None:
        """Stored contents: each its commitment's, each listed first in this segment, in that order."""
        fresh = self._first_listed(frames)
        for block in segment.contents():
            try:
                for content in tracefile.contents(block.bytes(self.data), block.at):
                    content.check()
                    self._listed_in_order(content, fresh)
            except Fault as fault:
                if fault.code in ("V-COMMITMENT", "V-UNLISTED", "A-CONTENT-LENGTH"):
                    self.report.faults.append(fault)
        self.report.redacted += sum(1 for digest in self._all_fresh if digest not in self.stored)

    def _first_listed(self, frames: list[Framed]) -> list[bytes]:
        """Commitments that appear first in these records, in order."""
        fresh: list[bytes] = []
        for framed in frames:
            for entry in framed.record["contents"] if framed.record else []:
                if entry["commitment"] not in self.listed:
                    self.listed.add(entry["commitment"])
                    fresh.append(entry["commitment"])
        self._all_fresh = list(fresh)
        fresh.reverse()
        return fresh

    def _listed_in_order(self, content: Content, fresh: list[bytes]) -> None:
        while fresh:
            if fresh.pop() == content.commitment:
                self.stored[content.commitment] = content
                return
        raise Fault("V-UNLISTED", content.at)

    def _checksums(self, frames: list[Framed], header: Signed | None) -> None:
        """The chain of state checksums that the recorded delta digests give [checksum] [decision-checksum]."""
        running = Checksum(self.checksum)
        for framed in frames:
            if framed.record is None:
                self.report.checksums = "unknown"
                return
            derived = framed.record["derived"]
            wanted = running.now() if framed.record["kind"] == "decision.made" else None
            if derived.get("checksum") != wanted:
                self._checksum_differs()
            running.add(derived["delta"])
        self.checksum = running.now()
        if header is not None and header.fields["checksum"] != self.checksum:
            self._checksum_differs()

    def _checksum_differs(self) -> None:
        if self.report.checksums == "agree":
            self.report.checksums = "differ"

    # Signatures

    def _signatures(self, found: Walk, log: OpenLog | None) -> None:
        """The chain, and the last signature over it."""
        links, faults = self.links, self.report.faults
        if len(links.headers) != len(found.segments):
            return
        faults += chain.check_headers(links)
        block = found.find(SEAL) if self.report.end == "sealed" else None
        if block is None:
            faults += chain.check_last_header(links)
            return
        try:
            seal = signed.parse(self.grammar, "seal", block.bytes(self.data))
        except Fault as fault:
            if not fault.code.startswith("A-"):
                faults.append(Fault(fault.code, block.at))
            return
        faults += chain.check_seal(links, block.at, seal)
        self.report.ephemeral = seal.fields["ephemeral"]
        if seal.fields["checksum"] != self.checksum:
            self._checksum_differs()

    def _open_segment(self, log: OpenLog) -> None:
        """The records of the open log, and its last head over them."""
        links, faults = self.links, self.report.faults
        place = len(self.data)
        if links.run is not None and log.run != links.run:
            raise Fault("V-OTHER-RUN", place)
        if log.previous != links.last:
            raise Fault("A-LOG-PREVIOUS", place)
        frames = [framed for data in log.frames for framed in read_frames(self.grammar, data)]
        first = links.records
        self._records(frames, first, place)
        fresh = self._first_listed(frames)
        for _, content in log.contents:
            content.check()
            self._listed_in_order(content, fresh)
        self._checksums(frames, None)
        self.report.attested = first + log.attested()
        self.report.torn += log.torn
        if log.heads:
            count, data = log.heads[-1]
            head = signed.parse(self.grammar, "head", data)
            leaves = [framed.leaf() for framed in frames[:count]]
            key = links.signer() or (self.opening or {}).get("recorder_key")
            faults += chain.check_head(links, place, head, log.run, log.segment, leaves, key)

    def _keys(self) -> None:
        """The run's key [opening-key], and whether the trust roots allow it [trust-roots]."""
        links, opening = self.links, self.opening
        self.report.run = links.run or (opening["run"] if opening else None)
        if opening is None or self.report.run is None:
            return
        if links.headers:
            at, first = links.headers[0]
            if first.key != opening["recorder_key"]:
                self.report.faults.append(Fault("V-OTHER-KEY", at))
            if opening["run"] != links.run:
                self.report.faults.append(Fault("V-OTHER-RUN", at))
        if self.trust is not None:
            self.report.trusted = self.trust.allows(opening["recorder_key"], self.report.run, opening["tenant"])
            if not self.report.trusted:
                self.report.faults.append(Fault("V-UNTRUSTED", links.headers[0][0] if links.headers else 0))
