"""How a request is read: as nginx reads it, and answered as soon as nginx answers."""

import re

import pytest

from appliance.relay import cover, preconditions, site
from appliance.relay.first_bytes import Peer, classify
from appliance.relay.request import LONGEST, TOO_LARGE, Refused, is_decided, read
from appliance.relay.site import Site
from tests.relay.odd_requests import BARE, ODD, WAITS
from tests.relay.test_cover import CHANGED, make_site


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site.load(make_site(tmp_path_factory.mktemp("site")), ())


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (?!100)(\d{3}) |HTTP/1\.1 100 Continue\r\n\r\nHTTP/1\.1 (\d{3}) ", answer)
    return int(found[1] or found[2]) if found else BARE


@pytest.mark.parametrize(("sent", "plain", "clear"), ODD)
def test_it_is_answered_as_by_nginx(shop: Site, sent: bytes, plain: int, clear: int) -> None:
    assert is_decided(sent) is (clear != WAITS)
    if plain == WAITS:
        assert classify(sent) is Peer.UNDECIDED or not is_decided(sent)
        return
    assert classify(sent) is Peer.BROWSER
    head, body = cover.answer(sent, shop, None)
    assert status_of(head + bytes(body)) == plain
    astray, _ = cover.answer_in_clear(sent)
    assert status_of(astray) == clear
    # No whole header is missing here, so nothing is too large.
    assert TOO_LARGE.encode() not in bytes(body)


@pytest.mark.parametrize("sent", [sent for sent, plain, _ in ODD if plain in (200, 304, 404, 412)])
def test_a_request_that_comes_byte_by_byte_is_answered_at_its_end(sent: bytes) -> None:
    begins = len(sent) - len(sent.lstrip(b"\r\n"))
    told = [is_decided(sent[:end]) for end in range(len(sent) + 1)]
    assert told.index(True) == sent.index(b"\r\n\r\n", begins) + 4


def test_a_request_of_its_whole_length() -> None:
    fits = b"GET / HTTP/1.0\r\nX: " + b"a" * (LONGEST - 500) + b"\r\n\r\n"
    assert read(fits).minor == 0
    for long, status in (
        (b"GET / HTTP/1.0\r\nX: " + b"a" * LONGEST, 400),
        (b"GET / HTTP/1.0\r\nX: " + b"a" * LONGEST + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nX: " + b"a" * (LONGEST - 21) + b"\r\n", 400),
        (b"GET / HTTP/1.0\r\nX: " + b"a" * (LONGEST - 20) + b"\r", 400),
        (b"GET /" + b"a" * LONGEST, 414),
        (b"G" * LONGEST, 414),
    ):
        assert is_decided(long)
        with pytest.raises(Refused) as refused:
            read(long)
        assert refused.value.status == status
    assert not is_decided(b"\r\n" * 100)
    assert is_decided(b"\r\n" * LONGEST)


@pytest.mark.parametrize(
    ("sent", "path", "query", "host"),
    [
        (b"GET /a%20b/../c?x=1#y HTTP/1.1\r\nHost: A.example.:80\r\n\r\n", b"/c", b"?x=1", b"A.example"),
        (b"GET ftp+x://h:81?q HTTP/1.1\r\nHost: other\r\n\r\n", b"/", b"?q", b"h"),
        (b"GET http://[::1]:80/d HTTP/1.0\r\n\r\n", b"/d", b"", b"[::1]"),
        (b"GET http://h \r\n", b"/", b"", b"h"),
        (b"GET /d#?x\r\n", b"/d", b"", b""),
    ],
)
def test_what_is_asked_for(sent: bytes, path: bytes, query: bytes, host: bytes) -> None:
    asked = read(sent)
    assert (asked.path, asked.query, asked.host) == (path, query, host)


@pytest.mark.parametrize(
    ("seat", "host", "place"),
    [
        (("http", 80), "A.example", "http://a.example/d/?x"),
        (("https", 443), "a.example:443", "https://a.example/d/?x"),
        (("http", 5222), "a.example:5222", "http://a.example:5222/d/?x"),
        (("https", 80), "[::1]", "https://[::1]:80/d/?x"),
    ],
)
def test_a_folder_is_named_whole(shop: Site, seat: tuple[str, int], host: str, place: str) -> None:
    asked = f"GET /d?x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert f"\r\nLocation: {place}\r\n".encode() in cover.answer(asked, shop, None, seat)[0]
    # Where nobody has said how it is called, it cannot say so either, nor what a balancer in front of it is called.
    assert b"\r\nLocation: /d/\r\n" in cover.answer(b"GET /d HTTP/1.0\r\n\r\n", shop, None, seat)[0]
    assert b"\r\nLocation: /d/?x\r\n" in cover.answer(asked, shop, None)[0]


@pytest.mark.parametrize(
    ("minor", "status"),
    [
        (b"0" * 5000, 200),
        (b"0" * 5000 + b"1", 400),  # it wants a Host then
        (b"999", 400),
        (b"0999", 400),
        (b"1000", 400),
        (b"1" + b"0" * 5000, 400),
        (b"1" * 11, 400),
    ],
)
def test_a_long_version_is_no_trouble(shop: Site, minor: bytes, status: int) -> None:
    sent = b"GET / HTTP/1." + minor + b"\r\n\r\n"
    assert is_decided(sent)
    assert status_of(cover.answer(sent, shop, None)[0]) == status
    # nginx says so at the fourth digit that counts.
    assert is_decided(b"GET / HTTP/1." + minor) is (len(minor.lstrip(b"0")) > 3)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"Tue, 05 May 2026 10:00:00 GMT", CHANGED),
        (b"Tuesday, 05-May-26 10:00:00 GMT", CHANGED),
        (b"Tue May  5 10:00:00 2026", CHANGED),
        (b"x, 05 May 2026 10:00:00", CHANGED),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        (b"Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (b"Tue, 31 Apr 2026 10:00:00 GMT", None),
        (b"Tue, 05 may 2026 10:00:00 GMT", None),
        (b"Tue, 05 May 2026 24:00:00 GMT", None),
        (b"Tue, 05 May 1969 10:00:00 GMT", None),
        (b"05 May 2026", None),
        (b"", None),
    ],
)
def test_dates(text: bytes, found: int | None) -> None:
    assert preconditions.seconds(text) == found
