"""Canonical bytes: the CBOR subset of SPEC.md section 2, read strictly and written shortest."""

from __future__ import annotations

from typing import NamedTuple

from .fault import Fault

MAX_DEPTH = 16
MAX_LIST = 4096

UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, OTHER = range(8)
FALSE, TRUE, NULL = 20, 21, 22

_ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_SMALLEST = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}


class Head(NamedTuple):
    """The head of an item: its major type, its argument, and where it starts."""

    major: int
    value: int
    at: int


class Reader:
    """Reads items from ``data[start:end]``; places count from ``start``.

    Where ``limit`` is given, an item that goes beyond so many bytes is over the
    limit of a frame, whether the bytes are there or not.
    """

    def __init__(self, data: bytes, start: int = 0, end: int | None = None, limit: int | None = None) -> None:
        self.data = data
        self.start = start
        self.pos = start
        self.end = len(data) if end is None else end
        self.over = "C-TRUNCATED"
        if limit is not None and self.end - start > limit:
            self.end = start + limit
            self.over = "C-FRAME-LENGTH"
        self.depth = 0

    def at(self) -> int:
        """The place of the next byte."""
        return self.pos - self.start

    def left(self) -> int:
        """Bytes not read yet."""
        return self.end - self.pos

    def head(self) -> Head:
        """Reads one head [cbor-subset] [cbor-shortest]."""
        at = self.at()
        if self.left() < 1:
            raise Fault(self.over, at)
        first = self.data[self.pos]
        major, info = first >> 5, first & 31
        if major == OTHER:
            return self._simple(info, at)
        if major in (NEGATIVE, TAG):
            raise Fault("C-NEGATIVE" if major == NEGATIVE else "C-TAGGED", at)
        if info > 27:
            raise Fault("C-INDEFINITE" if info == 31 else "C-SIMPLE", at)
        return Head(major, self._argument(info, at), at)

    def _simple(self, info: int, at: int) -> Head:
        if info in (FALSE, TRUE, NULL):
            self.pos += 1
            return Head(OTHER, info, at)
        if info == 31:
            raise Fault("C-INDEFINITE", at, "a break")
        raise Fault("C-FLOAT" if 25 <= info <= 27 else "C-SIMPLE", at)

    def _argument(self, info: int, at: int) -> int:
        if info < 24:
            self.pos += 1
            return info
        size = _ARGUMENT_BYTES[info]
        if self.left() < 1 + size:
            raise Fault(self.over, at)
        value = int.from_bytes(self.data[self.pos + 1 : self.pos + 1 + size], "big")
        if value < _SMALLEST[info]:
            raise Fault("C-LONG-FORM", at)
        self.pos += 1 + size
        return value

    def take(self, head: Head) -> bytes:
        """The bytes of a byte or text string whose head was read."""
        if head.value > self.left():
            raise Fault(self.over, head.at)
        taken = bytes(self.data[self.pos : self.pos + head.value])
        self.pos += head.value
        return taken

    def text(self, head: Head) -> str:
        """The characters of a text string whose head was read [cbor-utf8]."""
        try:
            return self.take(head).decode("utf-8")
        except UnicodeDecodeError:
            raise Fault("C-UTF8", head.at) from None

    def enter(self, head: Head) -> None:
        """Goes into an array or map whose head was read [limit-depth]."""
        if self.depth == MAX_DEPTH:
            raise Fault("C-DEPTH", head.at)
        fewest = head.value * (2 if head.major == MAP else 1)
        if fewest > self.left():
            raise Fault(self.over, head.at)
        self.depth += 1

    def leave(self) -> None:
        """Comes out of the array or map entered last."""
        self.depth -= 1

    def typed(self, major: int) -> Head:
        """Reads a head that must be of one major type."""
        head = self.head()
        if head.major != major:
            raise Fault("C-TYPE", head.at)
        return head

    def key(self, before: int) -> Head:
        """Reads a map key that must be greater than the one before [cbor-keys]."""
        head = self.typed(UINT)
        if head.value == before:
            raise Fault("C-KEY-REPEATED", head.at)
        if head.value < before:
            raise Fault("C-KEY-ORDER", head.at)
        return head

    def skip(self) -> None:
        """Reads one item of any type; arrays and maps bound the recursion by their depth."""
        head = self.head()
        if head.major == BYTES:
            self.take(head)
        elif head.major == TEXT:
            self.text(head)
        elif head.major == ARRAY:
            self.enter(head)
            for _ in range(head.value):
                self.skip()
            self.leave()
        elif head.major == MAP:
            self.enter(head)
            before = -1
            for _ in range(head.value):
                before = self.key(before).value
                self.skip()
            self.leave()

    def finish(self) -> None:
        """Nothing may follow [cbor-trailing]."""
        if self.left():
            raise Fault("C-TRAILING", self.at())


def check_item(data: bytes) -> None:
    """One item of any type in canonical bytes, and nothing behind it."""
    reader = Reader(data)
    reader.skip()
    reader.finish()


def head_bytes(major: int, value: int) -> bytes:
    """The shortest head of a major type and argument."""
    if value < 24:
        return bytes([major << 5 | value])
    for info, size in _ARGUMENT_BYTES.items():
        if value < 1 << (8 * size):
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError("an argument has at most 64 bits")


def encode(value: object) -> bytes:
    """Canonical bytes of Python values; dictionaries have unsigned numbers as keys.

    Negative numbers are written too: the algorithm of a COSE structure is one.
    """
    if value is None or isinstance(value, bool):
        return bytes([OTHER << 5 | (NULL if value is None else TRUE if value else FALSE)])
    if isinstance(value, int):
        return head_bytes(UINT, value) if value >= 0 else head_bytes(NEGATIVE, -1 - value)
    if isinstance(value, bytes):
        return head_bytes(BYTES, len(value)) + value
    if isinstance(value, str):
        text = value.encode("utf-8")
        return head_bytes(TEXT, len(text)) + text
    if isinstance(value, list):
        return head_bytes(ARRAY, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, dict):
        pairs = sorted(value.items())
        return head_bytes(MAP, len(pairs)) + b"".join(encode(k) + encode(v) for k, v in pairs)
    raise TypeError(f"no canonical bytes for {type(value).__name__}")
