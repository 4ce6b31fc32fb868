"""What holds for all tests: on a build server nobody reads why a test was skipped, so there a skip is a failure."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["tests.fixtures"]

# Sums over a matrix depend, in their last bit, on how many threads share them; the program's children use one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No test asserts a timing, and so no example of a property either.
settings.register_profile("broadcaster", deadline=None)
settings.load_profile("broadcaster")


def skipped_in_ci(config: pytest.Config) -> list[pytest.TestReport]:
    """The skipped tests that count as failures: all of them when CI is true, else none."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("CI", "").lower() not in {"1", "true"}:
        return []
    return list(reporter.stats.get("skipped", []))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and skipped_in_ci(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for report in skipped_in_ci(config):
        terminalreporter.write_line(f"SKIPPED, which counts as a failure when CI is true: {report.nodeid}", red=True)
