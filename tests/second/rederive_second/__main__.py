"""`python -m rederive_second verify TRACE.rdt [--trust FILE]`: prints one JSON object."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import grammar, trust
from .verify import Verifier

EXIT = {"damaged": 3, "forged": 3, "diverged": 1, "undecided": 4}


def main() -> int:
    """Reads the arguments, verifies, prints; answers the exit status."""
    parser = argparse.ArgumentParser(prog="rederive_second", description="Verify the integrity of a Rederive trace.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="bytes, digests, chain, signatures and contents of a trace")
    verify.add_argument("trace", type=Path)
    verify.add_argument("--trust", type=Path, help="trust-root file: the keys trusted, and for what")
    arguments = parser.parse_args()
    try:
        roots = trust.parse(arguments.trust.read_text(encoding="utf-8")) if arguments.trust else None
        data, log = read_trace(arguments.trace)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    report = Verifier(grammar.load(), data, log, roots).verify()
    print(json.dumps(report.as_json(), indent=1))
    first = report.first()
    return EXIT[first.valid()] if first else 0 if report.sealed and not (report.cut or report.other_log) else 4


def read_trace(path: Path) -> tuple[bytes, bytes | None]:
    """A trace file's bytes, and those of the open log beside it, wherever a link led from."""
    path = path.resolve()
    log = path.with_name(path.name + "-open")
    return path.read_bytes(), log.read_bytes() if log.exists() else None


if __name__ == "__main__":
    sys.exit(main())
