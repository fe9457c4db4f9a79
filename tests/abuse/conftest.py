"""A relay, an upstream and a page, as in the tests of each; and descriptors for thousands of attackers."""

import resource
from collections.abc import Iterator

import pytest

from tests.abuse.siege import seen
from tests.page.conftest import page, paths, start
from tests.relay.conftest import certificate_file, start_relay, upstream

__all__ = ["certificate_file", "page", "paths", "start", "start_relay", "upstream"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures, for docs/threats.md."""
    if seen:
        terminalreporter.section("figures")
        for line in seen:
            terminalreporter.line(line)


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """As many as this user may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
