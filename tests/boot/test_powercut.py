"""The power is cut at many moments: after each, the card is whole, and what was saved is old or new and never half.

What the emulator wrote to the card since it was flashed is written to a copy again, as far as the cut lets it. This is
the first start with settings saved on the page; ``./test powercut`` goes on to updates and boots.
"""

import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.wifi.rules import key
from tests.boot.board import Board
from tests.boot.card import Card
from tests.boot.conftest import WIFI_PASSWORD
from tests.boot.cuts import FAT, Steps, Wreck, check_fat, look
from tests.boot.eye import Span
from tests.boot.owner import HOME_PAGE, Owner
from tests.boot.writes import SECTOR, Replay, chosen

# Saved one after the other; the last one is what the other tests find.
LIMITS = ("5001", "5002", "5003", "5004", "5005", "")
CUTS = 50


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written.

    Args:
        replay: a card that goes through it.
        saved: how many writes had reached the card when the page said "saved", for each of ``LIMITS``.
    """

    replay: Replay
    saved: list[int]


@pytest.fixture(scope="module")
def recorded(board: Board, owner: Owner, relaying: Span, folder: Path) -> Recorded:
    """All writes since the card was flashed."""
    places = []
    for value in LIMITS:
        page = owner.visitor.get(f"{HOME_PAGE}settings/limits")
        form = page.form_with("relay.max_connections")
        answer = owner.visitor.submit(page, form, **{"relay.max_connections": value})
        assert answer.status == 200, answer.text
        places.append(board.logs[0].stat().st_size)
    card = Card(board.first).copy(folder / "cut.img")
    replay = Replay(card.path, board.logs[0])
    return Recorded(replay, [replay.number_at(place) for place in places])


def limit(wreck: Wreck) -> str:
    """The limit of connections that a card has kept."""
    found = tomllib.loads(wreck.saved.decode()).get("relay", {}).get("max_connections", 0) if wreck.saved else 0
    return str(found or "")


def sectors_with(replay: Replay, name: bytes, numbers: list[int]) -> set[int]:
    """Where a name was written to a folder of the FAT partition, by these of all the writes."""
    found = set()
    with replay.log.open("rb") as log:
        for write in (replay.writes[number - 1] for number in numbers):
            if write.at is not None:
                log.seek(write.at)
                if name in log.read(write.count * SECTOR):
                    found.add(write.sector)
    return found


def test_only_data_and_settings_are_written(recorded: Recorded, board: Board) -> None:
    settings, size = Card(board.first).range(FAT)
    data, _ = Card(board.first).range(4)
    places = [write.sector * 512 for write in recorded.replay.writes]
    # The boot record once, in a page of 4 KiB: the data partition has grown to the card's end.
    assert places.count(0) == 1
    expected = [place < 4096 or settings <= place < settings + size or place >= data for place in places]
    assert all(expected), [place for place, one in zip(places, expected, strict=True) if not one]


def test_the_password_of_wifi_is_hidden_in_one_step(recorded: Recorded, board: Board, folder: Path) -> None:
    """The FAT partition has no journal: the settings file is the owner's or the card's after any write to it."""
    card = Card(board.first).copy(folder / "fat.img")
    start, size = card.range(FAT)
    replay = Replay(card.path, board.logs[0])
    cuts = [n for n, write in enumerate(replay.writes, 1) if start <= write.sector * 512 < start + size]
    before = card.read("porchlight.toml")
    after = before.replace(WIFI_PASSWORD.encode(), key("home", WIFI_PASSWORD).encode())
    assert after != before
    found = []
    for cut in cuts:
        replay.go_to(cut)
        found.append(card.read("porchlight.toml"))
        assert found[-1] in (before, after), f"after {cut} writes the settings file is neither old nor new"
        # Nor has it ever two names, nor the note with the claim code, which is made here too (appliance/fat.py).
        check_fat(card, folder)
    assert found[0] == before
    assert found[-1] == after
    changes = sum(one != other for one, other in pairwise(found))
    assert changes == 1, f"{changes} changes in {len(cuts)} writes"
    # It has shown the order of the writes: with both names in one sector any order would have done.
    names = [sectors_with(replay, name, cuts) for name in (b"PORCHL~1TOM", b"PORCHLIGNEW")]
    assert all(names), names
    assert names[0].isdisjoint(names[1]), names
    card.path.unlink()


def test_settings_are_old_or_new(recorded: Recorded, folder: Path) -> None:
    steps = Steps(("", *LIMITS), recorded.saved)
    cuts = chosen(len(recorded.replay.writes), CUTS, recorded.saved)
    assert len(cuts) >= CUTS
    for cut in cuts:
        recorded.replay.go_to(cut)
        steps.follow(cut, limit(look(Card(recorded.replay.card), folder)))
