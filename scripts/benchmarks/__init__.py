"""What `scripts/bench` measures: one module a name, each with `require()` and `figures()`.

`require` raises MissingPeerError where a program to compare with is missing; `figures` yields what it found.
"""

NAMES = ("plan", "render", "reading", "fleet", "stop", "dispatch")
