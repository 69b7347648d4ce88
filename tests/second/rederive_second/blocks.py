"""Blocks of the trace file and entries of the open log (SPEC.md sections 11.1 to 11.3 and 11.8)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import zstandard

from .crc import crc64
from .fault import Fault

UNIT = 64
HEAD = 32
VERSION = 1
MIB_8 = 8_388_608
MIB_256 = 268_435_456
BITE = 1024
SEARCH = 64 * 1024 * 1024
FRAMES, CONTENTS, LINEAGE, SNAPSHOT, HEADER, INDEX, SEAL, TRAILER = range(1, 9)
OPENING, CONTENT, RECORD, OPEN_HEAD, CLOSING = range(17, 22)
HINTS = (LINEAGE, SNAPSHOT, INDEX)
PLAIN, ZSTD = 0, 1
ZSTD_MAGIC = bytes.fromhex("28b52ffd")


@dataclass(frozen=True)
class Allowed:
    """What a kind of block or entry may be."""

    least: int
    most: int
    multiple: int = 1
    packs: bool = True


BLOCK_KINDS = {
    FRAMES: Allowed(64, 1_048_576, 64),
    CONTENTS: Allowed(72, MIB_256 + 72),
    LINEAGE: Allowed(1, 16_384),
    SNAPSHOT: Allowed(1, MIB_256),
    HEADER: Allowed(1, 4096, packs=False),
    INDEX: Allowed(1, MIB_256),
    SEAL: Allowed(1, 4096, packs=False),
    TRAILER: Allowed(32, 32, packs=False),
}
ENTRY_KINDS = {
    OPENING: Allowed(48, 48),
    CONTENT: Allowed(72, MIB_256 + 72),
    RECORD: Allowed(64, 65_536, 64),
    OPEN_HEAD: Allowed(1, 4096),
    CLOSING: Allowed(9, 20_484),
}


@dataclass(frozen=True)
class Block:
    """The header of a block (or entry) whose form is right, and where it is. Its bytes are not checked yet."""

    kind: int
    codec: int
    segment: int
    stored: int
    unpacked: int
    check: int
    at: int

    @property
    def end(self) -> int:
        """Where the next block begins."""
        length = HEAD + self.stored
        return self.at + length + -length % UNIT

    def payload(self, data: bytes) -> bytes:
        """The stored payload, once check word and padding are found right."""
        start = self.at + HEAD
        stored = data[start : start + self.stored]
        blank = data[self.at : self.at + 24] + bytes(8)
        if crc64(blank + stored) != self.check:
            raise Fault("A-CHECK", self.at)
        if any(data[start + self.stored : self.end]):
            raise Fault("A-PADDING", self.at)
        return stored

    def bytes(self, data: bytes) -> bytes:
        """The unpacked payload, once everything about the block is found right."""
        stored = self.payload(data)
        return stored if self.codec == PLAIN else unpack(stored, self.unpacked, self.at)


def file_header(data: bytes, magic: bytes, wrong_magic: str) -> None:
    """Checks the 64 bytes that a trace file or open log begins with [archive-file-header]."""
    version = struct.pack("<H", VERSION)
    if data[:8] != magic[: len(data)]:
        raise Fault(wrong_magic, 0)
    if data[8:10] != version[: max(len(data) - 8, 0)]:
        raise Fault("U-VERSION", 0)
    if any(data[10:UNIT]):
        raise Fault("A-RESERVED", 0)
    if len(data) < UNIT:
        raise Fault("A-END", 0)


def unpack(stored: bytes, unpacked: int, at: int) -> bytes:
    """Exactly one zstd frame that states its content size, without dictionary [archive-block]."""
    try:
        frame = zstandard.get_frame_parameters(stored)
        if stored[:4] != ZSTD_MAGIC or frame.content_size != unpacked or frame.dict_id:
            raise Fault("A-UNPACK", at)
        if unpacked > MIB_8 and frame.window_size > MIB_8:
            raise Fault("A-UNPACK", at)
        unpacker = zstandard.ZstdDecompressor(max_window_size=2 * MIB_256).decompressobj()
        whole = bytearray()
        # In small bites, so that a frame which gives more than it states is left before it fills the memory.
        for pos in range(0, len(stored), BITE):
            if unpacker.eof or len(whole) > unpacked:
                raise Fault("A-UNPACK", at)
            whole += unpacker.decompress(stored[pos : pos + BITE])
    except zstandard.ZstdError:
        raise Fault("A-UNPACK", at) from None
    if not unpacker.eof or unpacker.unused_data or len(whole) != unpacked:
        raise Fault("A-UNPACK", at)
    return bytes(whole)


def block_header(data: bytes, at: int) -> Block:
    """The block header at ``at``, judged by itself: zeros, kind, codec, lengths, in this order [archive-block]."""
    if len(data) - at < HEAD:
        raise Fault("A-END", at)
    kind, codec, zero, segment, stored, unpacked, check = struct.unpack_from("<BBHIQQQ", data, at)
    if zero:
        raise Fault("A-RESERVED", at)
    if kind not in BLOCK_KINDS:
        raise Fault("A-KIND", at)
    if codec not in (PLAIN, ZSTD) or codec == ZSTD and not BLOCK_KINDS[kind].packs:
        raise Fault("A-CODEC", at)
    _lengths(BLOCK_KINDS[kind], unpacked, at)
    if stored >= unpacked if codec == ZSTD else stored != unpacked:
        raise Fault("A-LENGTH", at)
    return Block(kind, codec, segment, stored, unpacked, check, at)


def _lengths(allowed: Allowed, length: int, at: int) -> None:
    if length > allowed.most:
        raise Fault("A-LIMIT", at)
    if length < allowed.least or length % allowed.multiple:
        raise Fault("A-LENGTH", at)


def is_there(block: Block, data: bytes) -> None:
    """The file does not end before the block does."""
    if block.end > len(data):
        raise Fault("A-END", block.at)


def plain(kind: int, segment: int, payload: bytes) -> bytes:
    """A block whose payload is not packed."""
    length = len(payload)
    blank = struct.pack("<BBHIQQ", kind, PLAIN, 0, segment, length, length)
    block = blank + struct.pack("<Q", crc64(blank + bytes(8) + payload)) + payload
    return block + bytes(-len(block) % UNIT)


@dataclass(frozen=True)
class Entry:
    """An entry of the open log that verifies, and its payload."""

    kind: int
    segment: int
    commit: int
    at: int
    end: int
    payload: bytes


def entry(data: bytes, at: int) -> Entry:
    """The log entry at ``at``, with everything about it checked but its place in the order [archive-log]."""
    if len(data) - at < HEAD:
        raise Fault("A-END", at)
    kind, codec, zero, segment, stored, commit, check = struct.unpack_from("<BBHIQQQ", data, at)
    if zero:
        raise Fault("A-RESERVED", at)
    if kind not in ENTRY_KINDS:
        raise Fault("A-KIND", at)
    if codec != PLAIN:
        raise Fault("A-CODEC", at)
    _lengths(ENTRY_KINDS[kind], stored, at)
    block = Block(kind, codec, segment, stored, stored, check, at)
    is_there(block, data)
    return Entry(kind, segment, commit, at, block.end, block.payload(data))
