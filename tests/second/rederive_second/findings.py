"""What a verification finds, in the order in which the verdict takes it (SPEC.md section 12.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from .fault import Fault

FORGED = ("F-KEY", "F-SIGNATURE", "V-OTHER-KEY", "V-UNTRUSTED")
UNDECIDED = ("S-VERSION", "U-VERSION", "U-EMPTY", "U-NEVER-BEGUN")
DIVERGED = ("D-CONTENT-LENGTH",)
RANK = {"damaged": 0, "forged": 0, "diverged": 1, "undecided": 2}


class Step(IntEnum):
    """Steps of the verification of one segment, in order [verdict-order]; the file as a whole is before all."""

    FILE = -1
    HEADER = 0
    CONTENTS = 1
    FRAMES = 2
    RECORDS = 3
    LISTED = 4
    OPENING = 5
    LAST_SIGNATURE = 6
    SEAL = 7


@dataclass(frozen=True)
class Finding:
    """A fault and its place in the trace."""

    code: str
    segment: int
    step: Step
    byte: int
    record: int | None = None

    def valid(self) -> str:
        """The verdict that this fault alone leads to."""
        if self.code in FORGED:
            return "forged"
        if self.code in DIVERGED or self.step == Step.RECORDS:
            return "diverged"
        return "undecided" if self.code in UNDECIDED else "damaged"

    def order(self) -> tuple[int, int, int, int]:
        """What stands first is the verdict."""
        return (RANK[self.valid()], -1 if self.step == Step.FILE else self.segment, self.step, self.byte)

    def where(self) -> dict[str, int]:
        """The place as the JSON report names it."""
        place = {}
        if self.code.startswith("A-") or self.step in (Step.FRAMES, Step.RECORDS) and self.record is not None:
            place["byte"] = self.byte
        if self.segment >= 0 and (self.step != Step.SEAL or self.code.startswith("A-")):
            place["segment"] = self.segment
        if self.record is not None:
            place["record"] = self.record
        return place


@dataclass
class Report:
    """What is known of a trace at integrity level."""

    findings: list[Finding] = field(default_factory=list)
    run: bytes | None = None
    records: int = 0
    segments: int = 0
    sealed: bool = False
    ephemeral: bool = False
    cut: int = 0
    other_log: bytes | None = None
    recovered: int = 0
    redacted: int = 0
    unknown_kind: int | None = None
    checksums: str = "agree"  # or "differ", or "unknown" where the records cannot be read
    trust_given: bool = False
    hints_ignored: list[tuple[str, int]] = field(default_factory=list)

    def add(self, fault: Fault, segment: int, step: Step, byte: int | None = None, record: int | None = None) -> None:
        """Takes a fault; ``byte`` is its place in the file where the fault itself counts from elsewhere."""
        self.findings.append(Finding(fault.code, segment, step, fault.at if byte is None else byte, record))

    def first(self) -> Finding | None:
        """The fault that is the verdict."""
        return min(self.findings, key=Finding.order, default=None)

    def gaps(self) -> list[str]:
        """What is missing for `complete`, as far as integrity can tell [gaps]."""
        counted = [
            ("no-trust-root", not self.trust_given),
            ("unattested", self.ephemeral),
            ("unsealed", not self.sealed),
            (f"cut-tail {self.cut}", self.cut),
            (f"other-log {self.other_log.hex() if self.other_log else ''}", self.other_log),
            (f"recovered-tail {self.recovered}", self.recovered),
            (f"redacted {self.redacted}", self.redacted),
            (f"unknown-kind {self.unknown_kind}", self.unknown_kind is not None),
        ]
        return ["no-witness"] + [name for name, there in counted if there]

    def as_json(self) -> dict[str, Any]:
        """The report for people and programs."""
        first = self.first()
        return {
            "valid": first.valid() if first else "reproduced",
            "complete": False,
            "code": first.code if first else None,
            "at": first.where() if first else None,
            "gaps": self.gaps(),
            "run": self.run.hex() if self.run else None,
            "records": self.records,
            "segments": self.segments,
            "state_checksums": self.checksums,
            "hints_ignored": [{"code": code, "byte": byte} for code, byte in self.hints_ignored],
            "faults": [[finding.code, finding.where()] for finding in sorted(self.findings, key=Finding.order)],
        }
