"""What pycose, a COSE library of another project, says of the signatures here."""

from __future__ import annotations

from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import Sign1Message


def pycose_accepts(data: bytes, key: bytes) -> bool:
    """Whether pycose verifies a COSE_Sign1 under a key."""
    message = Sign1Message.decode(data)
    message.key = OKPKey(crv=Ed25519, x=key)
    return bool(message.verify_signature())
