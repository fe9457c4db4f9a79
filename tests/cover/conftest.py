"""What ./test probes says at its end."""

import pytest

from tests.cover.stopwatch import seen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how long the reactions took, for docs/cover.md."""
    if seen:
        terminalreporter.section("medians of three reactions")
        for line in seen:
            terminalreporter.line(line)
