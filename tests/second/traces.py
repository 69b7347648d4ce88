"""Runs the verifier over the golden traces in fixtures/traces, and a COSE library over their signatures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from interop import pycose_accepts
from rederive_second import chain, ending, grammar, signed, trust
from rederive_second.__main__ import read_trace
from rederive_second.blocks import HEADER, SEAL
from rederive_second.chain import Links
from rederive_second.fault import Fault
from rederive_second.grammar import Grammar
from rederive_second.signed import Signed
from rederive_second.verify import Verifier

CHAIN_CODES = ("D-CHECKSUM",)
WRONG_LINEAGE = ("wrong-lineage", "wrong-lineage-hint", "closing-wrong-lineage-hint")
EQUIVOCATION = ("told-once", "told-otherwise")


def run(fixtures: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Checks every trace: its name, 1, and what does not agree."""
    rules = grammar.load()
    if not (fixtures / "traces/expected.json").exists():
        return
    expected = json.loads((fixtures / "traces/expected.json").read_text(encoding="utf-8"))
    named = {entry["path"] for entry in expected}
    for path in sorted((fixtures / "traces").rglob("*.rdt")):
        name = path.relative_to(fixtures / "traces").as_posix()
        if name not in named:
            yield f"traces/{name}", 1, ["not in expected.json"]
    for entry in expected:
        yield f"traces/{entry['path']}", 1, list(check_trace(rules, fixtures, entry))
    yield "traces, each with each", 1, list(check_equivocation(rules, fixtures / "traces"))


def check_equivocation(rules: Grammar, folder: Path) -> Iterator[str]:
    """Of the traces in `good` and `open`, one pair alone tells one run in two ways [equivocation]."""
    chains: dict[str, Links] = {}
    for path in sorted([*folder.glob("good/*.rdt"), *folder.glob("open/*.rdt")]):
        verifier = Verifier(rules, *read_trace(path))
        verifier.verify()
        chains[path.stem] = verifier.links
    pairs = combinations(chains, 2)
    found = {pair for pair in pairs if chain.equivocation(chains[pair[0]], chains[pair[1]]) is not None}
    if found != {EQUIVOCATION}:
        yield f"{sorted(found)}, not {EQUIVOCATION} alone"


def check_trace(rules: Grammar, fixtures: Path, entry: dict[str, Any]) -> Iterator[str]:
    """One trace: the verdict at integrity level, the chain of state checksums, every signature by pycose."""
    roots = trust.parse((fixtures / entry["trust"]).read_text(encoding="utf-8")) if entry["trust"] else None
    data, log = read_trace(fixtures / "traces" / entry["path"])
    met = Verifier(rules, data, log, roots).verify().as_json()
    wanted = entry["verdicts"]["integrity"]
    names = ["valid", "code", "complete"] + ["gaps", "records"] * (wanted["valid"] == "reproduced")
    for name in names:
        if met[name] != wanted[name]:
            yield f"{name} {met[name]}, not {wanted[name]}"
    place = wanted["at"] or {}
    if any((met["at"] or {}).get(part) != place[part] for part in place):
        yield f"at {met['at']}, not {place}"
    if wanted["valid"] == "reproduced":
        yield from check_checksums(met["state_checksums"], entry["verdicts"]["state"])
        wrong = Path(entry["path"]).stem in WRONG_LINEAGE
        if wrong != bool(met["hints_ignored"]):
            yield f"hints ignored: {met['hints_ignored']}"
        yield from check_signatures(rules, data, log)


def check_checksums(met: str, state: dict[str, Any]) -> Iterator[str]:
    """The chain over recorded delta digests breaks exactly where the state level finds another checksum."""
    wanted = "differ" if state["code"] in CHAIN_CODES else "agree"
    if state["valid"] != "undecided" and met != wanted:
        yield f"state checksums {met}, not {wanted}"


def check_signatures(rules: Grammar, data: bytes, log: bytes | None) -> Iterator[str]:
    """A COSE library of another project accepts every signature of a sound trace, and none over a changed payload."""
    end = ending.find(data, log)
    blocks = [block for segment in end.segments for block in segment.blocks] + end.tail
    forms = [(kind, block.bytes(end.data)) for block in blocks for kind in WHAT if block.kind == kind]
    items = [signed.parse(rules, WHAT[kind], form) for kind, form in forms]
    if end.log is not None:
        items += [signed.parse(rules, "head", head) for head in end.log.heads]
    for item in items:
        try:
            item.verify(item.key)
        except Fault as fault:
            yield f"{item.what}: {fault}"
        if not pycose_accepts(item.data, item.key):
            yield f"pycose refuses the {item.what}"
        if pycose_accepts(edited(item), item.key):
            yield f"pycose accepts an edited {item.what}"


WHAT = {HEADER: "header", SEAL: "seal"}


def edited(item: Signed) -> bytes:
    """The same signed bytes with the last bit of the payload flipped."""
    at = item.data.rindex(item.payload) + len(item.payload) - 1
    return item.data[:at] + bytes([item.data[at] ^ 1]) + item.data[at + 1 :]
