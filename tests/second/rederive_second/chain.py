"""The chain of signed headers, its last signature, and the seal over it (SPEC.md sections 6 and 12.2)."""

from __future__ import annotations

from dataclasses import dataclass

from . import tree
from .digest import ZERO
from .fault import Fault
from .signed import Signed


@dataclass
class Links:
    """The headers read so far, in order, and what they leave to the next."""

    headers: list[Signed]
    records: int = 0
    seal: Signed | None = None

    def append(self, header: Signed) -> None:
        """Takes the next header."""
        self.headers.append(header)
        self.records += header.fields["records"]

    @property
    def last(self) -> bytes:
        """The digest of the last signed header; zeros without one."""
        return self.headers[-1].digest() if self.headers else ZERO

    @property
    def run(self) -> bytes | None:
        """The run that the first header names."""
        return self.headers[0].fields["run"] if self.headers else None

    def signer(self) -> bytes | None:
        """The key that signs what follows the last header."""
        if not self.headers:
            return None
        return self.headers[-1].fields.get("next_key") or self.headers[-1].key

    def recovered(self) -> int:
        """Records that the headers mark as recovered."""
        return sum(count for header in self.headers for _, count in header.fields.get("recovered", []))


def header_faults(before: Links, header: Signed) -> list[str]:
    """Codes of what keeps a header from following the chain [header-chain] [header-key] [key-change]."""
    faults = [code for code in (_linked(before, header),) if code]
    if "next_key" in header.fields and (code := signature_fault(header)):
        faults.append(code)
    return faults


def _linked(before: Links, header: Signed) -> str | None:
    number, fields = len(before.headers), header.fields
    if number and fields["run"] != before.run:
        return "V-OTHER-RUN"
    if fields["segment"] != number or fields["first"] != before.records:
        return "V-NUMBER"
    if fields["previous"] != before.last:
        return "V-DIGEST"
    if number and header.key != before.signer():
        return "V-OTHER-KEY"
    return None


def seal_fault(links: Links, seal: Signed) -> str | None:
    """Code of what is wrong with the seal of these headers [seal-covers]."""
    fields = seal.fields
    if fields["run"] != links.run:
        return "V-OTHER-RUN"
    if fields["segments"] != len(links.headers) or fields["records"] != links.records:
        return "V-NUMBER"
    digests = [header.digest() for header in links.headers]
    if fields["last"] != digests[-1] or fields["header_root"] != tree.root(digests):
        return "V-DIGEST"
    if seal.key != links.signer():
        return "V-OTHER-KEY"
    return signature_fault(seal)


def head_fault(links: Links, head: Signed, segment: int, leaves: list[bytes]) -> str | None:
    """Code of what is wrong with the open segment's head over the first records of the log, as many as it counts."""
    fields = head.fields
    if links.headers and fields["run"] != links.run:
        return "V-OTHER-RUN"
    if fields["segment"] != segment:
        return "V-NUMBER"
    if fields["previous"] != links.last:
        return "V-DIGEST"
    if links.headers and head.key != links.signer():
        return "V-OTHER-KEY"
    if code := signature_fault(head):
        return code
    if fields["records"] > len(leaves):
        return "V-FRAMES"
    return "V-DIGEST" if fields["root"] != tree.root(leaves[: fields["records"]]) else None


def equivocation(one: Links, other: Links) -> int | None:
    """The first segment that two chains of one run tell otherwise: another header, or a seal before or beside the other's [equivocation]."""
    if one.run != other.run:
        return None
    pairs = zip(one.headers, other.headers)
    found = next((number for number, (a, b) in enumerate(pairs) if a.data != b.data), None)
    if found is not None:
        return found
    if one.seal is not None and other.seal is not None and one.seal.data != other.seal.data:
        return min(len(one.headers), len(other.headers))
    ended, longer = sorted((one, other), key=lambda links: len(links.headers))
    return len(ended.headers) if ended.seal is not None and len(longer.headers) > len(ended.headers) else None


def signature_fault(signed: Signed) -> str | None:
    """Code of a signature that does not hold under the key that its own protected header names."""
    try:
        signed.verify(signed.key)
    except Fault as fault:
        return fault.code
    return None
