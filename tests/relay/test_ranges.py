"""What browsers ask for beside a whole page: a part of it, or an error that is long enough for them."""

from pathlib import Path

import pytest

from appliance.relay import cover, site
from appliance.relay.site import Site
from tests.relay.test_cover import CHANGED_IN_WORDS, NEUTRAL, ask, make_site


@pytest.fixture
def shop(tmp_path: Path) -> Site:
    return site.load(make_site(tmp_path / "shop"), ())


# Each of them as nginx answered it, of 12 bytes.
@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("bytes=0-3", "0-3"),
        ("bytes=0-", "0-11"),
        ("bytes=5-", "5-11"),
        ("bytes=-4", "8-11"),
        ("bytes=-999", "0-11"),
        ("BYTES= 1 - 3 ", "1-3"),
        ("bytes=0001-0002", "1-2"),
        ("bytes=1-9223372036854775807", "1-11"),
        ("bytes=99-,1-2", "1-2"),
        ('bytes=0-3\r\nIf-Range: "69f9bfa0-c"', "0-3"),
        (f"bytes=0-3\r\nIf-Range: {CHANGED_IN_WORDS}", "0-3"),
        ("bytes=99-", ""),
        ("bytes=-0", ""),
        ("bytes=3-1", ""),
        ("bytes=x", ""),
        ("bytes=1-2,", ""),
        ("bytes=- 3", ""),
        ("bytes=0-0,0-0,x", ""),
        ("bytes=1-9223372036854775808", ""),
        ("bytes=" + "9" * 5000 + "-", ""),
        ("bytes=", None),
        ("items=0-3", None),
        ("bytes=0-99,0-3", None),
        ('bytes=0-3\r\nIf-Range: "1-1"', None),
        ("bytes=99-\r\nIf-Range: Tue, 05 May 2026 10:00:01 GMT", None),
        # Of several at once nginx makes one answer, the relay sends all.
        ("bytes=0-1,3-4", None),
    ],
)
def test_a_part_is_sent_as_nginx_would(tmp_path: Path, asked: str, place: str | None) -> None:
    shown = site.load(make_site(tmp_path / "site", b_txt=b"0123456789ab"), ())
    usual = ["Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Connection", "ETag"]
    status, headers, body = ask(shown, "GET /b.txt", f"Range: {asked}")
    if place is None:
        assert (status, body) == ("200 OK", b"0123456789ab")
        assert list(headers) == [*usual, "Accept-Ranges"]
    elif place:
        start, end = map(int, place.split("-"))
        assert (status, body) == ("206 Partial Content", b"0123456789ab"[start : end + 1])
        assert list(headers) == [*usual, "Content-Range"]
        assert headers["Content-Range"] == f"bytes {place}/12"
    else:
        assert status == "416 Requested Range Not Satisfiable"
        assert list(headers) == ["Server", "Date", "Content-Type", "Content-Length", "Connection", "Content-Range"]
        assert headers["Content-Range"] == "bytes */12"
    assert ask(shown, "HEAD /b.txt", f"Range: {asked}")[1] == headers


def test_nothing_of_an_empty_file_can_be_had(tmp_path: Path) -> None:
    shown = site.load(make_site(tmp_path / "site", b_txt=b""), ())
    assert ask(shown, "GET /b.txt", "Range: bytes=0-0")[0] == "200 OK"
    assert ask(shown, "GET /b.txt", "Range: bytes=1-")[0].startswith("416 ")


def test_a_part_is_no_copy() -> None:
    """Somebody slow would else hold one for each connection, of a page that all of them share."""
    _, part = cover.answer(b"GET / HTTP/1.0\r\nRange: bytes=1-\r\n\r\n", NEUTRAL, None)
    assert isinstance(part, memoryview)
    assert part.obj is NEUTRAL.pages[b"/index.html"].body


@pytest.mark.parametrize(
    ("agent", "padded"),
    [
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Safari/537.36", True),
        ("Mozilla/4.0 (compatible; MSIE 6.0)", True),
        ("MSIE 6", False),
        ("Mozilla/5.0 Gecko/20100101 Firefox/99.0", False),
        ("Mozilla/5.0 Gecko/20100101 Chrome/99.0", False),
        ("Opera/9.80 MSIE 6.0; Chrome/99.0", False),
        ("curl/8", False),
    ],
)
def test_an_error_is_longer_for_some_browsers_as_with_nginx(shop: Site, agent: str, padded: bool) -> None:
    for line in ("GET /nope", "DELETE /", "GET /e/"):
        body = ask(shop, line, f"User-Agent: {agent}")[2]
        assert body.endswith(b"</html>\r\n" + cover.PADDING.encode() * padded)
    assert ask(shop, "GET /d", f"User-Agent: {agent}")[2].endswith(b"</html>\r\n")
    astray = cover.answer_in_clear(f"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n".encode())[1]
    assert bytes(astray).endswith(b"</html>\r\n" + cover.PADDING.encode() * padded)
