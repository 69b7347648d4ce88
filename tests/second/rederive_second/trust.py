"""Trust roots: the keys that a verifier is given (SPEC.md section 12.4)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class TrustedKey:
    """A key, and what it is trusted for."""

    key: bytes
    role: str
    tenant: str | None
    first_run: bytes | None
    last_run: bytes | None

    def allows(self, role: str, run: bytes, tenant: str | None) -> bool:
        """Whether the key may sign in this role for this run; without a tenant, only where it is for any."""
        return (
            self.role == role
            and (self.tenant is None or self.tenant == tenant)
            and (self.first_run is None or self.first_run <= run)
            and (self.last_run is None or run <= self.last_run)
        )


@dataclass(frozen=True)
class TrustRoots:
    """All keys of a trust-root file."""

    keys: tuple[TrustedKey, ...]

    def allows(self, key: bytes, run: bytes, tenant: str | None, role: str = "recorder") -> bool:
        """Whether any entry allows the key [trust-roots]."""
        return any(entry.key == key and entry.allows(role, run, tenant) for entry in self.keys)


def parse(text: str) -> TrustRoots:
    """Reads a trust-root file; ``ValueError`` where it is none."""
    whole = json.loads(text)
    if not isinstance(whole, dict) or set(whole) != {"rederive_trust", "keys"} or whole["rederive_trust"] != 1:
        raise ValueError("not a trust-root file of version 1")
    if not isinstance(whole["keys"], list) or not whole["keys"]:
        raise ValueError("a trust-root file that trusts nobody")
    return TrustRoots(tuple(_key(entry) for entry in whole["keys"]))


def _key(entry: object) -> TrustedKey:
    if not isinstance(entry, dict):
        raise ValueError("a trusted key is an object")
    if set(entry) - {"key", "role", "tenant", "first_run", "last_run"}:
        raise ValueError("a trusted key has a member that is not known")
    if None in entry.values():
        raise ValueError("a bound that is null is none")
    if entry.get("role") not in ("recorder", "gate", "approver"):
        raise ValueError("a trusted key without a known role")
    key = _hex(entry.get("key"), 32)
    if key is None:
        raise ValueError("a trusted key without its bytes")
    tenant = entry.get("tenant")
    if tenant is not None and not isinstance(tenant, str):
        raise ValueError("a tenant is text")
    return TrustedKey(key, str(entry["role"]), tenant, _hex(entry.get("first_run"), 16), _hex(entry.get("last_run"), 16))


def _hex(value: object, length: int) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch("[0-9a-fA-F]*", value) or len(value) != 2 * length:
        raise ValueError(f"not {length} bytes as hexadecimal digits")
    return bytes.fromhex(value)
