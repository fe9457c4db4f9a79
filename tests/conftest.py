"""What holds for all tests: their order, which tier they belong to, and that none is skipped unseen."""

import os
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import hypothesis
import pytest

from tests.loopback import move_to_own_loopback

HERE = Path(__file__).parent
TUN = "/dev/net/tun"
CI = os.environ.get("CI") == "true"
# Cheap and telling first, so that a mistake shows within seconds.
ORDER = ("slow", "browser", "image", "boot")

OUTCOMES = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")

# A shell that starts something in the background lets it ignore Ctrl-C, and all that comes from it too; tests that
# press Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples take as long as the machine is busy: a slow one is no failure, nor one that is slow to draw.
hypothesis.settings.register_profile(
    "porchlight", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("porchlight")


def pytest_configure(config: pytest.Config) -> None:
    """Where several processes run the tests, each of them has a loopback, and so all ports, of its own."""
    if hasattr(config, "workerinput"):
        move_to_own_loopback()
        signal.signal(signal.SIGINT, _interrupt_once)


def _interrupt_once(number: int, frame: FrameType | None) -> NoReturn:
    """End this process's tests; a second Ctrl-C must not keep their programs from being ended."""
    signal.signal(signal.SIGINT, lambda number, frame: None)
    raise KeyboardInterrupt


def pytest_keyboard_interrupt() -> None:
    """Tell the other processes too: a terminal has done so already, but ``kill -INT`` reaches only this one."""
    process = os.getpid()
    for other in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        # One that has ended meanwhile is fine.
        with suppress(OSError):
            if b"execnet" in Path(f"/proc/{other}/cmdline").read_bytes():
                os.kill(int(other), signal.SIGINT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Leave the numbers of this run for the closing line of ``./test``, which adds those of several runs up."""
    tally = os.environ.get("PORCHLIGHT_TALLY")
    # The first process knows what the others have run.
    if tally and not hasattr(config, "workerinput"):
        with Path(tally).open("a", encoding="ascii") as file:
            file.writelines(f"{what} {len(terminalreporter.stats.get(what, ()))}\n" for what in OUTCOMES)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whole folders, skip what this user cannot run, and put the expensive tests last."""
    for item in items:
        # Anything that boots the card says so by its fixture: the pure pieces of tests/boot/ are quick tests.
        if "board" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.boot)
            # A boot or two under emulation come before the first of them.
            item.add_marker(pytest.mark.timeout(7200 if item.get_closest_marker("long") else 1800))
        if reason := _cannot_run(item):
            item.add_marker(pytest.mark.skip(reason=reason))
    items.sort(key=_cost)


def _cannot_run(item: pytest.Item) -> str:
    """Why this user cannot run a test; empty when nothing is in its way."""
    if not (item.get_closest_marker("namespaces") or item.get_closest_marker("boot")):
        return ""
    if os.geteuid() != 0:
        return "network namespaces need root, or a user namespace: as root ./test runs this"
    if item.path.is_relative_to(HERE / "boot") and not os.access(TUN, os.R_OK | os.W_OK):
        return f"{TUN} may not be opened by this user: as root ./test runs this"
    return ""


def _cost(item: pytest.Item) -> int:
    if item.get_closest_marker("patient"):
        # While it waits, others run.
        return -2
    if item.path.is_relative_to(HERE / "lint"):
        return -1
    return max((ORDER.index(mark.name) + 1 for mark in item.iter_markers() if mark.name in ORDER), default=0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In continuous integration everything is installed: a test that skips itself there has failed."""
    report = yield
    # Bad input may end up in what a test has logged, and half a surrogate pair passes from no process to another.
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which continuous integration does not allow: {reason}"
    return report
