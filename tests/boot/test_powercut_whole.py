"""Power cuts at all that a card lives through: first start, settings, an update, the new slot, ordinary running.

Two hundred cut points and more are looked at, and twenty of the cards are put into a board, which has to relay.
"""

import json
import random
import time
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.settings.declared import UpdateSettings
from appliance.status.state import State
from appliance.update.environment import OFFSETS, SIZE
from tests.boot import release
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card, unpack
from tests.boot.conftest import SETTINGS
from tests.boot.cuts import DATA, FAT, Steps, Wreck, files_of, look
from tests.boot.eye import RELAYS
from tests.boot.home import Home
from tests.boot.owner import HOME_PAGE, claim, set_domain, sign_in
from tests.boot.person import chat, connect, exchange
from tests.boot.time_server import TimeServer, tell_anew, wait_until_told
from tests.boot.updating import INSTALLING_TAKES, STATUS, ask_for_update, remembered, start_again, wait_until_off
from tests.boot.upstream import CHAT, MIB, Upstream, answer
from tests.boot.visitor import PAGE_PORT, Visitor
from tests.boot.wear import DAY, Spell, Wear, written_in_a_day
from tests.boot.writes import BLOCK, SECTOR, Replay, chosen

pytestmark = pytest.mark.long

# Cut points that are looked at, and that are booted.
LOOKED_AT, BOOTED = 200, 20
# At every so many of them, also a card that had a cache and lost half of what was in it (tests/boot/writes.py).
FORGETFUL = 4
SLOT_B = 3
PAGE = 4096
# Bytes from the beginning of slot B.
STICK_AT = 320 * MIB
# Seconds of ordinary running. Somebody chats now and then, this many seconds after the last time.
ORDINARY, NOW_AND_THEN = 600.0, 40.0
# What the relay remembers of the month in memory, its last write to the card with it (appliance/relay/meter.py).
MONTH = "/run/porchlight/relay/month.json"
# Bytes a day (docs/image.md, "What persists").
MOST_PER_DAY = 5_000_000
LISTED = Path(__file__).parent.parent.parent / "image/persists.toml"
DOMAINS = tuple(f"relay-{number}.example.org" for number in range(5))
QUOTA = 200  # GB
HOUR, NOON = 3600, DAY / 2
QUIET = UpdateSettings().hour


class Kept(NamedTuple):
    """What the owner has made of a card: the password is set, the domain, the month's quota in GB."""

    claimed: bool = False
    domain: str = ""
    quota: int = 0


@dataclass(frozen=True, slots=True)
class Life:
    """What was recorded.

    Args:
        first: the card as it was flashed, with its settings file.
        logs: one for each start.
        kept: what the owner did at the first start, one after the other.
        places: how long the first log was when each of these had been promised, in bytes.
        spells: how much was written in ordinary running, bit by bit.
    """

    first: Path
    logs: list[Path]
    kept: list[Kept]
    places: list[int]
    spells: list[Spell]


def kept_by(wreck: Wreck) -> Kept:
    """What of it is on a card."""
    saved = tomllib.loads(wreck.saved.decode())
    # A record that is not whole is none.
    claimed = bool(wreck.password and json.loads(wreck.password)["hash"])
    quota = saved.get("relay", {}).get("monthly_quota", 0)
    return Kept(claimed, saved.get("share", {}).get("domain", ""), quota // 10**9)


def listed() -> dict[str, int]:
    """All files that outlive the power, and how often each is written in a day."""
    return {one["path"]: one["per_day"] for one in tomllib.loads(LISTED.read_text())["kept"]}


@pytest.fixture(scope="module")
def time_server(home: Home) -> Iterator[TimeServer]:
    """A time server, which says that it is noon: no time for updates."""
    server = TimeServer(home, (time.time() // DAY + 2) * DAY + NOON)
    yield server
    server.close()


@pytest.fixture(scope="module")
def life(
    board: Board,
    image: Path,
    home: Home,
    upstream: Upstream,
    offered: Path,
    time_server: TimeServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Life:
    """A card's life, all writes kept."""
    # There is one cable, and this card has a board of its own.
    if board.is_on:
        board.pull_the_plug()
    folder = tmp_path_factory.mktemp("life")
    card = unpack(image, folder / "card.img")
    card.write("porchlight.toml", card.read("porchlight.toml") + SETTINGS.encode())
    # Behind what is written into a slot there is room for a file system with the bundle.
    card.fill(SLOT_B, release.file_system_with(offered / "newer.raucb", folder / "stick"), STICK_AT)
    upstream.set_reachable(True)
    mine = Board(card, home, folder, recorded=2)
    mine.switch_on()
    mine.wait_for_port(PAGE_PORT)
    kept, places = [Kept()], list[int]()

    def promised(now: Kept) -> None:
        kept.append(now)
        places.append(mine.logs[0].stat().st_size)

    visitor = claim(mine).visitor
    promised(Kept(claimed=True))
    for domain in DOMAINS:
        set_domain(visitor, domain)
        promised(Kept(True, domain))
    page = visitor.get(f"{HOME_PAGE}settings/limits")
    saved = visitor.submit(page, page.form_with("relay.monthly_quota"), **{"relay.monthly_quota": str(QUOTA)})
    assert saved.status == 200, saved.text
    promised(Kept(True, DOMAINS[-1], QUOTA))
    mine.shell.run("modprobe loop; mkdir -p /run/stick")
    mine.shell.run(f"mount -t squashfs -o ro,loop,offset={STICK_AT} /dev/mmcblk0p3 /run/stick")
    ask_for_update(mine, json.dumps({"file": "/run/stick/newer.raucb"}))
    wait_until_off(mine, INSTALLING_TAKES)
    start_again(mine)
    deadline = time.monotonic() + BOOT_TAKES
    while remembered(card).trial:
        assert time.monotonic() < deadline, mine.console.tail()
        time.sleep(1)
    wait_until_told(mine, time_server)
    spells = ordinary_running(mine, time_server)
    mine.pull_the_plug()
    card.path.unlink()
    return Life(mine.first, mine.logs, kept, places, spells)


def ordinary_running(board: Board, time_server: TimeServer) -> list[Spell]:
    """Let time pass, with somebody who chats now and then; then let everything happen that happens every few hours."""
    deadline = time.monotonic() + BOOT_TAKES
    # What became of the update is written down first; before that there may be no status.
    while '"idle"' not in (said := board.shell.run(STATUS, check=False)):
        assert time.monotonic() < deadline, said
        time.sleep(1)
    wear = Wear(board, listed())
    while True:
        # Of what was written before, the kernel brings tables and folders to their place half a minute later.
        time.sleep(NOW_AND_THEN)
        if not wear.look().sectors:
            break
        assert time.monotonic() < deadline, wear.spells
    wear.spells.clear()
    begin = time.monotonic()
    while time.monotonic() - begin < ORDINARY:
        somebody_chats(board)
        time.sleep(NOW_AND_THEN)
        wear.look()
    # The month's count is written every half hour: as if that had gone by.
    board.shell.run(f"""sed -i 's/"written": [0-9.]*/"written": -{DAY}.0/' {MONTH}""")
    board.shell.run("systemctl restart porchlight-relay")
    board.wait_for_port(443)
    somebody_chats(board)
    time.sleep(NOW_AND_THEN)
    wear.look()
    board.shell.run("systemctl start porchlight-clock")
    wear.look()
    # The history is written every six hours, and when the page's service ends.
    board.shell.run("systemctl restart porchlight-page")
    board.wait_for_port(PAGE_PORT)
    wear.look()
    # A day later, at the quiet hour; nobody answers where the feed should be.
    time_server.tell((time_server.now // DAY + 1) * DAY + QUIET * HOUR + HOUR / 4)
    tell_anew(board, time_server)
    wear.look()
    board.shell.run("systemctl start porchlight-update", BOOT_TAKES, check=False)
    wear.look()
    return wear.spells


def somebody_chats(board: Board) -> None:
    """A few words, and a longer answer."""
    with connect(board.home, 443, with_tls=True) as person:
        word = chat(f"{time.monotonic()} now and then", MIB // 16)
        assert exchange(person, word, MIB) == answer(CHAT)


def cut_points(replay: Replay, wanted: int, edges: list[int]) -> list[int]:
    """Moments to cut at, as many in each part of a card's life, however many sectors are written in it.

    The parts are what comes before the first promise, up to the last one, before and while the slot is written, and
    after that.

    Args:
        replay: the writes.
        wanted: how many moments at most, and fewer if a part has fewer writes.
        edges: after how many writes something was promised; those moments, and the ones beside them, come on top.
    """
    start, size = Card(replay.card).range(SLOT_B)
    slot = [number for number, write in enumerate(replay.writes) if start <= write.sector * 512 < start + size]
    ends = {0, len(replay.writes), *edges[:1], *edges[-1:], *slot[:1], *(number + 1 for number in slot[-1:])}
    parts = list(pairwise(sorted(ends)))
    inside = {begin + one for begin, end in parts for one in chosen(end - begin, wanted // len(parts), [])}
    return sorted(inside | {one + step for one in edges for step in (-1, 0, 1)})


@pytest.fixture(scope="module")
def wrecks(life: Life, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Kept]]:
    """Cards after a cut, to be booted, with what is on them; all cut points have been looked at."""
    folder = tmp_path_factory.mktemp("wrecks")
    card = Card(life.first).copy(folder / "card.img")
    whole = files_of(card)
    # To the card's end: that is where the data partition grows to. Without its superblock, which the kernel writes past
    # any cache.
    start = card.range(DATA)[0] + BLOCK * SECTOR
    data = start, card.path.stat().st_size - start
    replays = [Replay(card.path, log) for log in life.logs]
    promised = [replays[0].number_at(place) for place in life.places]
    steps = Steps(life.kept, promised)
    # Some parts of it have few writes.
    each = LOOKED_AT * 2 // 3
    plan = [cut_points(replay, each, [] if number else promised) for number, replay in enumerate(replays)]
    looked_at = sum(map(len, plan))
    wrecks: list[tuple[Path, Kept]] = []
    forgetful: list[int] = []
    looked = before = written = 0
    for replay, cuts in zip(replays, plan, strict=True):
        flushes = replay.orders(*data)
        for cut in cuts:
            if not looked % FORGETFUL:
                replay.go_to(max(replay.done, flushes[bisect_right(flushes, cut) - 1]))
                other = card.copy(folder / "forgetful.img")
                forgetful.append(replay.go_astray(other.path, cut, *data, random.Random(cut)))  # noqa: S311  # the same
                steps.follow(before + cut, kept_by(look(other, folder)))
            replay.go_to(cut)
            wreck = look(card, folder)
            # With both copies torn it would be as on the first day, that is 0.
            assert wreck.remembered.written >= written, f"what was remembered is lost after {cut} writes"
            written = wreck.remembered.written
            slots = (wreck.remembered.primary, wreck.remembered.trial)
            may = [("A", None), ("B", "B")] if replay is replays[0] else [("B", "B"), ("B", None)]
            assert slots in may, f"{slots} after {cut} writes of {replay.log}"
            left = files_of(card)
            assert {name: left.get(name) for name in whole} == whole, f"the FAT has changed after {cut} writes"
            kept = kept_by(wreck)
            steps.follow(before + cut, kept)
            looked += 1
            if looked % (looked_at // BOOTED) == 0:
                wrecks.append((card.copy(folder / f"cut-{looked}.img").path, kept))
        replay.go_to(len(replay.writes))
        before += len(replay.writes)
    print(f"{looked} cut points, {len(wrecks)} to be booted; {len(forgetful)} forgetful cards, lost: {forgetful}")
    assert looked >= LOOKED_AT
    assert any(forgetful)
    # Of those to be booted, some are as they were flashed, and some are somebody's.
    assert len({kept for _, kept in wrecks}) > 2
    return wrecks


def test_nothing_is_written_but_what_is_listed(life: Life) -> None:
    """Neither the slot that runs nor what lies between the partitions (image/persists.toml): A runs first, then B."""
    card = Card(life.first)
    data = card.range(DATA)[0]
    for log, others in zip(life.logs, ([SLOT_B], []), strict=True):
        # Of the boot record one sector; the kernel writes whole pages.
        may = [(0, PAGE), *((at, SIZE) for at in OFFSETS), *map(card.range, [FAT, *others])]
        # It grows to the card's end.
        may.append((data, card.path.stat().st_size - data))
        for one in Replay(card.path, log).writes:
            begin, end = one.sector * SECTOR, (one.sector + one.count) * SECTOR
            assert any(start <= begin and end <= start + size for start, size in may), f"{begin} to {end} in {log}"


def test_little_is_written_in_a_day(life: Life) -> None:
    """With a clock that is right, a quota for the month, and somebody who chats now and then, day and night."""
    times = {name: often for name, often in listed().items() if often}
    found = written_in_a_day(life.spells, times)
    for name, size in found.items():
        once = f", {size // times[name]} bytes each time" if name else ""
        print(f"{name or 'everything else'}: {size / 1e6:.2f} MB a day{once}")
    print(f"{sum(found.values()) / 1e6:.2f} MB a day")
    assert sum(found.values()) <= MOST_PER_DAY


def test_cards_boot_and_relay_after_a_cut(
    wrecks: list[tuple[Path, Kept]],
    home: Home,
    upstream: Upstream,
    time_server: TimeServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    assert len(wrecks) >= BOOTED
    time_server.tell((time_server.now // DAY + 1) * DAY + NOON)
    for number, (path, kept) in enumerate(wrecks):
        board = Board(Card(path), home, tmp_path_factory.mktemp("again"))
        board.switch_on()
        try:
            board.wait_for_port(PAGE_PORT)
            board.wait_for_port(443)
            states = RELAYS if kept.claimed else (State.WAITING_TO_BE_CLAIMED,)
            board.eye.wait_for(states, BOOT_TAKES, board.switched_on)
            with connect(board.home, 443, with_tls=True) as person:
                assert exchange(person, chat(f"after cut {number}", MIB), MIB) == answer(CHAT)
            assert board.shell.run("test -e /run/porchlight/data-lost || echo kept") == "kept"
            assert shown_by(board) == kept
        except BaseException as error:
            error.add_note(f"card {number + 1} of {len(wrecks)}, {path.name}, {kept}:\n{board.console.tail()}")
            raise
        finally:
            if board.is_on:
                board.pull_the_plug()
        path.unlink()


def shown_by(board: Board) -> Kept:
    """What the setup page knows of the owner's: who is not asked for a code signs in with the password."""
    visitor = Visitor(board.home)
    if any("code" in form.fields for form in visitor.get(HOME_PAGE).forms):
        return Kept()
    sign_in(visitor)
    domain = visitor.get(f"{HOME_PAGE}name/own").form_with("domain").fields["domain"]
    quota = visitor.get(f"{HOME_PAGE}settings/limits").form_with("relay.monthly_quota").fields["relay.monthly_quota"]
    return Kept(True, domain, int(quota or 0))
