"""Runs the verifier over the vectors in fixtures/vectors: each file's lines by the file's name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from interop import pycose_accepts
from rederive_second import cbor, digest, ending, frame, grammar, lineage, proofs, signed, state, tree, trust
from rederive_second.blocks import LINEAGE, SEAL
from rederive_second.fault import Fault
from rederive_second.grammar import Grammar, json_view

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
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
        record = grammar.record(reader)
        reader.finish()
        return record, tree.leaf(digest.padded(data))
    if form == "frame":
        framed = frame.read_frame(grammar, data)
        if len(framed.frame) < len(data):
            raise Fault("C-TRAILING", len(framed.frame))
        if framed.unknown_at is not None:
            raise Fault("C-UNKNOWN-KIND", framed.unknown_at)
        return framed.record, framed.leaf()
    raise ValueError(f"no form {form!r}")


def check_digests(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`03-digests`"""
    if vector["as"] == "key":
        yield from same("key", digest.key_of(vector["purpose"]), vector)
    else:
        yield from same("digest", digest.digest(vector["purpose"], bytes.fromhex(vector["hex"])), vector)


def check_trees(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`05-trees`"""
    yield from met(vector, lambda: tree_root(vector), "root")


def tree_root(vector: Vector) -> bytes:
    """The root over leaves, along a path, or over a selection."""
    n = vector["count"]
    if vector["as"] == "root":
        leaves = [tree.leaf(i.to_bytes(8, "little")) for i in range(n)]
        for index in {0, n // 2, n - 1}:
            if tree.root_of_path(leaves[index], index, n, tree.path(leaves, index)) != tree.root(leaves):
                raise ValueError("a path that does not lead to the root")
        return tree.root(leaves)
    if vector["as"] == "path":
        return tree.root_of_path(bytes.fromhex(vector["leaf"]), vector["index"], n, many(vector["siblings"]))
    return tree.root_of_selection(vector["indices"], many(vector["leaves"]), n, many(vector["lemmas"]))


def check_signed(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`06-signed`: form, fields, then signature; and what pycose says of the signature."""
    data, key = bytes.fromhex(vector["hex"]), bytes.fromhex(vector["key"])
    item = None

    def read() -> bytes:
        nonlocal item
        item = signed.parse(grammar, vector["as"], data)
        item.verify(key)
        return item.digest()

    yield from met(vector, read, "digest")
    if item is not None and "json" in vector and json_view(item.fields) != vector["json"]:
        yield "another JSON view"
    if "digest" in vector and not pycose_accepts(data, key):
        yield "pycose refuses it"


def check_contents(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`07-contents`"""
    data = bytes.fromhex(vector["hex"])
    if vector["as"] == "salt":
        yield from same("plain", digest.digest("content plain", data), vector)
        yield from same("salt", digest.salt_of(bytes.fromhex(vector["secret"]), data), vector)
    else:
        yield from same("commitment", digest.commitment(bytes.fromhex(vector["salt"]), data), vector)


def check_state(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`08-state`"""
    form = vector["as"]
    if form == "root":
        entries = {bytes.fromhex(key): bytes.fromhex(value) for key, value in vector["entries"]}
        yield from same("root", tree.state_root(entries), vector)
    elif form == "proof":
        yield from met(vector, lambda: state_path(vector))
    elif form == "delta":
        data = bytes.fromhex(vector["hex"])
        yield from same("digest", digest.digest("delta", data + bytes(vector["padded"] - len(data))), vector)
        list(state.changes(data + bytes(vector["padded"] - len(data))))
    else:
        running = digest.Checksum(bytes.fromhex(vector["start"]))
        for delta in many(vector["deltas"]):
            running.add(delta)
        yield from same("checksum", running.now(), vector)


def state_path(vector: Vector) -> None:
    """A state proof under a given root."""
    value, other = vector.get("value"), vector.get("other")
    proofs.check_state_path(
        bytes.fromhex(vector["key"]),
        bytes.fromhex(value) if value is not None else None,
        (bytes.fromhex(other["key"]), bytes.fromhex(other["value"])) if other else None,
        many(vector["siblings"]),
        bytes.fromhex(vector["root"]),
    )


def check_lineage(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`09-lineage`"""
    page = bytes.fromhex(vector["hex"])
    try:
        marks = lineage.marks(grammar, page)
    except ValueError as error:
        if not vector.get("refused"):
            yield str(error)
        return
    if vector.get("refused"):
        yield "taken, not refused"
    elif marks != vector["marks"]:
        yield "other marks"
    else:
        yield from same("digest", lineage.page_digest(page), vector)


def check_answers(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`10-rules`: this verifier has no machine; the trace states each answer, and its delta has the right form and digest."""
    delta = delta_of(vector)
    list(state.changes(delta))
    yield from same("digest", digest.digest("delta", delta), vector)
    opened = answers(grammar, vector["trace"])
    stated = json_view(opened.records[vector["record"]]["derived"])
    if [stated["outcome"], stated["breaches"], stated["delta"]] != [vector["outcome"], vector["breaches"], vector["digest"]]:
        yield f"the trace states {stated}"
    if opened.page[4 * vector["record"] :][:4].hex() != vector["mark"]:
        yield "the trace's lineage page has another mark"


def delta_of(vector: Vector) -> bytes:
    """A vector's delta with the zeros behind it."""
    data = bytes.fromhex(vector["delta"])
    return data + bytes(vector["padded"] - len(data))


def check_states(grammar: Grammar, lines: list[Vector]) -> Iterator[str]:
    """The deltas of all records of a trace, one after the other, give the state root that its seal states."""
    states: dict[str, dict[bytes, bytes]] = {}
    counts: dict[str, int] = {}
    for vector in lines:
        if vector["record"] != counts.get(vector["trace"], 0):
            yield f"{vector['name']}: a record is left out before it"
        counts[vector["trace"]] = vector["record"] + 1
        state.apply(states.setdefault(vector["trace"], {}), delta_of(vector))
    for trace, entries in states.items():
        opened = answers(grammar, trace)
        if counts[trace] != len(opened.records):
            yield f"{trace}: {counts[trace]} answers to {len(opened.records)} records"
        elif tree.state_root(entries) != opened.state_root:
            yield f"{trace}: the deltas give another state root than the seal states"


class Answers(NamedTuple):
    """What a sealed golden trace states: its records, their marks, and the state root at the end."""

    records: list[dict[str, Any]]
    page: bytes
    state_root: bytes


@cache
def answers(rules: Grammar, trace: str) -> Answers:
    """Reads a sealed golden trace."""
    data = (FIXTURES / trace).read_bytes()
    end = ending.find(data, None)
    records: list[dict[str, Any]] = []
    page = b""
    for segment in end.segments:
        frames = segment.frames.bytes(data)
        places: list[tuple[int, int]] = []
        frame.split(rules, frames, places)
        records += [read.record for at, to in places if (read := frame.read_frame(rules, frames, at, to)).record]
        page += b"".join(block.bytes(data) for block in segment.blocks if block.kind == LINEAGE)
    seal = next(block.bytes(data) for block in end.tail if block.kind == SEAL)
    return Answers(records, page, signed.parse(rules, "seal", seal).fields["state_root"])


def check_file_bytes(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`11-trace-file`"""
    log = bytes.fromhex(vector["log"]) if "log" in vector else None
    yield from met(vector, lambda: ending.check_all(bytes.fromhex(vector["hex"]), log))


def check_trust(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`12-trust-roots`"""
    try:
        roots = trust.parse(vector["roots"])
    except ValueError as error:
        if not vector.get("refused"):
            yield str(error)
        return
    if vector.get("refused"):
        yield "taken, not refused"
        return
    key, run = bytes.fromhex(vector["key"]), bytes.fromhex(vector["run"])
    if roots.allows(key, run, vector["tenant"], vector["role"]) != vector["allowed"]:
        yield f"not {vector['allowed']}"


def check_proofs(grammar: Grammar, vector: Vector) -> Iterator[str]:
    """`14-proofs`"""
    trusted = trust.TrustRoots((trust.TrustedKey(bytes.fromhex(vector["key"]), "recorder", None, None, None),))
    data = bytes.fromhex(vector["hex"])
    check = proofs.check_inclusion if vector["as"] == "inclusion" else proofs.check_state
    yield from met(vector, lambda: check(grammar, data, trusted))


def many(digests: list[str]) -> list[bytes]:
    """Byte strings from their digits."""
    return [bytes.fromhex(digits) for digits in digests]


def same(member: str, value: bytes, vector: Vector) -> Iterator[str]:
    """A member of the vector has this value."""
    if value.hex() != vector[member]:
        yield f"{member} {value.hex()}, not {vector[member]}"


def met(vector: Vector, read: Callable[[], Any], member: str | None = None) -> Iterator[str]:
    """Reading gives the vector's member, or meets its code."""
    try:
        value = read()
    except Fault as fault:
        if fault.code != vector.get("code"):
            yield f"met {fault}, not {vector.get('code')}"
        return
    if "code" in vector:
        yield f"taken, not refused with {vector['code']}"
    elif member is not None:
        yield from same(member, value, vector)


CHECKS: dict[str, Check] = {
    "cbor/canonical-bytes": check_bytes,
    "cbor/frames": check_bytes,
    "cbor/records": check_bytes,
    "03-digests": check_digests,
    "05-trees": check_trees,
    "06-signed": check_signed,
    "07-contents": check_contents,
    "08-state": check_state,
    "09-lineage": check_lineage,
    "10-rules": check_answers,
    "11-trace-file": check_file_bytes,
    "12-trust-roots": check_trust,
    "14-proofs": check_proofs,
}


WHOLE: dict[str, Callable[[Grammar, list[Vector]], Iterator[str]]] = {"10-rules": check_states}


def run(folder: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Checks every file: its name, the number of its vectors, and what does not agree."""
    rules = grammar.load()
    for path in sorted(folder.rglob("*.jsonl")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        check = CHECKS.get(name)
        if check is None:
            yield name, 0, ["a file of vectors that this verifier does not know"]
            continue
        count, wrong = check_file(rules, check, path)
        if name in WHOLE:
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            wrong += WHOLE[name](rules, lines)
        yield name, count, wrong


def check_file(rules: Grammar, check: Check, path: Path) -> tuple[int, list[str]]:
    """Checks every line of a file."""
    wrong: list[str] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        vector = json.loads(line)
        try:
            wrong += [f"{vector['name']}: {what}" for what in check(rules, vector)]
        except (Fault, KeyError, TypeError, ValueError) as error:
            wrong.append(f"{vector['name']}: {error!r}")
    return len(lines), wrong if lines else ["no vectors"]
