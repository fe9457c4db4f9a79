"""A bundle to which redirects lead, fetched by a line that breaks, from a place whose addresses expire."""

import errno
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance import __version__
from appliance.cli.update import update
from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.update import LARGEST_BUNDLE, download, draft, record, web
from appliance.update.record import Record
from appliance.update.service import BUSY, _alone
from tests.release_page import SIGNED, Shown, saying, serving
from tests.update.card import NEW, Card, offer

BYTES = random.Random(1).randbytes(300_000)  # noqa: S311  # the same each time
PART = 100_000
FILE = "1234"


class Place:
    """A release page, the store to which it leads, and a card at the end of a line.

    Args:
        page: what the release page shows; redirects only.
        store: what the store shows.
        address: of the bundle, at the release page.
        paths: of the card.
    """

    def __init__(self, page: Shown, store: Shown, address: str, paths: Paths) -> None:
        self.page, self.store, self.address, self.paths = page, store, address, paths
        self.waited: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.percents: list[int] = []

    def wait(self, seconds: float) -> None:
        """While nothing is asked for, the world goes on."""
        self.waited.append(seconds)
        assert self.left() == []
        self.meanwhile()

    def fetched(self) -> bytes:
        """What RAUC is given."""
        with download.at_hand(self.address, self.paths, self.percents.append, self.wait) as (source, told):
            assert source == str(self.paths.update_download)
            assert stat.S_IMODE(Path(source).stat().st_mode) == 0o640
            told(0)
            told(100)
            return Path(source).read_bytes()

    def refused(self, why: str) -> UpdateError:
        """What is said when it cannot be had."""
        with pytest.raises(UpdateError, match=why) as found:
            self.fetched()
        assert self.left() == []
        return found.value

    def left(self) -> list[str]:
        """What a power cut would leave, but for what the owner has brought."""
        folder = self.paths.update_upload.parent
        return [one.name for one in folder.iterdir() if one != self.paths.update_upload]


@pytest.fixture
def place(
    paths: Paths, shown: Shown, server: tuple[str, Path], store: tuple[str, Shown], monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.setattr(download, "PART", PART)
    (store[1].folder / FILE).write_bytes(BYTES)
    shown.moved["/x.raucb"] = (302, f"{store[0]}/{FILE}{SIGNED}")
    return Place(shown, store[1], server[0].replace("update.json", "x.raucb"), paths)


def test_each_part_is_asked_for_at_the_feed_s_own_address(place: Place) -> None:
    assert place.fetched() == BYTES
    # One look, and three parts.
    assert place.page.sent_on == ["/x.raucb"] * 4
    assert place.store.asked == [FILE] * 4
    assert (place.left(), place.waited) == ([], [])
    # Half of it is the way to the card, the other one the way into the slot.
    assert place.percents == sorted(place.percents)
    assert place.percents[-3:] == [50, 50, 100]
    assert place.percents[0] < 10


def test_it_is_installed_as_a_file_is_and_gone(
    card: Card, paths: Paths, place: Place, server: tuple[str, Path]
) -> None:
    offer(paths, server, NEW)
    assert update(card.updates, now=True) == 0
    assert (card.written, card.contents) == ([str(paths.update_download)], [BYTES])
    assert (card.restarts, place.left()) == (1, [])
    assert record.read(paths.update_record) == Record(NEW, "B", __version__)


def test_what_rauc_refuses_is_gone_too(card: Card, paths: Paths, place: Place, server: tuple[str, Path]) -> None:
    offer(paths, server, NEW)
    card.fails = True
    with pytest.raises(UpdateError, match="damaged"):
        update(card.updates, now=True)
    assert (card.written, place.left()) == ([], [])


def test_what_no_redirect_leads_to_is_streamed(card: Card, paths: Paths, shown: Shown, place: Place) -> None:
    (shown.folder / "y.raucb").write_bytes(BYTES)
    address = place.address.replace("/x", "/y")
    with download.at_hand(address, paths, place.percents.append, place.wait) as (source, told):
        told(7)
        assert (source, place.percents, shown.asked) == (address, [7], ["y.raucb"])


def test_what_the_owner_has_brought_is_taken_as_it_is(paths: Paths, place: Place) -> None:
    with download.at_hand(str(paths.update_upload), paths, place.percents.append) as (source, _):
        assert source == str(paths.update_upload)
    assert place.page.sent_on == []


@pytest.mark.parametrize("seed", range(5))
def test_a_line_that_breaks_goes_on_where_it_broke(place: Place, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # the same each time
    place.store.breaks = [None, *(chance.randrange(PART) for _ in range(20))]
    assert place.fetched() == BYTES
    assert place.waited
    # Nothing comes twice but the first bytes, which are looked at before.
    assert place.store.sent == web.FIRST + len(BYTES)


def test_a_place_that_stays_silent_is_given_up(place: Place) -> None:
    place.store.breaks = [None, 1000, *[0] * 100]
    error = place.refused("x.raucb cannot be asked for updates")
    assert (error.means, error.todo) == (web.NO_UPDATE, web.TOMORROW)
    assert place.waited == list(download.PAUSES)
    # One look, one part that brings something, and one try after each pause.
    assert len(place.store.asked) == 2 + len(download.PAUSES)


def test_whatever_comes_is_another_beginning(place: Place) -> None:
    place.store.breaks = [None, 0, 0, 1, 0, 0, 1, None, 0, 0, 0, 0, 0, None, 0]
    assert place.fetched() == BYTES
    begin, pauses = download.PAUSES[0], download.PAUSES
    assert place.waited == [*pauses[:2], begin, *pauses[1:3], begin, *pauses, begin]


def test_a_file_that_is_gone_is_told(place: Place) -> None:
    place.store.breaks = [None, 1000]
    place.meanwhile = lambda: (place.store.folder / FILE).unlink(missing_ok=True)
    place.refused("x.raucb cannot be asked for updates: Not Found")


def test_an_address_that_expires_is_asked_for_anew(place: Place) -> None:
    place.page.lasts = 3.0
    place.page.clock = place.store.clock = lambda: 3.1 * len(place.waited)
    place.store.breaks = [None, 1000, None, 5]
    assert place.fetched() == BYTES
    assert len(place.waited) == 2
    assert not place.store.expired
    # Whoever stays where it was sent at first, as RAUC does, gets nothing there any more.
    there, _, _ = place.page.moved["/x.raucb"][1].partition(f"/{FILE}")
    with pytest.raises(web.UnansweredError, match="Forbidden"):
        web.in_parts(there + place.store.lines[0].split()[1])
    assert place.store.expired


@pytest.mark.parametrize(
    ("tag", "content"),
    [('"b"', BYTES[::-1]), ('"a"', BYTES + b"x"), ('"a"', BYTES[:-1]), ("", BYTES), ('W/"a"', BYTES)],
)
def test_another_file_in_the_middle_is_given_up(place: Place, tag: str, content: bytes) -> None:
    place.store.tag = '"a"'
    place.store.breaks = [None, 1000]

    def change() -> None:
        (place.store.folder / FILE).write_bytes(content)
        place.store.tag = tag

    place.meanwhile = change
    error = place.refused("The update is damaged or incomplete")
    assert error.todo == web.TOMORROW
    assert len(place.waited) == 1


def test_a_weak_tag_says_nothing(place: Place) -> None:
    """It is not the same for all bytes of a file (RFC 9110, section 8.8.3)."""
    place.store.tag, place.store.breaks = 'W/"a"', [None, 1000]

    def change() -> None:
        place.store.tag = 'W/"b"'

    place.meanwhile = change
    assert place.fetched() == BYTES


def test_a_server_that_sends_no_parts_any_more_is_told(place: Place) -> None:
    place.store.breaks = [None, 1000]

    def change() -> None:
        place.store.parts = False

    place.meanwhile = change
    place.refused("does not send parts of a file")
    assert len(place.waited) == 1


@pytest.mark.parametrize(
    "said",
    [
        *("", "bytes 10-19/*", "bytes */100", "bytes 9-18/100", "bytes 11-19/100", "bytes 10-20/100", "bytes 10-9/100"),
        *("bytes 10-19/19", "bytes 10-19/-5", "bytes 10-19/" + "9" * 5000, "10-19/100", "bits 10-19/100"),
    ],
)
def test_what_is_no_such_part_is_refused(said: str) -> None:
    answer = f"HTTP/1.1 206 Partial Content\r\nContent-Range: {said}\r\nContent-Length: 10\r\n\r\n0123456789"
    refusal = pytest.raises(UpdateError, match="does not send parts")
    with saying(answer.encode()) as address, refusal as refused, web.part(address, 10, 19):
        pytest.fail("it was taken")
    assert not isinstance(refused.value, web.UnansweredError)


@pytest.mark.parametrize(("said", "length"), [("bytes 10-19/100", 99), ("bytes 10-14/100", 5), ("bytes 10-14/15", 5)])
def test_a_shorter_part_is_taken_and_no_more_than_it(said: str, length: int) -> None:
    answer = f"HTTP/1.1 206 Partial Content\r\nContent-Range: {said}\r\nContent-Length: {length}\r\n\r\n0123456789xxxxx"
    with saying(answer.encode()) as address, web.part(address, 10, 19) as (_, pieces):
        assert b"".join(pieces) == b"0123456789"[: min(length, 10)]


def test_a_redirect_that_goes_astray_is_not_tried_again(place: Place) -> None:
    place.store.breaks = [None, 1000]

    def change() -> None:
        place.page.moved["/x.raucb"] = (302, "/a")
        place.page.moved["/a"] = (302, "/x.raucb")

    place.meanwhile = change
    place.refused("redirects in a circle")
    assert len(place.waited) == 1


def test_one_that_leaves_https_is_not_followed_in_the_middle_either(place: Place) -> None:
    plain = Shown(place.store.folder)
    place.store.breaks = [None, 1000]
    with serving(plain, None) as there:

        def change() -> None:
            place.page.moved["/x.raucb"] = (302, f"{there}/{FILE}")

        place.meanwhile = change
        place.refused("which is not encrypted")
    assert plain.asked == []


def test_what_is_too_large_is_not_fetched(place: Place) -> None:
    os.truncate(place.store.folder / FILE, LARGEST_BUNDLE + 1)
    place.refused("damaged or incomplete")
    assert place.store.asked == [FILE]


def test_where_there_is_no_room_it_is_said_and_nothing_fetched(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where nothing would be left for what the owner may bring at the same time."""
    about = os.statvfs(place.paths.state)
    needed = len(BYTES) + LARGEST_BUNDLE + draft.SPARE
    for blocks, enough in ((needed // 4096, False), (needed // 4096 + 1, True)):
        found = os.statvfs_result((4096, 4096, blocks * 2, blocks * 2, blocks, *tuple(about)[5:]))
        monkeypatch.setattr(os, "fstatvfs", lambda _, found=found: found)
        place.store.asked.clear()
        if enough:
            assert place.fetched() == BYTES
        else:
            place.refused("The memory card has no room left")
            assert place.store.asked == [FILE]


def test_the_room_is_taken_before_anything_comes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    place.refused("The memory card has no room left")
    assert place.store.asked == [FILE]


def test_a_card_that_fails_in_the_middle_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    write, left = os.write, [3]

    def fails(descriptor: int, data: bytes) -> int:
        # Only what has no name yet.
        if not os.fstat(descriptor).st_nlink:
            left[0] -= 1
            if not left[0]:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", fails)
    place.refused("The memory card cannot be written: Input/output error")
    assert place.waited == []


def test_where_the_folder_is_missing_it_is_told(place: Place) -> None:
    place.paths.update_upload.parent.rmdir()
    with pytest.raises(UpdateError, match="The memory card cannot be written"):
        place.fetched()


def test_what_lies_in_its_place_gives_way(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"untouched")
    place.paths.update_download.symlink_to(other)
    assert place.fetched() == BYTES
    assert other.read_bytes() == b"untouched"


def test_what_the_owner_brings_meanwhile_comes_first(place: Place) -> None:
    place.store.breaks = [None, 1000]

    def bring() -> None:
        place.paths.update_upload.write_bytes(b"brought")

    place.meanwhile = bring
    place.refused("The file is being looked at")
    assert place.paths.update_upload.read_bytes() == b"brought"


def test_what_the_owner_brought_before_stays_and_does_not_matter(place: Place) -> None:
    place.paths.update_upload.write_bytes(b"brought")
    assert place.fetched() == BYTES
    assert place.paths.update_upload.read_bytes() == b"brought"


def test_it_does_not_take_for_ever(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a byte now and then would be waited for until systemd ends the service without a word."""
    monkeypatch.setattr(download, "TAKES", -1.0)
    place.refused("x.raucb cannot be asked for updates: timed out")
    assert (len(place.store.asked), place.waited) == (2, [])


def test_nobody_else_installs_meanwhile(card: Card, place: Place, server: tuple[str, Path]) -> None:
    offer(card.paths, server, NEW)
    with _alone(card.paths.update_status.parent), pytest.raises(UpdateError, match=str(BUSY)):
        card.updates.look(now=True)
    assert place.page.sent_on == []


def test_a_download_that_failed_is_no_version_that_failed(
    card: Card, paths: Paths, place: Place, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PAUSES", ())
    offer(paths, server, NEW)
    place.store.breaks = [None, 0]
    with pytest.raises(UpdateError, match="cannot be asked"):
        update(card.updates, now=True)
    assert (record.read(paths.update_record), card.restarts) == (None, 0)
    assert (card.said().phase, card.said().lasting) == ("idle", True)
    assert update(card.updates, now=True) == 0
    assert card.contents == [BYTES]
