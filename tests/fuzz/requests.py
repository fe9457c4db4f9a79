"""Requests to the setup page: right ones of every route, bent in every part that a sender decides."""

import io
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import appliance.page
from appliance.settings.kinds import LANGUAGES

OURS = "porchlight.local:8199"
PAGES = Path(appliance.page.__file__).parent
# The names that any page asks for, read off the source so that a new one is among them.
ASKED = re.compile(r"request\.(?:form|args|files)\.(?:get|getlist)\(\"([\w.]+)\"")
FIELDS = re.compile(r'name="([\w.]+)"')
NASTY: tuple[str, ...] = (
    *("", " ", "yes", "no", "x", "0", "1", "-1", "8443", "65536", "9" * 5000, "1.5", "1e999", "nan", "٣", "²", "³4"),
    *(
        "a.example",
        "b\u00fccher.example",
        "a" * 70 + ".example",
        "x" * 3000,
        "192.0.2.1",
        "::1",
        "[::1]:80",
        "localhost",
    ),
    *("/", "//evil.example", "/\\evil.example", "http://evil.example/", "javascript:alert(1)", "../../etc/passwd"),
    *(
        "\0",
        "\r\nSet-Cookie: a=b",
        "\ud83d",
        "\u202e",
        "%00",
        "%s%n",
        "{{7*7}}",
        "<script>alert(1)</script>",
        "' OR 1=1",
    ),
    *(
        "200 GB",
        "22:00",
        "25:61",
        "Europe/Vienna",
        "Europe",
        "a@b.example",
        "443",
        "5222",
        *LANGUAGES[:4],
        "duckdns.org",
    ),
)
KINDS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/json",
    "text/plain",
    "",
    "\xff",
)
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "X" * 50)
SAFE = ("GET", "HEAD", "OPTIONS")
FOREIGN = (
    "evil.example",
    "porchlight.local.evil.example",
    "a@porchlight.local",
    "192.168.1.99:8199",
    "",
    "[::2]",
    "x [::1]",
)


def names() -> tuple[str, ...]:
    """Every field that a page or a template of it names."""
    found = {"csrf_token", "page", "relay.enabled"}
    for path in sorted(PAGES.glob("*.py")):
        found.update(ASKED.findall(path.read_text()))
    for path in sorted((PAGES / "templates").glob("*.html")):
        found.update(FIELDS.findall(path.read_text()))
    return tuple(sorted(found))


NAMES = names()


@dataclass(slots=True)
class Request:
    """One request.

    Args:
        method: of HTTP.
        path: without the query.
        route: that it began as; it may be bent to another method or path.
        signed_in: whether it carries the owner's cookie.
        ours: whether its Host is one of the card's.
        from_here: whether its Origin is that Host's.
        token: whether it carries the token that belongs to its cookie.
        environ: all of it, for WSGI.
    """

    method: str
    path: str
    route: tuple[str, str]
    signed_in: bool = False
    ours: bool = True
    from_here: bool = True
    token: bool = True
    environ: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Browsers:
    """The cookies of two browsers, each with the token that belongs to it.

    Args:
        owner: of whoever is signed in.
        stranger: of whoever is not.
    """

    owner: tuple[str, str]
    stranger: tuple[str, str]


class Senders:
    """Those who send requests, to one route after the other.

    Args:
        routes: method and path.
        seed: of what they send.
    """

    def __init__(self, routes: Sequence[tuple[str, str]], seed: int) -> None:
        self._routes = cycle(routes)
        self._chance = random.Random(seed)  # noqa: S311

    def request(self, browsers: Browsers) -> Request:
        """The next request.

        Args:
            browsers: with the cookies that hold now.
        """
        chance = self._chance
        route = method, path = next(self._routes)
        if chance.random() < 0.1:
            method = chance.choice(METHODS)
        if chance.random() < 0.05:
            path = quote(path + chance.choice(NASTY), safe="/%", errors="replace")
        request = Request(method, path, route, chance.random() < 0.6)
        request.ours, request.from_here = chance.random() < 0.9, chance.random() < 0.9
        request.token = chance.random() < 0.9
        self._fill(request, *(browsers.owner if request.signed_in else browsers.stranger))
        return request

    def _fill(self, request: Request, cookie: str, token: str) -> None:
        chance = self._chance
        host = OURS if request.ours else chance.choice(FOREIGN)
        origin = (
            f"http://{host}"
            if request.from_here
            else chance.choice(("http://evil.example", "null", "", f"https://{host}"))
        )
        token = token if request.token else chance.choice(("", "forged", token[:-1], token + "x", "\xff"))
        pairs = [("csrf_token", token)]
        pairs += [(chance.choice(NAMES), chance.choice(NASTY)) for _ in range(chance.choice((0, 1, 3, 8)))]
        if not request.token:
            pairs = [pair for pair in pairs if pair[0] != "csrf_token"] + pairs[:1]
        # The file of an update brings its token in the query.
        query = urlencode(
            [pair for pair in pairs if chance.random() < 0.5 or pair[0] == "csrf_token"], errors="replace"
        )
        kind, body = self._body(pairs)
        if chance.random() < 0.1:
            cookie = "porchlight=" + chance.choice((cookie[11:-3], "x", "e30.x.x", "", cookie[11:][::-1]))
            request.signed_in = False
            # Its token belongs to a session that is not there.
            request.token = False
        request.environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": _unquoted(request.path),
            "QUERY_STRING": query
            if chance.random() < 0.9
            else chance.choice(("%", "a=%ff", "in=" + "x" * 3000, "a&&=&b")),
            "SERVER_NAME": "porchlight",
            "SERVER_PORT": "8199",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.168.1.30",
            "HTTP_HOST": host,
            "HTTP_ORIGIN": origin,
            "HTTP_COOKIE": cookie,
            "HTTP_ACCEPT_LANGUAGE": chance.choice(("fa", "de,en;q=0.5", "x" * 200, "*;q=x", "zh-Hans-CN", "\xff", "")),
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def _body(self, pairs: list[tuple[str, str]]) -> tuple[str, bytes]:
        chance = self._chance
        kind = chance.choice(KINDS) if chance.random() < 0.3 else KINDS[0]
        if kind != KINDS[1]:
            body = urlencode(pairs, errors="replace").encode()
        else:
            parts = [
                f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs
            ]
            parts.append(
                f'--b\r\nContent-Disposition: form-data; name="file"; filename="{chance.choice(NASTY)}"\r\n\r\n'
            )
            body = ("".join(parts)).encode("utf-8", "replace") + self._file() + b"\r\n--b--\r\n"
        if chance.random() < 0.05:
            body = body[: chance.randrange(len(body) + 1)]
        if chance.random() < 0.02:
            body += b"x" * 20_000
        return kind, body

    def _file(self) -> bytes:
        head = b'porchlight = "backup"\nform = 1\n[settings.share]\nchat_port = 8443\n'
        return head + self._chance.choice(
            (b"", b"x", b"[account]\n", b"\xff", b"a = [" + b"[" * 2000, b'domain = "a.b"\n')
        )


def _unquoted(path: str) -> str:
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(path).decode("latin-1")
