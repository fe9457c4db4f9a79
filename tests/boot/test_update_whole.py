"""A whole update, as owners have it: streamed at the quiet hour, by nobody's doing.

Eighty megabytes through the emulated network take minutes: ./test updates.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import __version__
from appliance.update.environment import Slot
from tests.boot import release
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card
from tests.boot.eye import Span
from tests.boot.home import Home
from tests.boot.release import Server
from tests.boot.time_server import TimeServer, nobody_has_told, tell_anew
from tests.boot.updating import (
    INSTALLING_TAKES,
    let_it_trust,
    read_the_page,
    relays,
    remembered,
    status,
    try_it,
    wait_until_off,
    watch_restarts,
)
from tests.boot.upstream import Upstream

pytestmark = pytest.mark.long

VERSION = "0.1.8"
DAY, MINUTE = 86400, 60
# Not the one that is set from the start, so that the page's word is what counts.
HOUR = 4
UPDATER = "porchlight-update"
# The card's timer comes each hour; the test's, beside it, comes as often as this many seconds.
EVERY = 15
OFTEN = f"/run/systemd/system/{UPDATER}.timer.d/often.conf"


def other(slot: Slot | None) -> Slot:
    """The slot that does not run."""
    return "B" if slot == "A" else "A"


def runs(board: Board) -> int:
    """How often the timer's service has run to its end since the board was switched on."""
    said = board.shell.run(f"journalctl -b -o cat --no-pager _PID=1 UNIT={UPDATER}.service", check=False)
    return len(re.findall(r"^Finished ", said, re.MULTILINE))


@pytest.fixture(scope="module")
def offer(system: Path, offered: Path, server: Server) -> Iterator[None]:
    """The feed offers an update that works."""
    bundle = release.pack(system, offered / "whole.raucb", VERSION, release.development_key())
    feed = {"version": VERSION, "url": bundle.name, "compatible": "porchlight-arm64"}
    (offered / "update.json").write_text(json.dumps(feed))
    yield
    bundle.unlink()


@pytest.fixture(scope="module")
def by_the_timer(board: Board, relaying: Span, server: Server, offer: None) -> None:
    """The owner has set the hour on the page; the timer comes often; nobody has told the board the time."""
    let_it_trust(board, server)
    visitor, page = read_the_page(board)
    saved = visitor.submit(page, page.form_with("update.hour"), **{"update.hour": str(HOUR)})
    assert saved.status == 200, saved.text
    lines = f"[Timer] OnActiveSec={EVERY} OnUnitInactiveSec={EVERY}"
    board.shell.run(f"mkdir -p {OFTEN.rpartition('/')[0]}; printf '%s\\n' {lines} >{OFTEN}")
    board.shell.run(f"systemctl daemon-reload; systemctl restart {UPDATER}.timer")


def wait_for_a_run(board: Board) -> None:
    """Wait until the timer has come once more, and whatever it started has ended."""
    deadline, before = time.monotonic() + BOOT_TAKES, runs(board)
    while runs(board) == before:
        assert time.monotonic() < deadline, board.shell.run(f"systemctl list-timers {UPDATER}.timer", check=False)
        time.sleep(1)


@pytest.fixture(scope="module")
def at_the_quiet_hour(board: Board, card: Card, home: Home, server: Server, by_the_timer: None) -> dict[str, object]:
    """The status after the timer has come without the time, before the hour, and at it."""
    slot = other(remembered(card).primary)
    watch_restarts(board)
    server.asked.clear()
    assert nobody_has_told(board)
    wait_for_a_run(board)
    assert nobody_has_told(board)
    assert not server.asked
    floor = int(board.shell.run("date +%s"))
    hour = (floor // DAY + 2) * DAY + HOUR * 60 * MINUTE
    clock = TimeServer(home, hour - 30 * MINUTE)
    try:
        tell_anew(board, clock)
        for _ in range(2):
            # The first of them may have begun before.
            wait_for_a_run(board)
        assert not server.asked
        clock.tell(hour)
        tell_anew(board, clock)
    finally:
        # From here on nobody tells the time.
        clock.close()
    deadline = time.monotonic() + BOOT_TAKES
    while (found := status(board))["phase"] != "installing":
        assert time.monotonic() < deadline, found
        time.sleep(1)
    assert found["version"] == VERSION
    # It goes from the network into the slot.
    assert board.shell.run("find /var/lib/porchlight /run /tmp -name '*.raucb'") == ""
    begun = time.monotonic()
    wait_until_off(board, INSTALLING_TAKES)
    print(f"\nstreamed and written in {time.monotonic() - begun:.0f} s")
    return try_it(board, card, slot)


def test_at_the_quiet_hour_a_whole_system_is_streamed_and_kept(
    board: Board, card: Card, upstream: Upstream, server: Server, at_the_quiet_hour: dict[str, object]
) -> None:
    """By the timer alone, once the clock has gone from 1970 to its floor, to a time server's time, to the hour."""
    assert (at_the_quiet_hour["outcome"], at_the_quiet_hour["other_version"]) == ("good", __version__)
    # The feed once; the bundle in as many parts as RAUC wants of it.
    assert server.asked.count("update.json") == 1
    assert server.asked.count("whole.raucb") > 1
    held = remembered(card)
    assert (held.trial, held.left(other(held.primary))) == (None, 3)
    relays(board, upstream, "after the quiet hour")
    assert f"Version {VERSION} was installed, and it works." in read_the_page(board)[1].text
