"""Feed and bundle behind what release pages do: redirects to other hosts, signed addresses. And unfit servers."""

import json
import time
from pathlib import Path

import pytest

from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.text import Text
from appliance.update import feed, web
from appliance.update.bundle import explained
from tests.release_page import SIGNED, Shown, encrypting, saying, serving
from tests.update.card import NEW, Card, offer

STATUSES = [301, 302, 303, 307, 308]
# More than anybody would wait for.
ENDLESS = 1 << 40


def offered(shown: Shown, store: Shown, url: str = "x.raucb") -> bytes:
    """Put a feed and a bundle into the store only."""
    said = json.dumps({"version": NEW, "url": url, "compatible": feed.COMPATIBLE}).encode()
    (store.folder / "1234").write_bytes(said)
    (store.folder / "5678").write_bytes(b"hsqs and more")
    return said


@pytest.mark.parametrize("status", STATUSES)
def test_feed_and_bundle_behind_redirects_to_another_place(
    card: Card, paths: Paths, server: tuple[str, Path], shown: Shown, store: tuple[str, Shown], status: int
) -> None:
    """From the latest release to one of them, and to a store, as of releases/latest/download/update.json."""
    offer(paths, server, NEW)
    for file in shown.folder.iterdir():
        file.unlink()
    place, stored = store
    offered(shown, stored)
    for name, there in (("update.json", "1234"), ("x.raucb", "5678")):
        shown.moved[f"/{name}"] = (status, f"/v{NEW}/{name}")
        shown.moved[f"/v{NEW}/{name}"] = (status, f"{place}/{there}{SIGNED}")
    card.updates.look(now=True)
    assert card.contents == [b"hsqs and more"]
    # Beside the feed as it was asked for, not as it was found; and each time anew, since where it lies expires.
    assert stored.asked == ["1234", "5678", "5678"]
    assert shown.sent_on.count("/x.raucb") == 2


def test_a_signed_address_is_asked_for_as_it_is(
    server: tuple[str, Path], shown: Shown, store: tuple[str, Shown]
) -> None:
    place, stored = store
    offered(shown, stored)
    shown.moved["/update.json"] = (302, f"{place}/1234{SIGNED}")
    assert feed.fetch(server[0]).version == NEW
    assert stored.lines == [f"GET /1234{SIGNED} HTTP/1.1"]


@pytest.mark.parametrize("what", ["update.json", "x.raucb"])
def test_from_https_to_http_nothing_is_followed(
    card: Card, paths: Paths, server: tuple[str, Path], shown: Shown, what: str
) -> None:
    offer(paths, server, NEW)
    plain = Shown(shown.folder)
    with serving(plain, None) as place:
        shown.moved[f"/{what}"] = (302, f"{place}/{what}?sig=secret")
        with pytest.raises(UpdateError, match=r"leads to http://127\.0\.0\.1, which is not encrypted") as refused:
            card.updates.look(now=True)
    assert server[0].replace("update.json", what) in refused.value.what
    assert "secret" not in refused.value.what
    assert refused.value.means == web.NO_UPDATE
    assert refused.value.todo == web.ENCRYPTED
    assert (plain.asked, card.written) == ([], [])


def test_from_http_to_https_is_no_loss(shown: Shown, pem: Path, tmp_path: Path) -> None:
    """A feed at home may be asked for without encryption, since its bundle is signed; the bundle itself never is."""
    stored = Shown(tmp_path)
    said = offered(shown, stored, "https://example.org/x.raucb")
    with serving(shown, None) as plain, serving(stored, encrypting(pem)) as place:
        shown.moved["/update.json"] = (302, "/again.json")
        shown.moved["/again.json"] = (302, f"{place}/1234")
        assert web.read(f"{plain}/update.json", 1000) == said


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "https://[x", "https://x:y/"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_to_nothing_else_either(shown: Shown, pem: Path, target: str, encrypted: bool) -> None:
    shown.moved["/x"] = (302, target)
    with serving(shown, encrypting(pem) if encrypted else None) as place:
        for ask in (lambda: web.read(f"{place}/x", 10), lambda: web.in_parts(f"{place}/x")):
            with pytest.raises(UpdateError, match="cannot be asked for updates"):
                ask()


def test_a_circle_ends(server: tuple[str, Path], shown: Shown) -> None:
    shown.moved = {"/update.json": (302, "/a"), "/a": (302, "/b"), "/b": (302, "/a")}
    with pytest.raises(UpdateError, match=r"update.json cannot be asked for updates: it redirects in a circle"):
        feed.fetch(server[0])
    assert shown.sent_on == ["/update.json", "/a", "/b"]


@pytest.mark.parametrize(("steps", "followed"), [(web.MOST_REDIRECTS, True), (web.MOST_REDIRECTS + 1, False)])
def test_a_few_are_followed_and_not_more(server: tuple[str, Path], shown: Shown, steps: int, followed: bool) -> None:
    shown.moved = {f"/{step}": (302, f"/{step + 1}") for step in range(steps)}
    (shown.folder / str(steps)).write_bytes(b"here")
    address = server[0].replace("update.json", "0")
    if followed:
        assert web.read(address, 10) == b"here"
        assert web.in_parts(address) == web.Whole(4, "", True)
    else:
        for ask in (lambda: web.read(address, 10), lambda: web.in_parts(address)):
            with pytest.raises(UpdateError, match="more than 5 times"):
                ask()


def test_what_a_redirect_says_to_people_is_not_waited_for(server: tuple[str, Path], shown: Shown) -> None:
    (shown.folder / "there").write_bytes(b"here")
    shown.moved["/update.json"] = (302, "/there")
    shown.claimed = ENDLESS
    begun = time.monotonic()
    assert web.read(server[0], 10) == b"here"
    assert time.monotonic() - begun < web.PATIENCE / 2


def test_a_server_that_sends_no_parts_is_told(card: Card, paths: Paths, server: tuple[str, Path], shown: Shown) -> None:
    offer(paths, server, NEW)
    shown.parts = False
    with pytest.raises(UpdateError, match=r"x\.raucb cannot be asked .* does not send parts of a file\.") as told:
        card.updates.look(now=True)
    assert card.written == []
    assert isinstance(told.value.what, Text)
    # In the owner's language, the reason too.
    assert told.value.what.values["why"] is web.NO_PARTS
    assert "USB stick" in told.value.todo


def test_what_rauc_says_of_such_a_server_is_told_alike() -> None:
    """RAUC's src/nbd.c, when it begins to stream."""
    said = "LastError: Failed mounting bundle: failed to configure streaming: range requests not supported by server"
    found = explained(f"{said}\nInstalling `https://example.org/x.raucb` failed")
    assert found.what == f"The update could not be installed: {web.NO_PARTS}"
    assert found.todo == web.OTHER_SERVER


def test_a_bundle_that_is_not_there_is_told_with_its_address(
    card: Card, paths: Paths, server: tuple[str, Path], shown: Shown
) -> None:
    offer(paths, server, NEW)
    (shown.folder / "x.raucb").unlink()
    with pytest.raises(UpdateError, match=r"x\.raucb cannot be asked for updates: Not Found\."):
        card.updates.look(now=True)
    assert card.written == []


def test_nothing_of_a_bundle_is_fetched_but_its_first_bytes(server: tuple[str, Path], shown: Shown) -> None:
    """Even where the server knows no parts, and would send all of it."""
    with (shown.folder / "update.json").open("wb") as file:
        file.truncate(ENDLESS)
    web.in_parts(server[0])
    shown.parts = False
    with pytest.raises(UpdateError, match="does not send parts"):
        web.in_parts(server[0])


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"\0" * 100, b"SSH-2.0-x\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://x:y/\r\n\r\n"),
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 302 Found\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/*\r\nContent-Length: 4\r\n\r\nhsqs",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-7/90\r\nContent-Length: 4\r\n\r\nhsqs",
    ],
)
def test_what_speaks_no_http_is_told(answer: bytes) -> None:
    """Such as the sign-in page of a hotel, or another service on that port."""
    with saying(answer) as place, pytest.raises(UpdateError, match="cannot be asked for updates"):
        web.in_parts(place)
