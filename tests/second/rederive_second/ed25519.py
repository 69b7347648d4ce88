"""Ed25519, strictly [signed-strict]: RFC 8032 with canonical points and S, and no point of small order."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .fault import Fault

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493


def _is_point(encoded: bytes) -> bool:
    """Whether 32 bytes decode to a point of the curve (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(encoded, "little") & (1 << 255) - 1
    sign = encoded[31] >> 7
    if y >= P:
        return False
    numerator, denominator = (y * y - 1) % P, (D * y * y + 1) % P
    square = numerator * pow(denominator, -1, P) % P
    if square == 0:
        return sign == 0
    return pow(square, (P - 1) // 2, P) == 1


def _is_small_order(encoded: bytes) -> bool:
    """Whether a point has an order that divides 8: y is 0, 1, -1, or that of a point of order 8.

    Doubling a point gives y 0 exactly where x^2 = -y^2, which the curve turns into d*y^4 + 2*y^2 - 1 = 0.
    """
    y = int.from_bytes(encoded, "little") & (1 << 255) - 1
    return y in (0, 1, P - 1) or (D * pow(y, 4, P) + 2 * y * y - 1) % P == 0


def verify(key: bytes, signature: bytes, message: bytes, at: int = 0) -> None:
    """The signature holds over the message under the key."""
    if not _is_point(key):
        raise Fault("F-KEY", at)
    if _is_small_order(key) or _is_small_order(signature[:32]):
        raise Fault("F-SIGNATURE", at)
    if int.from_bytes(signature[32:], "little") >= ORDER or not _is_point(signature[:32]):
        raise Fault("F-SIGNATURE", at)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        raise Fault("F-SIGNATURE", at) from None
