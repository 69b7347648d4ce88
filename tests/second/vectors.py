"""Runs the verifier over the vectors in fixtures/vectors: each file's lines by the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rederive_second import cbor, digest, frame, grammar
from rederive_second.fault import Fault
from rederive_second.grammar import Grammar, json_view

Vector = dict[str, Any]
Check = Callable[[Grammar, Vector], Iterator[str]]


def fault_of(vector: Vector) -> tuple[str, int] | None:
    """The code and place that a bad vector must be refused with; ``None`` of a good one."""
    return (vector["code"], vector["at"]) if "code" in vector else None


def check_bytes(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`cbor/*`: items, records and frames."""
    data = bytes.fromhex(vector["hex"]) + bytes(vector.get("zeros", 0))
    met: tuple[str, int] | None = None
    record, leaf = None, b""
    try:
        record, leaf = read_bytes(grammar, vector["as"], data)
    except Fault as fault:
        met = (fault.code, fault.at)
    if met != fault_of(vector):
        yield f"met {met}, not {fault_of(vector)}"
    if "leaf" in vector and leaf.hex() != vector["leaf"]:
        yield f"leaf {leaf.hex()}"
    if "json" in vector and json_view(record) != vector["json"]:
        yield "another JSON view"


def read_bytes(grammar: Grammar, form: str, data: bytes) -> tuple[Any, bytes]:
    """Reads bytes as an item, a record or a frame, behind which nothing may follow; answers the leaf too."""
    if form == "item":
        cbor.check_item(data)
        return None, b""
    if form == "record":
        reader = cbor.Reader(data, limit=frame.MAX_FRAME)
        record, unknown_at = grammar.record(reader)
        reader.finish()
        leaf = digest.digest("leaf", digest.padded(data))
    elif form == "frame":
        framed = frame.read_frame(grammar, data)
        if len(framed.frame) < len(data):
            raise Fault("C-TRAILING", len(framed.frame))
        record, unknown_at, leaf = framed.record, framed.unknown_at, framed.leaf()
    else:
        raise ValueError(f"no form {form!r}")
    if unknown_at is not None:
        raise Fault("C-UNKNOWN-KIND", unknown_at)
    return record, leaf


CHECKS: dict[str, Check] = {
    "cbor/canonical-bytes": check_bytes,
    "cbor/frames": check_bytes,
    "cbor/records": check_bytes,
}


def run(folder: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Checks every file: its name, the number of its vectors, and what does not agree."""
    rules = grammar.load()
    for path in sorted(folder.rglob("*.jsonl")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        check = CHECKS.get(name)
        if check is None:
            yield name, 0, ["a file of vectors that this verifier does not know"]
            continue
        yield name, *check_file(rules, check, path)


def check_file(rules: Grammar, check: Check, path: Path) -> tuple[int, list[str]]:
    """Checks every line of a file."""
    wrong: list[str] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        vector = json.loads(line)
        try:
            wrong += [f"{vector['name']}: {what}" for what in check(rules, vector)]
        except Fault as fault:
            wrong.append(f"{vector['name']}: {fault}")
    return len(lines), wrong if lines else ["no vectors"]
