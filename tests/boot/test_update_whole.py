"""Whole updates, as owners have them: at the quiet hour by nobody's doing, brought through the page, and streamed.

Eighty megabytes through the emulated network take minutes, each time: ./test updates.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance import __version__
from appliance.update import download
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
    ask_for_update,
    let_it_trust,
    read_the_page,
    relays,
    remembered,
    status,
    try_it,
    wait_until_off,
    watch_restarts,
)
from tests.boot.upstream import MIB, Upstream

pytestmark = pytest.mark.long

VERSION, STRAIGHT = "0.1.8", "0.1.9"
DAY, MINUTE = 86400, 60
# Not the one that is set from the start, so that the page's word is what counts.
HOUR = 4
UPDATER = "porchlight-update"
# The card's timer comes each hour; the test's, beside it, comes as often as this many seconds.
EVERY = 15
OFTEN = f"/run/systemd/system/{UPDATER}.timer.d/often.conf"
PAGE = "/sys/fs/cgroup/system.slice/porchlight-page.service"
# Nothing as long as it has not come whole.
DOWNLOAD = "stat -c '%U %G %a %s' /var/lib/porchlight/upload/download.raucb 2>/dev/null"
BEHIND_REDIRECTS = ("update.json", "whole.raucb")
# What the page may need beyond what it had before, for a file of any size: memory has no room for it.
MORE_MEMORY = 16 * MIB


def other(slot: Slot | None) -> Slot:
    """The slot that does not run."""
    return "B" if slot == "A" else "A"


def runs(board: Board) -> int:
    """How often the timer's service has run to its end since the board was switched on."""
    said = board.shell.run(f"journalctl -b -o cat --no-pager _PID=1 UNIT={UPDATER}.service", check=False)
    return len(re.findall(r"^Finished ", said, re.MULTILINE))


@pytest.fixture(scope="module")
def offer(system: Path, offered: Path, server: Server) -> Iterator[None]:
    """The feed offers an update that works; as on a public release page, redirects lead to feed and bundle.

    And to addresses that expire before a whole system has come.
    """
    bundle = release.pack(system, offered / "whole.raucb", VERSION, release.development_key())
    feed = {"version": VERSION, "url": bundle.name, "compatible": "porchlight-arm64"}
    (offered / "update.json").write_text(json.dumps(feed))
    for name in BEHIND_REDIRECTS:
        server.store(name)
    yield
    for name in BEHIND_REDIRECTS:
        server.unstore(name)


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
    server.shown.sent_on.clear()
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
    begun = time.monotonic()
    while not (whole := board.shell.run(DOWNLOAD, check=False)):
        # Until it is whole a power cut would leave nothing of it.
        found = status(board)
        assert found["phase"] == "installing", found
        assert time.monotonic() < begun + INSTALLING_TAKES, found
        time.sleep(1)
    took = time.monotonic() - begun
    # The folder's group is the updater's, so that root's installer may read it.
    assert whole.split() == [UPDATER, UPDATER, "640", str(bundle_size(server))]
    print(f"\nfetched in {took:.0f} s")
    wait_until_off(board, INSTALLING_TAKES)
    print(f"fetched and written in {time.monotonic() - begun:.0f} s")
    found = try_it(board, card, slot)
    return {**found, "took": took, "left": board.shell.run("find /var/lib/porchlight -name '*.raucb'")}


def bundle_size(server: Server) -> int:
    """Bytes of what the feed offers."""
    return (server.shown.folder / release.STORE / "whole.raucb").stat().st_size


def test_at_the_quiet_hour_a_whole_system_is_fetched_and_kept(
    board: Board, card: Card, upstream: Upstream, server: Server, at_the_quiet_hour: dict[str, object]
) -> None:
    """By the timer alone, once the clock has gone from 1970 to its floor, to a time server's time, to the hour."""
    assert (at_the_quiet_hour["outcome"], at_the_quiet_hour["other_version"]) == ("good", __version__)
    # The feed once; the bundle's first bytes, and then at least as many parts as it has.
    assert server.asked.count("update.json") == 1
    assert server.asked.count("whole.raucb") > bundle_size(server) // download.PART
    # For each of them the updater was sent on anew: where it was sent at first is not good any more. (A board that is
    # very slow may find one that has just expired, and asks for another.)
    sent_on = server.shown.sent_on
    assert sent_on.count("/update.json") == 1
    assert sent_on.count("/whole.raucb") == server.asked.count("whole.raucb") + server.shown.expired
    took = at_the_quiet_hour["took"]
    assert isinstance(took, float)
    assert took > release.LASTS
    assert at_the_quiet_hour["left"] == ""
    held = remembered(card)
    assert (held.trial, held.left(other(held.primary))) == (None, 3)
    relays(board, upstream, "after the quiet hour")
    assert f"Version {VERSION} was installed, and it works." in read_the_page(board)[1].text


def peak(board: Board, process: int) -> int:
    """Bytes that a process has had in memory at most since that was last asked to be forgotten."""
    found = re.search(r"VmHWM:\s+(\d+) kB", board.shell.run(f"cat /proc/{process}/status"))
    assert found
    return int(found[1]) * 1024


@pytest.fixture(scope="module")
def brought(board: Board, card: Card, relaying: Span, image: Path) -> dict[str, object]:
    """The status after the bundle that ships was brought through the page; and what memory the page took for it."""
    slot = other(remembered(card).primary)
    watch_restarts(board)
    bundle = image.with_name(image.name.replace(".img.xz", ".raucb"))
    visitor, page = read_the_page(board)
    process = int(board.shell.run("systemctl show -p MainPID --value porchlight-page"))
    # Linux, Documentation/filesystems/proc.rst: 5 sets the peak back to what is there now.
    board.shell.run(f"echo 5 >/proc/{process}/clear_refs")
    before, begun = peak(board, process), time.monotonic()
    answered = visitor.bring(page, page.form_with("file"), "file", bundle)
    assert answered.status == 200, answered.text
    took = time.monotonic() - begun
    after = peak(board, process)
    group = board.shell.run(f"cat {PAGE}/memory.peak {PAGE}/memory.max; grep -w oom {PAGE}/memory.events").split()
    print(f"\n{bundle.stat().st_size} bytes in {took:.0f} s; page {before} -> {after}; its group {group}")
    wait_until_off(board, INSTALLING_TAKES)
    return {**try_it(board, card, slot), "more": after - before, "group": group}


def test_a_whole_system_is_brought_through_the_page_and_kept(
    board: Board, card: Card, upstream: Upstream, brought: dict[str, object]
) -> None:
    assert brought["outcome"] == "good", brought
    relays(board, upstream, "after the upload")
    assert f"Version {__version__} was installed, and it works." in read_the_page(board)[1].text
    assert board.shell.run("find /var/lib/porchlight -name '*.raucb'") == ""


def test_what_is_brought_does_not_go_through_the_page_s_memory(brought: dict[str, object]) -> None:
    more, group = brought["more"], brought["group"]
    assert isinstance(more, int)
    assert more < MORE_MEMORY
    assert isinstance(group, list)
    highest, limit, _, out_of_memory = group
    assert int(highest) < int(limit)
    assert out_of_memory == "0"


@pytest.fixture(scope="module")
def streamed(board: Board, card: Card, system: Path, server: Server, brought: dict[str, object]) -> dict[str, object]:
    """The status after RAUC has streamed a whole system into its slot, from where the feed says that it lies."""
    slot = other(remembered(card).primary)
    bundle = release.pack(system, server.shown.folder / "straight.raucb", STRAIGHT, release.development_key())
    feed = {"version": STRAIGHT, "url": f"{release.PLACE}/{bundle.name}", "compatible": "porchlight-arm64"}
    (server.shown.folder / release.STORE / "update.json").write_text(json.dumps(feed))
    let_it_trust(board, server)
    server.asked.clear()
    ask_for_update(board, "{}")
    begun = time.monotonic()
    while (found := status(board))["phase"] != "installing":
        assert time.monotonic() < begun + BOOT_TAKES, found
        time.sleep(1)
    while board.monitor.execute("query-status")["status"] != "shutdown":
        # While it shuts down nobody answers.
        with suppress(AssertionError):
            found = status(board)
        assert found["phase"] != "idle", json.dumps(found)
        assert time.monotonic() < begun + INSTALLING_TAKES, found
        time.sleep(5)
    print(f"\nstreamed and written in {time.monotonic() - begun:.0f} s")
    return {**try_it(board, card, slot), "size": bundle.stat().st_size}


def test_a_whole_system_is_streamed_and_kept(
    board: Board, card: Card, upstream: Upstream, server: Server, streamed: dict[str, object]
) -> None:
    """Nothing of it lies on the card before: root's installer asks for its parts, the updater for the first bytes."""
    assert streamed["outcome"] == "good", streamed
    size = streamed["size"]
    assert isinstance(size, int)
    # Far smaller parts than those that the updater fetches.
    assert server.asked.count("straight.raucb") > 10 * size // download.PART
    assert board.shell.run("find /var/lib/porchlight -name '*.raucb'") == ""
    relays(board, upstream, "after the stream")
    assert f"Version {STRAIGHT} was installed, and it works." in read_the_page(board)[1].text
