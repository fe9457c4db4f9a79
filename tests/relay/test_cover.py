"""What browsers are shown: an ordinary small web server, with the neutral page or the volunteer's own folder."""

import os
import random
import re
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.relay import cover, neutral, site
from appliance.relay.request import is_decided
from appliance.relay.site import LARGEST_SITE, MOST_ENTRIES, Site, SiteError
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, PATIENCE, Upstream, keep, read_exactly, read_to_end, wait_for
from tests.relay.test_wire import tls_connect

# A date that each file of a test's site gets, as HTTP writes it.
CHANGED, CHANGED_IN_WORDS = 1777975200, "Tue, 05 May 2026 10:00:00 GMT"
NEUTRAL = neutral.site(b"a card")
# Cases of the fuzz test: in ./test quick, and in ./test.
FEW, MANY = 3_000, 100_000


def make_site(folder: Path, **more: bytes) -> Path:
    """A small site; further files by name, ``__`` for a slash and ``_`` for a dot."""
    files = {"index_html": b"<h1>My shop</h1>", "a_txt": b"text\n", "d__index_html": b"below", "e__x_png": b"\x89PNG"}
    for name, body in {**files, **more}.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        os.utime(path, (CHANGED, CHANGED))
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Site:
    return site.load(make_site(tmp_path / "shop"), ())


def ask(shown: Site, line: str, *headers: str) -> tuple[str, dict[str, str], bytes]:
    """Ask for something with HTTP/1.1: status line, headers, body."""
    request = "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, "", ""])
    head, body = cover.answer(request.encode("latin-1"), shown, None)
    status, *lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
    found = dict(one.split(": ", 1) for one in lines)
    assert found["Connection"] == "close"
    if not line.startswith("HEAD") and "304" not in status:
        assert found["Content-Length"] == str(len(body))
    return status.removeprefix("HTTP/1.1 "), found, bytes(body)


# Read off nginx 1.22 with a folder of files, line by line; tests/relay has no nginx, which would take port 80.
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /", "200 OK"),
        ("HEAD /", "200 OK"),
        ("GET  / ", "200 OK"),
        ("GET //d//", "200 OK"),
        ("GET /e/../%61.txt?x=1#y", "200 OK"),
        ("GET http://h/a.txt", "200 OK"),
        ("GET /d", "301 Moved Permanently"),
        ("GET /e/", "403 Forbidden"),
        ("GET /nope", "404 Not Found"),
        ("GET /a.txt/", "404 Not Found"),
        ("HEAD /nope", "404 Not Found"),
        ("POST /", "405 Not Allowed"),
        ("POST /nope", "404 Not Found"),
        ("POST /e/", "403 Forbidden"),
        ("OPTIONS /", "405 Not Allowed"),
        ("TRACE /", "405 Not Allowed"),
        ("CONNECT /", "405 Not Allowed"),
        ("DELETE /nope", "405 Not Allowed"),
        ("PATCH /nope", "405 Not Allowed"),
        ("CONNECT a:80", "400 Bad Request"),
        ("OPTIONS *", "400 Bad Request"),
        ("GET /../x", "400 Bad Request"),
        ("GET /d/../../x", "400 Bad Request"),
        ("GET /%2e%2e/x", "400 Bad Request"),
        ("GET /%00", "400 Bad Request"),
        ("GET /%zz", "400 Bad Request"),
        ("GET x", "400 Bad Request"),
        ("GET /a b", "400 Bad Request"),
        ("GET /" + "a" * 9000, "414 Request-URI Too Large"),
    ],
)
def test_it_answers_like_any_static_server(shop: Site, line: str, status: str) -> None:
    got, headers, body = ask(shop, line)
    assert got == status
    if line.startswith("HEAD"):
        assert body == b""
    elif not status.startswith("200"):
        assert headers["Content-Type"] == "text/html"
        assert f"<center><h1>{status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>".encode() in body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\nHost: x\n\n", 200),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000, 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /" + b"a" * 9000, 414),
    ],
)
def test_requests_out_of_order(shop: Site, request_bytes: bytes, status: int) -> None:
    assert is_decided(request_bytes)
    assert cover.answer(request_bytes, shop, None)[0].startswith(b"HTTP/1.1 %d " % status)


def test_the_headers_stand_as_in_nginx(shop: Site) -> None:
    _, headers, body = ask(shop, "GET /a.txt")
    assert body == b"text\n"
    assert list(headers) == [
        *("Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Connection", "ETag", "Accept-Ranges")
    ]
    assert headers["Server"] == "nginx"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Last-Modified"] == CHANGED_IN_WORDS
    assert headers["ETag"] == '"69f9bfa0-5"'
    assert ask(shop, "HEAD /a.txt")[1] == headers
    _, moved, _ = ask(shop, "GET /d?x=1")
    assert list(moved) == ["Server", "Date", "Content-Type", "Content-Length", "Location", "Connection"]
    assert moved["Location"] == "/d/?x=1"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"If-Modified-Since: {CHANGED_IN_WORDS}", "304 Not Modified"),
        ("If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT", "200 OK"),
        ('If-None-Match: "1-1", W/"69f9bfa0-5"', "304 Not Modified"),
        ("If-None-Match: *", "304 Not Modified"),
        ('If-None-Match: "1-1"', "200 OK"),
    ],
)
def test_what_a_browser_has_already_is_not_sent_again(shop: Site, header: str, status: str) -> None:
    got, headers, body = ask(shop, "GET /a.txt", header)
    assert got == status
    if status.startswith("304"):
        assert body == b""
        assert list(headers) == ["Server", "Date", "Last-Modified", "Connection", "ETag"]


def test_files_have_their_types(tmp_path: Path) -> None:
    more = {"u_txt": "Tür".encode(), "l_txt": "Tür".encode("latin-1"), "s_css": b"a{}", "p_jpg": b"", "noext": b"x"}
    shown = site.load(make_site(tmp_path / "site", z_gz=b"x", **more), ())
    kinds = {path.decode(): page.kind for path, page in shown.pages.items()}
    assert kinds == {
        "/index.html": "text/html",
        "/a.txt": "text/plain",
        "/d/index.html": "text/html",
        "/e/x.png": "image/png",
        "/u.txt": "text/plain; charset=utf-8",
        "/l.txt": "text/plain",
        "/s.css": "text/css",
        "/p.jpg": "image/jpeg",
        "/noext": "application/octet-stream",
        "/z.gz": "application/octet-stream",
    }


def test_nothing_outside_of_the_folder_is_shown(tmp_path: Path) -> None:
    folder = make_site(tmp_path / "site")
    (tmp_path / "secret").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / ".hidden").write_text("secret")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("secret")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / "socket"))
        shown = site.load(folder, ())
    assert sorted(shown.pages) == [b"/a.txt", b"/d/index.html", b"/e/x.png", b"/index.html"]
    assert shown.folders == {b"/", b"/d/", b"/e/"}
    for path in (
        "/link.txt",
        "/up/secret",
        "/.hidden",
        "/.git/config",
        "/pipe",
        "/d/..%2f..%2fsecret",
        "/d/%5c..%5c..",
    ):
        assert b"secret" not in ask(shown, f"GET {path}")[2], path


def test_a_folder_that_cannot_be_shown_says_why(tmp_path: Path) -> None:
    def reason(folder: Path, *private: Path) -> str:
        with pytest.raises(SiteError) as caught:
            site.load(folder, private)
        assert "neutral page" in caught.value.means
        return caught.value.what

    assert "it cannot be read (No such file or directory)" in reason(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    assert "is no folder" in reason(tmp_path / "file")
    (tmp_path / "loop").symlink_to("loop")
    assert "it cannot be read (Too many levels of symbolic links)" in reason(tmp_path / "loop")
    (tmp_path / "empty").mkdir()
    assert "no file index.html" in reason(tmp_path / "empty")
    shop = make_site(tmp_path / "shop")
    for private in (shop / "porchlight.toml", shop / "d/state", tmp_path):
        assert "porchlight's own files" in reason(shop, tmp_path / "elsewhere", private), private
    make_site(tmp_path / "large", big_bin=bytes(LARGEST_SITE))
    assert "more than 4 MB" in reason(tmp_path / "large")
    make_site(tmp_path / "many", **{f"f{number}": b"" for number in range(MOST_ENTRIES)})
    assert f"more than {MOST_ENTRIES}" in reason(tmp_path / "many")


def test_at_the_limit_it_is_still_shown(tmp_path: Path) -> None:
    small = sum(len(page.body) for page in site.load(make_site(tmp_path / "s"), ()).pages.values())
    shown = site.load(make_site(tmp_path / "s", big_bin=bytes(LARGEST_SITE - small)), ())
    assert len(shown.pages[b"/big.bin"].body) == LARGEST_SITE - small


@pytest.mark.parametrize(
    ("request_bytes", "host"),
    [
        (b"GET / HTTP/1.1\r\nHost: porchlight.local\r\n\r\n", "porchlight.local"),
        (b"GET / HTTP/1.1\r\nhost:  192.168.1.5:80 \r\n\r\n", "192.168.1.5"),
        (b"GET / HTTP/1.1\r\nHost: [fd00::1]:80\r\n\r\n", "[fd00::1]"),
        (b"GET / HTTP/1.1\r\nHost: a\rLocation:x\r\n\r\n", ""),
        (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", ""),
        (b"GET / HTTP/1.1\r\nHost: ]a\r\n\r\n", ""),
        (b"GET / HTTP/1.1\r\nHost: a:_b\r\n\r\n", ""),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ""),
        (b"GET / HTTP/1.0\r\n\r\n", ""),
    ],
)
def test_the_host_is_taken_only_when_it_is_one(request_bytes: bytes, host: str) -> None:
    assert cover.host_of(request_bytes) == host


@given(st.binary(max_size=300))
def test_any_request_gets_a_whole_answer(request_bytes: bytes) -> None:
    for prefix in (b"", b"GET /", b"GET / HTTP/1.1\r\n"):
        head, body = cover.answer(prefix + request_bytes, NEUTRAL, None)
        # To HTTP/0.9 there is no header.
        assert b"\r\n\r\n" in head or (head == b"" and b"<html" in bytes(body).lower())
        cover.host_of(prefix + request_bytes)


def fuzz(cases: int, shown: Site) -> None:
    """Damage requests: each gets one whole answer, whose header nothing of the request can break."""
    chance = random.Random(cases)  # noqa: S311
    original = (
        b'GET /d/../a.txt?x=%41 HTTP/1.1\r\nHost: x\r\nIf-None-Match: "1"\r\nIf-Modified-Since: y\r\n\r\n',
        b"GET /a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=1-2\r\n\r\n",
        b"GET /e/ HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /d HTTP/1.0\r\n\r\n",
        b"HEAD http://h/%2e/e/x.png HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    )
    pieces = (b"", b"/", b"..", b"%", b"\r", b"\n", b"\0\xff")
    # To HTTP/0.9 there is none.
    whole = re.compile(rb"(?:HTTP/1\.1 \d{3} [A-Za-z -]+\r\n(?:[A-Za-z-]+: [\x20-\x7e]+\r\n)+\r\n)?")
    seen = set()
    for _ in range(cases):
        data = bytearray(chance.choice(original))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.choice(pieces)
        head, body = cover.answer(bytes(data), shown, None)
        assert whole.fullmatch(head), (data, head)
        assert b"" in (body, head) or b"Content-Length: %d\r\n" % len(body) in head
        is_decided(bytes(data))
        assert whole.fullmatch(cover.answer_in_clear(bytes(data))[0])
        seen.add(head[9:12])
    assert {b"200", b"206", b"301", b"400", b"404", b"505"} <= seen


def test_damaged_requests(shop: Site) -> None:
    fuzz(FEW, shop)


@pytest.mark.slow
def test_many_damaged_requests(shop: Site) -> None:
    fuzz(MANY, shop)


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, True),
        (b"DELETE /nope HTTP/1.0\r\n\r\n", 400, True),
        (b"GET / HTTP/1.1\r\n\r\n", 400, False),
        (b"GET /../x HTTP/1.0\r\n\r\n", 400, False),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, False),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, False),
        (b"GET /" + b"a" * 9000, 414, False),
        (b"WA\x06\x03", 400, False),
        (b"\x00", 400, False),
        (b"GET / nonsense\n", 400, False),
        (b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", 400, True),
        (b"\r\nHELP\r\n", 400, False),
        (b"\n" * 9000, 400, False),
    ],
)
def test_where_tls_is_due_others_are_told_so(sent: bytes, status: int, said: bool) -> None:
    assert is_decided(sent)
    head, body = cover.answer_in_clear(sent)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert (cover.NOT_TLS.encode() in bytes(body)) is said


@pytest.mark.parametrize("begun", [b"G", b"GET ", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: x\r\n", b"WA"])
@pytest.mark.parametrize("before", [b"", b"\r\n\r\n", b"\r"])
def test_half_of_it_is_waited_for(begun: bytes, before: bytes) -> None:
    """Also behind empty lines, and behind nothing but these: a scanner's first question is two of them."""
    assert not is_decided(before + begun)
    assert not before or not is_decided(before)


# Everybody on loopback is at home, and would be led to the setup page; a request without a Host cannot be.
BIG_REQUEST = b"GET /big.bin HTTP/1.0\r\n\r\n"


@pytest.mark.costly
def test_a_folder_of_ones_own_is_shown_on_both_ports(
    start_relay: StartRelay, upstream: Upstream, tmp_path: Path
) -> None:
    big = random.Random(1).randbytes(3_000_000)  # noqa: S311
    make_site(tmp_path / "relay0/my site", big_bin=big)
    relay = start_relay(web_directory="my site")
    assert relay.status["problems"] == []
    answers = []
    for client in (relay.connect(relay.chat, BIG_REQUEST), tls_connect(relay.tls, BIG_REQUEST)):
        # A reader that pauses first: more than the socket's buffer has to wait for it.
        time.sleep(0.3)
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")
        assert body == big
        answers.append(re.sub(rb"Date: [^\r]*", b"", head))
    assert answers[0] == answers[1]
    # Streams go on beside somebody who never takes what was asked for.
    lazy = keep(socket.socket())
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect(("127.0.0.1", relay.chat))
    lazy.sendall(BIG_REQUEST)
    relay.connect(relay.media, MEDIA_HELLO)
    assert read_exactly(upstream.next(), len(MEDIA_HELLO)) == MEDIA_HELLO
    lazy.close()
    wait_for(lambda: relay.status["connections"] == 1, "the lazy one to be forgotten")


@pytest.mark.costly
def test_both_ports_answer_at_the_same_byte(start_relay: StartRelay) -> None:
    """What a prober may measure is the code's time, which is one for both, and TLS's own."""
    relay = start_relay()
    request = b"GET / HTTP/1.0\r\nHost: x.example\r\nX-Filling: y\r\n\r\n"
    ends = [relay.connect(relay.chat), tls_connect(relay.tls)]
    for at in range(len(request) - 1):
        for end in ends:
            end.sendall(request[at : at + 1])
    for end in ends:
        end.settimeout(0.3)
        with pytest.raises(TimeoutError):
            end.recv(1)
        end.settimeout(PATIENCE)
    for end in ends:
        end.sendall(request[-1:])
        assert read_to_end(end).startswith(b"HTTP/1.1 ")


def test_a_missing_folder_is_said_and_the_neutral_page_shown(start_relay: StartRelay) -> None:
    relay = start_relay(web_directory="nowhere")
    (problem,) = relay.status["problems"]
    assert "nowhere, cannot be shown: it cannot be read (No such file or directory)." in problem["what"]
    assert problem["what"] in relay.log
    request = b"GET / HTTP/1.0\r\n\r\n"
    seed = neutral.seed_of((relay.folder / "state/relay/certificate.pem").read_text())
    assert seed
    shown = neutral.site(seed).pages[b"/index.html"].body
    assert read_to_end(relay.connect(relay.chat, request)).endswith(b"\r\n\r\n" + shown)
    # Also the settings' own folder, with everything that must stay secret.
    relay.settings["web_directory"] = "."
    relay.write_settings()
    wait_for(lambda: "porchlight's own files" in relay.status["problems"][0]["what"], "the other problem", PATIENCE)
    asked = read_to_end(relay.connect(relay.chat, b"GET /porchlight.toml HTTP/1.0\r\n\r\n"))
    assert asked.startswith(b"HTTP/1.1 404")
    relay.settings["web_directory"] = ""
    relay.write_settings()
    wait_for(lambda: not relay.status["problems"], "the problem to be over")
