"""Lineage pages (SPEC.md section 9): four bytes a record."""

from __future__ import annotations

from typing import Any

from .digest import digest
from .grammar import Grammar, Registry

FLAGS = 15


def marks(grammar: Grammar, page: bytes) -> list[dict[str, Any]]:
    """The marks of a page; ``ValueError`` where it is none [lineage-page]."""
    if len(page) % 4:
        raise ValueError("not four bytes a record")
    return [_mark(grammar, page[at : at + 4]) for at in range(0, len(page), 4)]


def _mark(grammar: Grammar, mark: bytes) -> dict[str, Any]:
    kind, trust, sensitivity, flags = mark
    names = {name: grammar.rules[name] for name in ("trust", "sensitivity")}
    if flags & ~FLAGS or kind not in grammar.kinds:
        raise ValueError("no mark")
    named = {}
    for name, code in (("trust", trust), ("sensitivity", sensitivity)):
        registry = names[name]
        if not isinstance(registry, Registry) or code not in registry.names:
            raise ValueError(f"no {name}")
        named[name] = registry.names[code]
    return {"kind": grammar.kinds[kind], **named, "flags": flags}


def page_digest(page: bytes) -> bytes:
    """What a header states of its segment's page."""
    return digest("lineage", page)
