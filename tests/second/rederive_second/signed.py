"""Headers, heads, seals, receipts and approvers' words: COSE_Sign1 in its one form (SPEC.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import ed25519
from .cbor import ARRAY, BYTES, MAP, UINT, Reader, encode
from .digest import ZERO, digest
from .fault import Fault
from .grammar import Grammar

MAX_SIGNED = 4096
MAX_PROTECTED = 256
MAX_RECEIPT = 66_560
MAX_RECORDS = 4096
MAX_SEGMENT_BYTES = 1_048_576
MAX_FRAME = 65_536
MAX_SEGMENTS = 1 << 32
TAG_18 = b"\xd2"
CONTENT_TYPE = "application/vnd.rederive.{}+cbor"
WHAT = {
    "header": "header",
    "head": "head",
    "seal": "seal",
    "receipt": "receipt",
    "approver-statement": "approval",
}
"""The rule of each payload, and what its content type calls it."""


@dataclass(frozen=True)
class Signed:
    """A parsed payload of one of these. Its signature is not verified yet."""

    what: str
    data: bytes
    protected: bytes
    payload: bytes
    signature: bytes
    key: bytes
    fields: dict[str, Any]

    def digest(self) -> bytes:
        """The `header` digest of the whole signed bytes."""
        return digest("header", self.data)

    def message(self) -> bytes:
        """What is signed: the Sig_structure of RFC 9052 section 4.4, with empty external_aad."""
        return encode(["Signature1", self.protected, b"", self.payload])

    def verify(self, key: bytes) -> None:
        """The signature holds under ``key`` [signed-strict]."""
        ed25519.verify(key, self.signature, self.message())


def parse(grammar: Grammar, what: str, data: bytes) -> Signed:
    """Parses what is signed [signed-form] [limit-signed] [limit-receipt] and checks that it is possible."""
    if len(data) > (MAX_RECEIPT if what == "receipt" else MAX_SIGNED):
        raise Fault("S-SIZE", 0)
    if data[:1] != TAG_18:
        raise Fault("S-SIGN1", 0)
    reader = Reader(data)
    reader.pos = len(TAG_18)
    array = reader.typed(ARRAY)
    reader.enter(array)
    if array.value != 4:
        raise Fault("S-SIGN1", array.at)
    head = reader.typed(BYTES)
    if head.value > MAX_PROTECTED:
        raise Fault("C-LIMIT", head.at)
    protected = reader.take(head)
    key = _key_of(what, protected, head.at)
    _unprotected(reader)
    payload = reader.take(reader.typed(BYTES))
    payload_at = reader.at() - len(payload)
    head = reader.typed(BYTES)
    if head.value != 64:
        raise Fault("C-LENGTH", head.at)
    signature = reader.take(head)
    reader.finish()
    fields = _payload(grammar, what, payload, payload_at)
    if what in POSSIBLE:
        POSSIBLE[what](fields)
    return Signed(what, data, protected, payload, signature, key, fields)


def _unprotected(reader: Reader) -> None:
    """The unprotected header: a map without entries."""
    head = reader.typed(MAP)
    reader.enter(head)
    if head.value:
        reader.key(-1)
        raise Fault("S-UNPROTECTED", head.at)


def protected_bytes(content_type: str, key: bytes) -> bytes:
    """The protected header in its one form."""
    return encode({1: -8, 3: content_type, 4: key})


def _key_of(what: str, protected: bytes, at: int) -> bytes:
    key = protected[-32:]
    for other in WHAT:
        if protected == protected_bytes(CONTENT_TYPE.format(WHAT[other]), key):
            if other != what:
                raise Fault("S-CONTENT-TYPE", at)
            return key
    raise Fault(_protected_fault(protected), at)


def _protected_fault(protected: bytes) -> str:
    """Another content type where only that differs; else another form."""
    reader = Reader(protected)
    try:
        if protected[:4] == bytes.fromhex("a3012703"):
            reader.pos += 4
            content_type = reader.text(reader.head())
            if protected == protected_bytes(content_type, protected[-32:]):
                return "S-CONTENT-TYPE"
    except Fault:
        pass
    return "S-PROTECTED"


def _payload(grammar: Grammar, what: str, payload: bytes, at: int) -> dict[str, Any]:
    try:
        check_version(payload, "S-VERSION")
        return grammar.decode(what, payload)
    except Fault as fault:
        raise Fault(fault.code, at + fault.at) from None


def check_version(payload: bytes, code: str) -> None:
    """The version is key 0, and is looked at before all else: what follows is of the version that it names."""
    reader = Reader(payload)
    head = reader.typed(MAP)
    reader.enter(head)
    if head.value == 0 or reader.key(-1).value != 0:
        raise Fault("C-KEY-MISSING", head.at)
    version = reader.typed(UINT)
    if version.value != 1:
        raise Fault(code, version.at)


def _header_possible(fields: dict[str, Any]) -> None:
    """[header-possible]"""
    n, size, first, segment = (fields[name] for name in ("records", "frame_bytes", "first", "segment"))
    if not 1 <= n <= MAX_RECORDS:
        raise Fault("S-RECORDS", 0)
    if size % 64 or not 64 * n <= size <= min(MAX_SEGMENT_BYTES, MAX_FRAME * n):
        raise Fault("S-FRAME-BYTES", 0)
    if not segment <= first <= MAX_RECORDS * segment:
        raise Fault("S-FIRST", 0)
    _previous_possible(fields)
    recovered = fields.get("recovered")
    if recovered is not None:
        if not recovered or recovered[0][0] < first or sum(recovered[-1]) > first + n:
            raise Fault("S-RECOVERED", 0)


def _previous_possible(fields: dict[str, Any]) -> None:
    if (fields["previous"] == ZERO) != (fields["segment"] == 0):
        raise Fault("S-PREVIOUS", 0)


def _head_possible(fields: dict[str, Any]) -> None:
    """[header-possible], of what a head has."""
    if not 1 <= fields["records"] <= MAX_RECORDS:
        raise Fault("S-RECORDS", 0)
    _previous_possible(fields)


def _seal_possible(fields: dict[str, Any]) -> None:
    """[seal-possible]"""
    segments, records = fields["segments"], fields["records"]
    if not 1 <= segments <= MAX_SEGMENTS:
        raise Fault("S-SEGMENTS", 0)
    if not segments <= records <= MAX_RECORDS * segments:
        raise Fault("S-SEALED-RECORDS", 0)
    if segments == 1 and fields["header_root"] != fields["last"]:
        raise Fault("S-HEADER-ROOT", 0)


POSSIBLE = {"header": _header_possible, "head": _head_possible, "seal": _seal_possible}
