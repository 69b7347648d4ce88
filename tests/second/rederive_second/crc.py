"""Check words of blocks (SPEC.md section 11.2): CRC-64/NVME."""

POLYNOMIAL = 0x9A6C9329AC4BC9B5
ONES = 2**64 - 1


def _shifted(register: int) -> int:
    """The register after the eight bits of one byte."""
    for _ in range(8):
        register = register >> 1 ^ (POLYNOMIAL if register & 1 else 0)
    return register


TABLE = [_shifted(byte) for byte in range(256)]


def crc64(data: bytes) -> int:
    """The check word over these bytes [archive-check-word]."""
    register = ONES
    for byte in data:
        register = register >> 8 ^ TABLE[(register ^ byte) & 0xFF]
    return register ^ ONES
