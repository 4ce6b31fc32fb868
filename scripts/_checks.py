"""The checks that need no test run: lint, types, and who imports whom."""

from pathlib import Path

from _environment import venv_python
from _processes import run, say

IMPORT_LINTER = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
CHECKS = (
    ("Lint", ("-m", "ruff", "check", ".")),
    ("Format", ("-m", "ruff", "format", "--check", ".")),
    ("Types", ("-m", "mypy")),
    ("Imports", ("-c", IMPORT_LINTER, "--no-logo")),
)


def failed_checks(root: Path) -> list[str]:
    """Run all checks, also after one has failed; the names of those that failed."""
    failed = []
    for name, arguments in CHECKS:
        say(f"{name} ...")
        if run([str(venv_python(root)), *arguments], root):
            failed.append(name)
    return failed
