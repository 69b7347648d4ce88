"""The grammar of evidence: reads evidence.cddl (a small part of RFC 8610) and decodes bytes by it.

Values come out as Python values with the names of the JSON view: maps as dictionaries by field
name, registries by name, byte strings as bytes, absent values as ``None``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .cbor import ARRAY, BYTES, MAP, MAX_LIST, NULL, OTHER, TEXT, TRUE, UINT, Reader
from .fault import Fault, UnknownKind

CDDL = Path(__file__).resolve().parents[3] / "formats" / "evidence" / "evidence.cddl"
MAX_U64 = (1 << 64) - 1
MAX_ID = 128
KIND_KEY, BODY_KEY = 11, 12


@dataclass
class Context:
    """What one record's parts tell each other while it is read."""

    kind: int | None = None
    last_content: int = -1
    body_at: int = 0


class Type(Protocol):
    """A type of the grammar: reads one item."""

    def read(self, reader: Reader, context: Context) -> Any: ...


@dataclass(frozen=True)
class Number:
    """An unsigned integer in a range."""

    least: int = 0
    most: int = MAX_U64

    def read(self, reader: Reader, context: Context) -> int:
        head = reader.typed(UINT)
        if not self.least <= head.value <= self.most:
            raise Fault("C-LIMIT", head.at)
        return head.value


@dataclass(frozen=True)
class Content(Number):
    """The index of a content of the record [content-index]."""

    def read(self, reader: Reader, context: Context) -> int:
        index = super().read(reader, context)
        context.last_content = max(context.last_content, index)
        return index


@dataclass(frozen=True)
class Registry:
    """A code of a closed registry."""

    names: dict[int, str]

    def read(self, reader: Reader, context: Context) -> str:
        head = reader.typed(UINT)
        name = self.names.get(head.value)
        if name is None:
            raise Fault("C-REGISTRY", head.at)
        return name


@dataclass(frozen=True)
class Flag:
    """true or false."""

    def read(self, reader: Reader, context: Context) -> bool:
        head = reader.typed(OTHER)
        if head.value == NULL:
            raise Fault("C-TYPE", head.at)
        return head.value == TRUE


@dataclass(frozen=True)
class Bytes:
    """A byte string of a fixed length, or of a range of lengths."""

    least: int
    most: int

    def read(self, reader: Reader, context: Context) -> bytes:
        head = reader.typed(BYTES)
        if not self.least <= head.value <= self.most:
            raise Fault("C-LENGTH" if self.least == self.most else "C-LIMIT", head.at)
        return reader.take(head)


@dataclass(frozen=True)
class Identifier:
    """An identifier [id-alphabet]."""

    alphabet: re.Pattern[str]

    def read(self, reader: Reader, context: Context) -> str:
        head = reader.typed(TEXT)
        if head.value > MAX_ID:
            raise Fault("C-LIMIT", head.at)
        text = reader.text(head)
        if not self.alphabet.fullmatch(text):
            raise Fault("C-IDENTIFIER", head.at)
        return text


@dataclass(frozen=True)
class Nullable:
    """A value or null [absent]."""

    of: Type

    def read(self, reader: Reader, context: Context) -> Any:
        if reader.left() and reader.data[reader.pos] == OTHER << 5 | NULL:
            reader.head()
            return None
        return self.of.read(reader, context)


@dataclass(frozen=True)
class ListOf:
    """A list [limit-list]."""

    of: Type

    def read(self, reader: Reader, context: Context) -> list[Any]:
        head = reader.typed(ARRAY)
        if head.value > MAX_LIST:
            raise Fault("C-LIMIT", head.at)
        reader.enter(head)
        items = [self.of.read(reader, context) for _ in range(head.value)]
        reader.leave()
        return items


@dataclass(frozen=True)
class Ranges:
    """Causes: a flat list first, count, first, count, .. [causes-form] [limit-causes]."""

    def read(self, reader: Reader, context: Context) -> list[list[int]]:
        head = reader.typed(ARRAY)
        if head.value > 2 * MAX_LIST:
            raise Fault("C-LIMIT", head.at)
        if head.value % 2:
            raise Fault("C-RANGES", head.at)
        reader.enter(head)
        ranges: list[list[int]] = []
        free = 0
        for _ in range(head.value // 2):
            first = reader.typed(UINT)
            count = reader.typed(UINT).value
            if count == 0 or first.value + count > MAX_U64 - 1 or first.value < free:
                raise Fault("C-RANGES", first.at)
            ranges.append([first.value, count])
            free = first.value + count + 1
        reader.leave()
        return ranges


@dataclass(frozen=True)
class Field:
    """A field of a map."""

    key: int
    name: str
    required: bool
    type: Type


@dataclass
class Map:
    """A map with unsigned numbers as keys [cbor-keys]."""

    fields: dict[int, Field] = field(default_factory=dict)

    def read(self, reader: Reader, context: Context) -> dict[str, Any]:
        head = reader.typed(MAP)
        reader.enter(head)
        values: dict[str, Any] = {}
        before = -1
        for _ in range(head.value):
            key = reader.key(before)
            found = self.fields.get(key.value)
            if found is None:
                raise Fault("C-KEY-UNKNOWN", key.at)
            values[found.name] = found.type.read(reader, context)
            before = key.value
        if any(f.required and f.name not in values for f in self.fields.values()):
            raise Fault("C-KEY-MISSING", head.at)
        reader.leave()
        return values


@dataclass
class Kind:
    """A record's kind."""

    names: dict[int, str] = field(default_factory=dict)

    def read(self, reader: Reader, context: Context) -> str:
        head = reader.typed(UINT)
        context.kind = head.value
        if head.value not in self.names:
            raise UnknownKind("C-UNKNOWN-KIND", head.at)
        return self.names[head.value]


@dataclass
class Body:
    """A record's body, by its kind."""

    types: dict[int, Type] = field(default_factory=dict)

    def read(self, reader: Reader, context: Context) -> Any:
        context.body_at = reader.at()
        if context.kind is None:
            raise Fault("C-KEY-MISSING", 0, "no kind to read the body by")
        return self.types[context.kind].read(reader, context)


@dataclass(frozen=True)
class Reference:
    """A rule of the grammar, by name."""

    rules: dict[str, Type]
    name: str

    def read(self, reader: Reader, context: Context) -> Any:
        return self.rules[self.name].read(reader, context)


class Grammar:
    """The rules of evidence.cddl."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Type] = {}
        self.kinds: dict[int, str] = {}
        self.bodies: dict[int, Type] = {}
        for chunk in re.split(r"\n\s*\n", text):
            lines = [line for line in chunk.splitlines() if line.strip() and not line.startswith(";")]
            if lines:
                self._rule(lines)

    def _rule(self, lines: list[str]) -> None:
        name, _, rest = lines[0].partition(" =")
        rest = rest.strip()
        if rest == "{":
            self.rules[name] = self._map(lines[1:-1])
        elif rest == "(":
            self._kinds(lines[1:-1])
        elif rest == "":
            self.rules[name] = Registry(dict(self._choice(line) for line in lines[1:]))
        elif name == "content":
            self.rules[name] = Content(0, self._number(rest).most)
        elif not rest.startswith("#6.18"):  # the forms of section 6 are read by hand
            self.rules[name] = self.type(rest.partition(" ;")[0])

    @staticmethod
    def _choice(line: str) -> tuple[int, str]:
        found = re.fullmatch(r"\s*/?\s*(\d+) ; (.+)", line)
        if not found:
            raise ValueError(f"no choice of a registry: {line!r}")
        return int(found[1]), found[2]

    def _kinds(self, lines: list[str]) -> None:
        for line in lines:
            found = re.fullmatch(r"\s*(?://)?\s*11 => (\d+), 12 => ([\w-]+) ; (\S+)", line)
            if not found:
                raise ValueError(f"no kind: {line!r}")
            self.kinds[int(found[1])] = found[3]
            self.bodies[int(found[1])] = Reference(self.rules, found[2])

    def _map(self, lines: list[str]) -> Map:
        fields: dict[int, Field] = {}
        for line in lines:
            if re.match(r"\s*kind-and-body,", line):
                fields[KIND_KEY] = Field(KIND_KEY, "kind", True, Kind(self.kinds))
                fields[BODY_KEY] = Field(BODY_KEY, "body", True, Body(self.bodies))
                continue
            found = re.fullmatch(r"\s*(\? )?(\d+) => (.+?), ; (.+)", line)
            if not found:
                raise ValueError(f"no field: {line!r}")
            key = int(found[2])
            fields[key] = Field(key, found[4], not found[1], self.type(found[3]))
        return Map(fields)

    @staticmethod
    def _number(text: str) -> Number:
        least, _, most = text.partition(" ;")[0].partition("..")
        return Number(int(least), int(most))

    def type(self, text: str) -> Type:
        """Reads one type expression."""
        text = text.strip()
        if text.endswith(" / null"):
            return Nullable(self.type(text.removesuffix(" / null")))
        if text.startswith("[0*4096 (first: uint, count: "):
            return Ranges()
        if text.startswith("[0*4096 "):
            return ListOf(self.type(text.removeprefix("[0*4096 ").removesuffix("]")))
        if found := re.fullmatch(r"bstr \.size (\d+)", text):
            return Bytes(int(found[1]), int(found[1]))
        if found := re.fullmatch(r"bstr \.size \((\d+)\.\.(\d+)\)", text):
            return Bytes(int(found[1]), int(found[2]))
        if found := re.fullmatch(r'tstr \.regexp "(.+)"', text):
            return Identifier(re.compile(found[1]))
        if re.fullmatch(r"\d+\.\.\d+", text):
            return self._number(text)
        if text in ("uint", "bool"):
            return Number() if text == "uint" else Flag()
        if re.fullmatch(r"[a-z][a-z-]*", text):
            return Reference(self.rules, text)
        if re.fullmatch(r'-8|"[^"]+"', text):
            return Reference(self.rules, text)  # protected headers, which are compared as bytes
        raise ValueError(f"a type this reader does not know: {text!r}")

    def decode(self, name: str, data: bytes) -> dict[str, Any]:
        """One value of the rule ``name``, and nothing behind it."""
        reader = Reader(data)
        value: dict[str, Any] = self.rules[name].read(reader, Context())
        reader.finish()
        return value

    def record(self, reader: Reader) -> dict[str, Any]:
        """One record. Of an unknown kind, all of it is in canonical bytes, and what stands before the kind is right."""
        context = Context()
        start, depth = reader.pos, reader.depth
        try:
            value: dict[str, Any] = self.rules["record"].read(reader, context)
        except UnknownKind:
            reader.pos, reader.depth = start, depth
            reader.skip()
            raise
        if context.last_content >= len(value["contents"]):
            raise Fault("C-CONTENT-INDEX", context.body_at)
        return value


def load(path: Path = CDDL) -> Grammar:
    """The grammar in a file."""
    return Grammar(path.read_text(encoding="utf-8"))


def json_view(value: Any) -> Any:
    """The JSON view of a decoded value [json-view]."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [json_view(item) for item in value]
    if isinstance(value, dict):
        return {name: json_view(item) for name, item in value.items()}
    return value



