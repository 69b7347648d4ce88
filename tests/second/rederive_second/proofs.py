"""Proofs: that records are in a sealed run, and that a state entry is there or is not (SPEC.md section 14)."""

from __future__ import annotations

from typing import Any

from . import signed, tree
from .digest import commitment, digest
from .fault import Fault
from .frame import read_frame
from .grammar import Grammar
from .signed import Signed, check_version
from .trust import TrustRoots

MAX_PROOF = 270_532_608
MAX_STATE_PROOF = 2_162_688
MAX_STATE_SIBLINGS = 256


def check_inclusion(grammar: Grammar, data: bytes, trust: TrustRoots, tenant: str | None = None) -> list[dict[str, Any]]:
    """Checks an inclusion proof with nothing but trust roots [proof-check]; answers the records that it shows."""
    proof = _parse(grammar, "inclusion-proof", data, MAX_PROOF)
    seal = _sealed(grammar, proof["seal"], trust, tenant)
    header = signed.parse(grammar, "header", proof["header"])
    if header.fields["run"] != seal.fields["run"]:
        raise Fault("P-RUN", 0)
    number, segments = header.fields["segment"], seal.fields["segments"]
    if tree.root_of_path(header.digest(), number, segments, proof["header_siblings"]) != seal.fields["header_root"]:
        raise Fault("P-HEADER-ROOT", 0)
    leaves = [tree.leaf(shown["frame"]) for shown in proof["records"]]
    indices = [shown["index"] for shown in proof["records"]]
    if tree.root_of_selection(indices, leaves, header.fields["records"], proof["lemmas"]) != header.fields["root"]:
        raise Fault("P-RECORD-ROOT", 0)
    records = [_shown(grammar, shown, header) for shown in proof["records"]]
    _disclosed(proof["disclosed"], records)
    return records


def check_state(grammar: Grammar, data: bytes, trust: TrustRoots, tenant: str | None = None) -> bytes | None:
    """Checks a state proof [state-proof-check]; answers the value, or ``None`` where the entry is not there."""
    proof = _parse(grammar, "sealed-state-proof", data, MAX_STATE_PROOF)
    seal = _sealed(grammar, proof["seal"], trust, tenant)
    other = proof.get("other")
    entry = (other["key"], other["value"]) if other else None
    check_state_path(proof["key"], proof.get("value"), entry, proof["siblings"], seal.fields["state_root"])
    return proof.get("value")


def check_state_path(key: bytes, value: bytes | None, other: tuple[bytes, bytes] | None, siblings: list[bytes], root: bytes) -> None:
    """A state proof under a known root [state-proof]."""
    if value is not None and other is not None:
        raise Fault("P-STATE-END", 0)
    if len(siblings) > MAX_STATE_SIBLINGS:
        raise Fault("P-STATE-DEPTH", 0)
    at = digest("state key", key)
    if other is not None and (other[0] == at or tree.common_bits(other[0], at) < len(siblings)):
        raise Fault("P-STATE-OTHER", 0)
    if tree.state_proof_root(key, value, other, siblings) != root:
        raise Fault("P-STATE-ROOT", 0)


def _parse(grammar: Grammar, form: str, data: bytes, limit: int) -> dict[str, Any]:
    if len(data) > limit:
        raise Fault("P-SIZE", 0)
    check_version(data, "P-VERSION")
    return grammar.decode(form, data)


def _sealed(grammar: Grammar, data: bytes, trust: TrustRoots, tenant: str | None) -> Signed:
    """The seal, signed by a key that the trust roots allow for its run."""
    seal = signed.parse(grammar, "seal", data)
    if not trust.allows(seal.key, seal.fields["run"], tenant):
        raise Fault("F-TRUST", 0)
    seal.verify(seal.key)
    return seal


def _shown(grammar: Grammar, shown: dict[str, Any], header: Signed) -> dict[str, Any]:
    """The record in a frame, at the place that its sequence number says."""
    framed = read_frame(grammar, shown["frame"])
    if len(framed.frame) != len(shown["frame"]):
        raise Fault("C-TRAILING", len(framed.frame))
    if framed.unknown_at is not None or framed.record is None:
        raise Fault("C-UNKNOWN-KIND", framed.unknown_at or 0)
    if framed.record["sequence"] != header.fields["first"] + shown["index"]:
        raise Fault("P-SEQUENCE", 0)
    return framed.record


def _disclosed(contents: list[dict[str, Any]], records: list[dict[str, Any]]) -> None:
    """Each content is listed by a record shown, with its length, and gives its commitment."""
    listed = {(entry["commitment"], entry["bytes"]) for record in records for entry in record["contents"]}
    for content in contents:
        if (content["commitment"], len(content["bytes"])) not in listed:
            raise Fault("P-UNLISTED", 0)
        if commitment(content["salt"], content["bytes"]) != content["commitment"]:
            raise Fault("P-COMMITMENT", 0)
