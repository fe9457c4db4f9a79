"""A visitor of the setup page: speaks HTTP, keeps cookies, fills in the forms that the page really shows."""

import html
import http.client
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from itertools import chain
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from tests.boot.home import NEIGHBOUR, Home

PAGE_PORT = 8199
# Seconds: argon2 on an emulated board takes its time.
PATIENCE = 120.0
MOST_REDIRECTS = 5
# Bytes of a file at a time, and what stands between a form's parts.
PIECE, BOUNDARY = 65536, "----a-test-s-boundary"


@dataclass(slots=True)
class Form:
    """One form of a page: where it goes, and its fields with what stands in them."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Page:
    """An answer, read: its status, address, headers, text and forms."""

    status: int
    url: str
    headers: dict[str, str]
    body: str
    forms: list[Form]

    @property
    def text(self) -> str:
        """What somebody reads: without tags, spaces as one."""
        without = re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<[^>]+>", " ", self.body)
        return " ".join(html.unescape(without).split())

    def form_with(self, *names: str) -> Form:
        """The form that has all these fields.

        Raises:
            AssertionError: there is not exactly one.
        """
        found = [form for form in self.forms if set(names) <= form.fields.keys()]
        shown = [sorted(form.fields) for form in self.forms]
        assert len(found) == 1, f"{self.url} ({self.status}) has not one form with {names} but {shown}: {self.text}"
        return found[0]


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: its kind, its length in bytes, and the bytes, one piece after another."""

    kind: str
    length: int
    pieces: Iterable[bytes]


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
            self._open = True
        elif self._open and tag in ("input", "button", "textarea", "select") and given.get("name"):
            unchecked = given.get("type") in ("checkbox", "radio") and "checked" not in given
            if not unchecked and (tag != "button" or "value" in given):
                self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


def forms_in(body: str) -> list[Form]:
    """The forms of a page, with the values that a browser would send."""
    parser = _Forms()
    parser.feed(body)
    return parser.forms


class Visitor:
    """One browser.

    Args:
        home: where it is.
        source: its address.
    """

    def __init__(self, home: Home, source: str = NEIGHBOUR) -> None:
        self._home, self._source = home, source
        self._cookies: dict[str, str] = {}

    def get(self, url: str, *, follow: bool = True) -> Page:
        """Open a page, and those that it leads to.

        Args:
            url: its host goes into the Host header; the connection always goes to the board.
            follow: whether to follow redirects.

        Raises:
            OSError: the board did not answer.
        """
        return self._ask("GET", url, None, follow)

    def submit(self, page: Page, form: Form, **values: str) -> Page:
        """Fill in a form, send it, and follow where it leads."""
        unknown = values.keys() - form.fields.keys()
        assert not unknown, f"the form has no field {unknown}"
        url = urljoin(page.url, form.action or page.url)
        said = urlencode({**form.fields, **values}).encode()
        body = Body("application/x-www-form-urlencoded", len(said), [said])
        return self._ask(form.method.upper(), url, body, True)

    def bring(self, page: Page, form: Form, name: str, file: Path) -> Page:
        """Choose a file in a form, send it as it is read, and follow where it leads (RFC 7578)."""
        assert name in form.fields, f"the form has no field {name}"
        disposition = f'Content-Disposition: form-data; name="{name}"; filename="{file.name}"'
        kind = "Content-Type: application/octet-stream"
        head = f"--{BOUNDARY}\r\n{disposition}\r\n{kind}\r\n\r\n".encode()
        tail = f"\r\n--{BOUNDARY}--\r\n".encode()
        length = len(head) + file.stat().st_size + len(tail)
        with file.open("rb") as opened:
            pieces = chain([head], iter(partial(opened.read, PIECE), b""), [tail])
            upload = Body(f"multipart/form-data; boundary={BOUNDARY}", length, pieces)
            return self._ask(form.method.upper(), urljoin(page.url, form.action), upload, True)

    def _ask(self, method: str, url: str, body: Body | None, follow: bool) -> Page:
        for _ in range(MOST_REDIRECTS):
            page = self._once(method, url, body)
            if not follow or page.status not in (301, 302, 303, 307, 308):
                return page
            method, body, url = "GET", None, urljoin(url, page.headers["location"])
        raise AssertionError(f"{url} redirects in circles")

    def _once(self, method: str, url: str, body: Body | None) -> Page:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80)
        connection.sock = self._home.connect(parts.port or 80, self._source, PATIENCE)
        headers = {"User-Agent": "Mozilla/5.0 (a test)", "Accept": "text/html"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body is not None:
            headers["Content-Type"] = body.kind
            headers["Content-Length"] = str(body.length)
            headers["Origin"] = f"{parts.scheme}://{parts.netloc}"
            headers["Referer"] = url
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body.pieces if body else None, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        finally:
            connection.close()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                for cookie in SimpleCookie(value).values():
                    self._cookies[cookie.key] = cookie.value
        plain = {name.lower(): value for name, value in response.getheaders()}
        return Page(response.status, url, plain, text, forms_in(text))
