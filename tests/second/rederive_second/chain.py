"""The chain of signed headers, its last signature, and the seal over it (SPEC.md sections 6 and 12.2)."""

from __future__ import annotations

from dataclasses import dataclass

from . import tree
from .digest import ZERO
from .fault import Fault
from .signed import Signed


@dataclass
class Links:
    """Headers in order, each with its place in the file, and what the last of them leaves to the next."""

    headers: list[tuple[int, Signed]]

    @property
    def records(self) -> int:
        """Records in all segments."""
        return sum(header.fields["records"] for _, header in self.headers)

    @property
    def last(self) -> bytes:
        """The digest of the last signed header; zeros without one."""
        return self.headers[-1][1].digest() if self.headers else ZERO

    @property
    def run(self) -> bytes | None:
        """The run that the first header names."""
        return self.headers[0][1].fields["run"] if self.headers else None

    def signer(self) -> bytes | None:
        """The key that signs what follows the last header."""
        if not self.headers:
            return None
        last = self.headers[-1][1]
        return last.fields.get("next_key") or last.key


def check_headers(links: Links) -> list[Fault]:
    """Faults of the chain [header-chain] and of the keys along it [header-key] [key-change]."""
    faults: list[Fault] = []
    before = Links([])
    for number, (at, header) in enumerate(links.headers):
        faults += _linked(before, number, at, header)
        if "next_key" in header.fields:
            faults += _signature(header, header.key, at)
        before.headers.append((at, header))
    return faults


def _linked(before: Links, number: int, at: int, header: Signed) -> list[Fault]:
    """What a header must have in common with the chain before it."""
    fields = header.fields
    if number and fields["run"] != before.run:
        return [Fault("V-OTHER-RUN", at)]
    if fields["segment"] != number or fields["first"] != before.records:
        return [Fault("V-NUMBER", at)]
    if fields["previous"] != before.last:
        return [Fault("V-DIGEST", at)]
    if number and header.key != before.signer():
        return [Fault("V-OTHER-KEY", at)]
    return []


def check_seal(links: Links, at: int, seal: Signed) -> list[Fault]:
    """Faults of the seal against the headers that it covers [seal-covers]."""
    fields = seal.fields
    if fields["run"] != links.run:
        return [Fault("V-OTHER-RUN", at)]
    if fields["segments"] != len(links.headers) or fields["records"] != links.records:
        return [Fault("V-NUMBER", at)]
    digests = [header.digest() for _, header in links.headers]
    if fields["last"] != digests[-1] or fields["header_root"] != tree.root(digests):
        return [Fault("V-DIGEST", at)]
    if seal.key != links.signer():
        return [Fault("V-OTHER-KEY", at)]
    return _signature(seal, seal.key, at)


def check_last_header(links: Links) -> list[Fault]:
    """The last header's signature, which is the last one where there is no seal."""
    if not links.headers:
        return []
    at, last = links.headers[-1]
    return _signature(last, last.key, at)


def check_head(links: Links, at: int, head: Signed, run: bytes, segment: int, leaves: list[bytes], key: bytes | None) -> list[Fault]:
    """Faults of the open segment's head over the records that it counts."""
    fields = head.fields
    if fields["run"] != run:
        return [Fault("V-OTHER-RUN", at)]
    if fields["segment"] != segment or fields["records"] != len(leaves):
        return [Fault("V-NUMBER", at)]
    if fields["previous"] != links.last or fields["root"] != tree.root(leaves):
        return [Fault("V-DIGEST", at)]
    if key is not None and head.key != key:
        return [Fault("V-OTHER-KEY", at)]
    return _signature(head, head.key, at)


def _signature(signed: Signed, key: bytes, at: int) -> list[Fault]:
    try:
        signed.verify(key)
    except Fault as fault:
        return [Fault(fault.code, at)]
    return []
