"""Headers, heads and seals: COSE_Sign1 in its one form (SPEC.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import ed25519
from .cbor import ARRAY, BYTES, MAP, Reader, encode
from .digest import ZERO, digest
from .fault import Fault
from .grammar import Grammar

MAX_SIGNED = 4096
MAX_RECORDS = 4096
MAX_SEGMENT_BYTES = 1_048_576
MAX_FRAME = 65_536
MAX_SEGMENTS = 1 << 32
TAG_18 = 0xD2
CONTENT_TYPE = "application/vnd.rederive.{}+cbor"
WHAT = ("header", "head", "seal")


@dataclass(frozen=True)
class Signed:
    """A parsed header, head or seal. Its signature is not verified yet."""

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
    """Parses a header, head or seal [signed-form] [limit-signed] and checks that it is possible."""
    if len(data) > MAX_SIGNED:
        raise Fault("S-SIZE", 0)
    protected, payload, payload_at, signature = _sign1(data)
    key = _key_of(what, protected)
    fields = _payload(grammar, what, payload, payload_at)
    signed = Signed(what, data, protected, payload, signature, key, fields)
    POSSIBLE[what](fields)
    return signed


def _sign1(data: bytes) -> tuple[bytes, bytes, int, bytes]:
    """Protected header, payload, its place, and signature."""
    if not data or data[0] != TAG_18:
        raise Fault("S-SIGN1", 0)
    reader = Reader(data, 1)
    try:
        array = reader.typed(ARRAY)
        if array.value != 4:
            raise Fault("S-SIGN1", 1)
        protected = reader.take(reader.typed(BYTES))
        unprotected = reader.typed(MAP)
        if unprotected.value:
            raise Fault("S-UNPROTECTED", 1 + unprotected.at)
        payload = reader.take(reader.typed(BYTES))
        payload_at = reader.pos - len(payload)
        signature = reader.take(reader.typed(BYTES))
        reader.finish()
    except Fault as fault:
        raise fault if fault.code.startswith("S-") else Fault("S-SIGN1", 1 + fault.at) from None
    if len(signature) != 64:
        raise Fault("S-SIGN1", reader.pos - len(signature))
    return protected, payload, payload_at, signature


def protected_bytes(content_type: str, key: bytes) -> bytes:
    """The protected header in its one form."""
    return encode({1: -8, 3: content_type, 4: key})


def _key_of(what: str, protected: bytes) -> bytes:
    key = protected[-32:]
    for other in WHAT:
        if protected == protected_bytes(CONTENT_TYPE.format(other), key):
            if other != what:
                raise Fault("S-CONTENT-TYPE", 0)
            return key
    raise Fault(_protected_fault(protected), 0)


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
        return grammar.decode(what, payload)
    except Fault as fault:
        code = "S-VERSION" if fault.code == "VERSION" else fault.code
        raise Fault(code, at + fault.at) from None


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
