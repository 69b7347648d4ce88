"""Integrity of a whole trace (SPEC.md section 12), and the chain of its state checksums."""

from __future__ import annotations

from typing import Any

from . import chain, ending, lineage, signed, tracefile, tree
from .blocks import LINEAGE, SEAL, Block
from .chain import Links
from .digest import ZERO, Checksum
from .ending import Ending
from .fault import Fault
from .findings import Report, Step
from .frame import Framed, read_frame, split
from .grammar import Grammar
from .openlog import OpenLog
from .signed import Signed
from .tracefile import Content, Segment
from .trust import TrustRoots


class Verifier:
    """Verifies one trace: a trace file's bytes, and those of its open log where there is one."""

    def __init__(self, grammar: Grammar, data: bytes, log: bytes | None = None, trust: TrustRoots | None = None) -> None:
        self.grammar = grammar
        self.data = data
        self.log = log
        self.trust = trust
        self.report = Report(trust_given=trust is not None)
        self.links = Links([])
        self.chained = True
        self.lengths: dict[bytes, list[tuple[int, int]]] = {}
        self.stored: dict[bytes, int] = {}
        self.begun = False
        self.named: tuple[bytes, bytes] | None = None  # run and key of the open segment's head
        self.opening: dict[str, Any] | None = None
        self.checksum = ZERO

    def verify(self) -> Report:
        """Goes through the steps of section 12.2; the report picks the verdict."""
        try:
            end = ending.find(self.data, self.log)
        except Fault as fault:
            self.report.add(fault, -1 if fault.segment is None else fault.segment, Step.FILE)
            return self.report
        self.report.sealed, self.report.cut = end.sealed, end.cut
        self.data = end.data
        for segment in end.segments:
            self._segment(segment)
        self._seal(end)
        if end.log is not None:
            self._open_segment(end.log, len(end.segments))
        self._opening(end)
        self._left_by(end)
        self._lengths()
        self.report.redacted = sum(1 for commitment in self.lengths if commitment not in self.stored)
        if not self.report.records:
            self.report.add(Fault("U-EMPTY", 0), len(end.segments), Step.SEAL)
        return self.report

    # One whole segment

    def _segment(self, segment: Segment) -> None:
        header = self._header(segment)
        stored, is_overfull = self._stored_in(segment, header)
        frames = self._frames(segment, header)
        if frames is not None:
            self._listed(segment.number, stored, frames, self.report.records - len(frames), is_overfull)
            self._checksums(frames, header)
            self._lineage(segment, frames, header)
        self.report.segments += 1
        if self.report.findings:
            self.report.checksums = "unknown"

    def _header(self, segment: Segment) -> Signed | None:
        """The signed header: its block, its form, its place in the chain."""
        block, number = segment.header, segment.number
        try:
            header = signed.parse(self.grammar, "header", block.bytes(self.data))
        except Fault as fault:
            self.report.add(fault, number, Step.HEADER, block.at)
            self.chained = False
            return None
        if self.chained:
            for code in chain.header_faults(self.links, header):
                self.report.add(Fault(code, block.at), number, Step.HEADER)
            self.links.append(header)
        return header

    def _stored_in(self, segment: Segment, header: Signed | None) -> tuple[list[Content], bool]:
        """The contents of a segment; no more than one beyond those that its frames have room to list, and whether there is it [archive-limits]."""
        stored: list[Content] = []
        room = header.fields["frame_bytes"] // len(ZERO) + 1 if header else None
        for block in segment.contents():
            self._stored(segment.number, block, stored, room)
            if len(stored) == room:
                break
        return stored, len(stored) == room

    def _stored(self, segment: int, block: Block, stored: list[Content], room: int | None) -> None:
        """Adds the contents of a block; each gives its commitment."""
        try:
            for content in tracefile.contents(block.bytes(self.data), block.at):
                if len(stored) == room:
                    return
                content.check()
                stored.append(content)
        except Fault as fault:
            self.report.add(fault, segment, Step.CONTENTS)

    def _frames(self, segment: Segment, header: Signed | None) -> list[Framed] | None:
        """Frames told apart, counted, hashed, and only then read by the grammar."""
        number = segment.number
        first = header.fields["first"] if header else self.report.records
        try:
            payload = segment.frames.bytes(self.data)
        except Fault as fault:
            self.report.add(fault, number, Step.FRAMES)
            return None
        places: list[tuple[int, int]] = []
        try:
            split(self.grammar, payload, places)
        except Fault as fault:
            self.report.add(fault, number, Step.FRAMES, places[-1][1] if places else 0, first + len(places))
            return None
        frames = [Framed(None, payload[at:end]) for at, end in places]
        if header is not None:
            code = _frames_fault(header, frames)
            if code:
                self.report.add(Fault(code, segment.frames.at), number, Step.FRAMES)
                return None
        return self._records(number, first, payload, places)

    def _records(self, segment: int, first: int, payload: bytes, places: list[tuple[int, int]]) -> list[Framed]:
        """Records by the grammar. That each has the number of its place is a rule, and judged at state level."""
        frames = []
        for sequence, (at, end) in enumerate(places, first):
            try:
                framed = read_frame(self.grammar, payload, at, end)
            except Fault as fault:
                self.report.add(fault, segment, Step.RECORDS, at, sequence)
                framed = Framed(None, payload[at:end])
            frames.append(framed)
            self._record(framed, segment, sequence)
        self.report.records += len(places)
        return frames

    def _record(self, framed: Framed, segment: int, sequence: int) -> None:
        if framed.unknown_at is not None and self.report.unknown_kind is None:
            self.report.unknown_kind = sequence
        if segment == 0 and sequence == 0:
            self.begun = True
            if framed.record is not None and framed.record["kind"] == "run.opened":
                self.opening = framed.record["body"]

    # Contents

    def _listed(
        self, segment: int, stored: list[Content], frames: list[Framed], first: int, is_overfull: bool = False
    ) -> None:
        """A record of this segment is the first to list a content that is stored in it, and it is stored once."""
        fresh = self._listed_first(frames, first)
        if fresh is None and is_overfull:
            self.report.add(Fault("V-UNLISTED", stored[-1].at), segment, Step.LISTED)
            return
        for content in stored:
            if fresh is not None and content.commitment not in fresh:
                self.report.add(Fault("V-UNLISTED", content.at), segment, Step.LISTED)
                return
            if fresh is not None:
                fresh.remove(content.commitment)
            self.stored[content.commitment] = len(content.data)

    def _listed_first(self, frames: list[Framed], first: int) -> set[bytes] | None:
        """Commitments that no record before these lists; ``None`` where it is not known what one of these lists."""
        fresh: set[bytes] = set()
        for number, framed in enumerate(frames, first):
            for entry in framed.record["contents"] if framed.record else []:
                if entry["commitment"] not in self.lengths:
                    self.lengths[entry["commitment"]] = []
                    fresh.add(entry["commitment"])
                self.lengths[entry["commitment"]].append((number, entry["bytes"]))
        return None if any(framed.record is None for framed in frames) else fresh

    def _lengths(self) -> None:
        """Every record states the length that its content has [content-verify]."""
        for commitment, length in self.stored.items():
            for record, stated in self.lengths.get(commitment, []):
                if stated != length:
                    self.report.add(Fault("D-CONTENT-LENGTH", 0), 0, Step.CONTENTS, record=record)

    # State checksums, as far as the recorded delta digests give them

    def _checksums(self, frames: list[Framed], header: Signed | None) -> None:
        """The chain of checksums over the recorded delta digests [checksum] [decision-checksum]."""
        running = Checksum(self.checksum)
        for framed in frames:
            if framed.record is None:
                self.report.checksums = "unknown"
                return
            derived = framed.record["derived"]
            wanted = running.now() if framed.record["kind"] == "decision.made" else None
            self._same(derived.get("checksum"), wanted)
            running.add(derived["delta"])
        self.checksum = running.now()
        if header is not None:
            self._same(header.fields["checksum"], self.checksum)

    def _same(self, recorded: bytes | None, derived: bytes | None) -> None:
        if recorded != derived and self.report.checksums == "agree":
            self.report.checksums = "differ"

    def _lineage(self, segment: Segment, frames: list[Framed], header: Signed | None) -> None:
        """A lineage page is a hint: whether it is the one that the header means, and of these records [lineage-page]."""
        for block in segment.blocks:
            if block.kind != LINEAGE or header is None:
                continue
            try:
                page = block.bytes(self.data)
                kinds = [mark["kind"] for mark in lineage.marks(self.grammar, page)]
            except (Fault, ValueError) as error:
                self.report.hints_ignored.append((error.code if isinstance(error, Fault) else "A-HINT-FIT", block.at))
                continue
            known = [framed.record["kind"] if framed.record else None for framed in frames]
            fits = len(kinds) == len(known) and all(kind in (None, mark) for kind, mark in zip(known, kinds))
            if not fits or lineage.page_digest(page) != header.fields["lineage"]:
                self.report.hints_ignored.append(("A-HINT-FIT", block.at))

    # The last signature, the open segment, the opening record

    def _seal(self, end: Ending) -> None:
        """The last signature: the seal's, or without one the last header's."""
        block = next((block for block in end.tail if block.kind == SEAL), None)
        if block is None:
            if self.links.headers and self.chained:
                code = chain.signature_fault(self.links.headers[-1])
                if code:
                    last = end.segments[-1]
                    self.report.add(Fault(code, last.header.at), last.number, Step.LAST_SIGNATURE)
            self.report.recovered = self.links.recovered()
            return
        try:
            seal = signed.parse(self.grammar, "seal", block.bytes(self.data))
        except Fault as fault:
            self.report.add(fault, len(end.segments), Step.SEAL, block.at)
            return
        self.links.seal = seal
        if self.chained and (code := chain.seal_fault(self.links, seal)):
            self.report.add(Fault(code, block.at), len(end.segments), Step.SEAL)
        self.report.ephemeral = seal.fields["ephemeral"]
        self.report.recovered = self.links.recovered()
        self._same(seal.fields["checksum"], self.checksum)

    def _open_segment(self, log: OpenLog, segment: int) -> None:
        """The open log: the last head over its records, its contents, and the records."""
        report, links, place = self.report, self.links, len(self.data)
        if log.previous != links.last:
            report.add(Fault("A-LOG-PREVIOUS", log.begun_at), segment, Step.HEADER)
            return
        if links.run is not None and log.run != links.run:
            report.add(Fault("V-OTHER-RUN", place), segment, Step.HEADER)
        covered = self._head(log, segment) if log.heads else 0
        try:
            for content in log.contents:
                content.check()
        except Fault as fault:
            report.add(fault, segment, Step.CONTENTS, place)
        frames = self._logged(log, segment)
        if frames is None:
            return
        self._listed(segment, log.contents, frames, links.records)
        self._checksums(frames, None)
        report.recovered += len(frames) - covered

    def _left_by(self, end: Ending) -> None:
        """A log that is no part of the trace may be another run's, or have records that the trace does not have [gaps]."""
        if end.left is None or self.links.run is None:
            return
        try:
            held = b"".join(segment.frames.bytes(end.data) for segment in end.segments if segment.number == end.left.segment)
        except Fault:
            held = b""
        if end.left.run != self.links.run or not held.startswith(b"".join(end.left.frames)):
            self.report.other_log = end.left.run

    def _head(self, log: OpenLog, segment: int) -> int:
        """Checks the last head; answers how many records it covers."""
        place = len(self.data)
        try:
            head = signed.parse(self.grammar, "head", log.heads[-1])
        except Fault as fault:
            self.report.add(fault, segment, Step.HEADER, place)
            return 0
        self.named = (head.fields["run"], head.key)
        leaves = [tree.leaf(entry) for entry in log.frames]
        code = chain.head_fault(self.links, head, log.segment, leaves)
        if code:
            self.report.add(Fault(code, place), segment, Step.HEADER)
        covered: int = head.fields["records"]
        return min(covered, len(leaves))

    def _logged(self, log: OpenLog, segment: int) -> list[Framed] | None:
        """The records of the log: one whole frame in each entry."""
        first, at = self.links.records, 0
        places: list[tuple[int, int]] = []
        for number, entry in enumerate(log.frames, first):
            alone: list[tuple[int, int]] = []
            try:
                split(self.grammar, entry, alone)
                if len(alone) > 1:
                    raise Fault("C-TRAILING", alone[0][1])
            except Fault as fault:
                self.report.add(fault, segment, Step.FRAMES, at, number)
                return None
            places.append((at, at + len(entry)))
            at += len(entry)
        return self._records(segment, first, b"".join(log.frames), places)

    def _opening(self, end: Ending) -> None:
        """The run's key [opening-key], and whether the trust roots allow it [trust-roots]."""
        first, opening = self.links.headers[:1], self.opening
        named = (first[0].fields["run"], first[0].key) if first else self.named
        self.report.run = named[0] if named else opening["run"] if opening else None
        if opening is None:
            if self.begun and self.trust is not None:
                self.report.add(Fault("V-UNTRUSTED", 0), 0, Step.OPENING)
            return
        runs = [named[0]] if named else []
        if end.log is not None:
            runs.append(end.log.run)
        if any(run != opening["run"] for run in runs):
            self.report.add(Fault("V-OTHER-RUN", 0), 0, Step.OPENING)
        if named and named[1] != opening["recorder_key"]:
            self.report.add(Fault("V-OTHER-KEY", 0), 0, Step.OPENING)
        if self.trust is not None and not self.trust.allows(opening["recorder_key"], opening["run"], opening["tenant"]):
            self.report.add(Fault("V-UNTRUSTED", 0), 0, Step.OPENING)


def _frames_fault(header: Signed, frames: list[Framed]) -> str | None:
    """Frames against their header: number and bytes, then root."""
    size = sum(len(framed.frame) for framed in frames)
    if len(frames) != header.fields["records"] or size != header.fields["frame_bytes"]:
        return "V-FRAMES"
    if tree.root([framed.leaf() for framed in frames]) != header.fields["root"]:
        return "V-DIGEST"
    return None
