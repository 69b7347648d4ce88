"""What is wrong with evidence: a code of SPEC.md section 13 and a place."""


class Fault(Exception):
    """Evidence breaks a requirement.

    ``at`` counts bytes from the start of what is being read: a record, a signed
    header, a proof, or the trace file. ``segment`` is known where a walk over a file met it.
    """

    def __init__(self, code: str, at: int, note: str = "") -> None:
        super().__init__(f"{code} at {at}" + (f": {note}" if note else ""))
        self.code = code
        self.at = at
        self.note = note
        self.segment: int | None = None


class UnknownKind(Fault):
    """A record whose kind no registry has: not malformed, and not to be judged [kind-unknown]."""
