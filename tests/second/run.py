"""Runs the second verifier over every vector and golden trace. Exit status 1 where anything does not agree."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import traces
import vectors

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def main() -> int:
    """Prints a line a file; answers the exit status."""
    ran, wrong = 0, 0
    for name, count, faults in everything():
        ran += count
        wrong += len(faults)
        print(f"{'ok  ' if not faults else 'FAIL'} {name}: {count}")
        for fault in faults:
            print(f"     {fault}")
    print(f"{ran} vectors and traces, {wrong} disagreements")
    return 1 if wrong or not ran else 0


def everything() -> Iterator[tuple[str, int, list[str]]]:
    """All that there is to check; a missing folder is a disagreement."""
    for folder, check in ((FIXTURES / "vectors", vectors.run(FIXTURES / "vectors")), (FIXTURES / "traces", traces.run(FIXTURES))):
        results: Iterable[tuple[str, int, list[str]]] = check
        first = next(iter(results), None)
        if first is None:
            yield folder.name, 0, ["nothing to check"]
        else:
            yield from chain([first], results)


if __name__ == "__main__":
    sys.exit(main())
