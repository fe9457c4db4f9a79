"""What a browser gets: the answer of an ordinary static web server. From the home network, the way to the setup page.

What is answered, in which order the headers stand and how an error looks was read off nginx 1.22 with a folder of
files, the most ordinary server there is. Its name is there too, without a version, as with ``server_tokens off``: that
is common and never out of date, while a server that names nobody is rare. No input or output.
"""

import re
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from urllib.parse import quote, unquote_to_bytes

from appliance.relay.ranges import Span, spans
from appliance.relay.site import Page, Site

# A request longer than this before its empty line is no browser's. Bytes.
LONGEST_REQUEST = 8 * 1024
NAME = "nginx"
REASONS = {
    200: "OK",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    304: "Not Modified",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Not Allowed",
    414: "Request-URI Too Large",
    416: "Requested Range Not Satisfiable",
    505: "HTTP Version Not Supported",
}
REQUEST_LINE = re.compile(rb"([A-Z]+) +([^\x00-\x20\x7f]+) +HTTP/(\d)(?:\.(\d+))? *\r?")
# The beginning of one, as far as it may have come. One space, since the others belong to what follows: two patterns
# that both match a space would be tried in each division of a long row of them.
LINE_SO_FAR = re.compile(rb"[A-Z]+(?: [^\x00-\x1f\x7f]*\r?)?")
# Where the page says something else than the status line.
TITLES = {302: "302 Found"}
# What nginx puts below an error for browsers that would show a page of their own instead of a short one.
PADDING = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n" * 6
# What nginx says to HTTP where TLS is due.
NOT_TLS = "The plain HTTP request was sent to HTTPS port"
ABSOLUTE = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%00")
FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# Whoever speaks no TLS where it is due sees nothing of any site.
NOTHING = Site({}, frozenset())

# Header and body; a part of a page is a view of it, since a copy for each slow reader would fill the memory.
Answer = tuple[bytes, bytes | memoryview]


def is_complete(request: bytes) -> bool:
    """Whether the request's header has ended, or never will within bounds."""
    return b"\r\n\r\n" in request or b"\n\n" in request or len(request) >= LONGEST_REQUEST


def is_decided(astray: bytes) -> bool:
    """Whether somebody without TLS, where it is due, has sent a whole request's header, or something that is none.

    There nobody waits for another version of the app, as on a port for chat: nginx answers at the first wrong byte.
    """
    begun = _without_empty_lines(astray)
    if not begun:
        return len(astray) >= LONGEST_REQUEST
    line, newline, _ = begun.partition(b"\n")
    right = REQUEST_LINE if newline else LINE_SO_FAR
    return is_complete(begun) or not right.fullmatch(line)


def _without_empty_lines(request: bytes) -> bytes:
    """What counts of a request: nginx passes over empty lines before it (RFC 9112 section 2.2)."""
    return request.lstrip(b"\r\n")


def answer_in_clear(astray: bytes) -> Answer:
    """The whole HTTP answer on the port for TLS to what is no TLS.

    Args:
        astray: all of it, when ``is_decided``.
    """
    request = _without_empty_lines(astray)
    line, newline, rest = request.partition(b"\n")
    if not newline and len(line) < LONGEST_REQUEST:
        return _error(400)
    head, body = _answer(request, NOTHING)
    # nginx judges these before it notices what is missing.
    if int(head[9:12]) not in (400, 414, 505) and not line.startswith((b"TRACE ", b"CONNECT ")):
        head, body = _error(400, said=NOT_TLS, headers=_headers(rest))
    return head, b"" if line.startswith(b"HEAD ") else body


def host_of(request: bytes) -> str:
    """The Host that a request names, without its port; empty when there is none that can be trusted in a header."""
    for line in request.split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() == b"host":
            text = value.strip().decode("ascii", "replace").lower()
            host = text[: text.index("]") + 1] if text.startswith("[") and "]" in text else text.partition(":")[0]
            return host if host and all(one.isalnum() or one in ".-[]:" for one in host) and host.isascii() else ""
    return ""


def answer(request: bytes, site: Site, setup_page: str | None) -> Answer:
    """The whole HTTP answer to a request: its header, and the body that follows.

    Args:
        request: the request's header, as far as it came.
        site: what there is to see.
        setup_page: where the setup page is, for somebody on the home network; None for everybody else.
    """
    if setup_page is None:
        head, body = _answer(request, site)
    else:
        head, body = _error(302, after=[f"Location: {setup_page}", "Cache-Control: no-store"])
    return head, b"" if request.startswith(b"HEAD ") else body


def _answer(request: bytes, site: Site) -> Answer:
    line, newline, rest = request.partition(b"\n")
    if not newline or len(line) >= LONGEST_REQUEST:
        return _error(414)
    asked = REQUEST_LINE.fullmatch(line)
    if asked is None or line.startswith(b"PRI "):
        return _error(400)
    method, target, major, _minor = asked.groups()
    if major != b"1":
        return _error(505)
    headers = _headers(rest)
    path = _path(target)
    if headers is None or path is None:
        return _error(400)
    if b"host" not in headers and asked[4] != b"0":
        return _error(400, headers=headers)
    if method not in (b"GET", b"HEAD", b"POST"):
        return _error(405, headers=headers)
    if path + b"/" in site.folders:
        query = target.partition(b"?")[1:]
        place = quote(path + b"/") + b"".join(query).decode("ascii", "replace")
        return _error(301, before=[f"Location: {place}"]) if place.isascii() else _error(400)
    page = site.pages.get(path + b"index.html" if path.endswith(b"/") else path)
    if page is None:
        return _error(403 if path in site.folders else 404, headers=headers)
    # nginx looks for the file first, and minds the method then.
    return _page(page, headers) if method != b"POST" else _error(405, headers=headers)


def _headers(text: bytes) -> dict[bytes, bytes] | None:
    """The header fields, names in lower case; None when they are not in order, or Host is no host or stands twice."""
    found: dict[bytes, bytes] = {}
    for line in text.split(b"\n"):
        if line in (b"", b"\r"):
            break
        name, colon, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t\r")
        if not colon or not FIELD_NAME.fullmatch(name) or b"\0" in value:
            return None
        if name == b"host" and (name in found or not value or b"/" in value or b" " in value):
            return None
        found.setdefault(name, value)
    else:
        # The header has no end.
        return None
    return found


def _path(target: bytes) -> bytes | None:
    """The path that a request asks for, decoded and without dot segments; None when there is none.

    Paths above the root are none, as nothing is above it.
    """
    if host := ABSOLUTE.match(target):
        target = b"/" + target[host.end() :].removeprefix(b"/")
    raw = target.partition(b"#")[0].partition(b"?")[0]
    if not raw.startswith(b"/") or BAD_ESCAPE.search(raw):
        return None
    kept: list[bytes] = []
    parts = unquote_to_bytes(raw)[1:].split(b"/")
    for part in parts:
        if part == b"..":
            if not kept:
                return None
            kept.pop()
        elif part not in (b"", b"."):
            kept.append(part)
    is_folder = parts[-1] in (b"", b".", b"..")
    return b"/" + b"/".join(kept) + (b"/" if is_folder and kept else b"")


def _page(page: Page, headers: Mapping[bytes, bytes]) -> Answer:
    modified = formatdate(page.modified, usegmt=True)
    etag = f'"{page.modified:x}-{len(page.body):x}"'
    about = [f"Last-Modified: {modified}"]
    tags = headers.get(b"if-none-match")
    if tags is not None:
        same = tags == b"*" or etag.encode() in [one.strip().removeprefix(b"W/") for one in tags.split(b",")]
    else:
        same = headers.get(b"if-modified-since") == modified.encode()
    if same:
        return _head(304, about, [f"ETag: {etag}"]), b""
    parts, size = _parts(headers, (etag, modified), len(page.body)), len(page.body)
    if parts == []:
        return _error(416, after=[f"Content-Range: bytes */{size}"], headers=headers)
    kind = f"Content-Type: {page.kind}"
    # Several would have to be copied into one answer; a server may send all of it instead (RFC 9110 section 14.2).
    if parts is None or len(parts) > 1:
        return _head(200, [kind, *_length(page.body), *about], [f"ETag: {etag}", "Accept-Ranges: bytes"]), page.body
    start, end = parts[0]
    part = memoryview(page.body)[start:end]
    place = f"Content-Range: bytes {start}-{end - 1}/{size}"
    return _head(206, [kind, *_length(part), *about], [f"ETag: {etag}", place]), part


def _parts(headers: Mapping[bytes, bytes], known: Sequence[str], size: int) -> list[Span] | None:
    """What is asked for of a page; None for all of it.

    Args:
        headers: the request's.
        known: the page's own ETag and date, one of which a browser names that has a part already.
        size: the page's, in bytes.
    """
    condition = headers.get(b"if-range")
    if condition is not None and condition not in [one.encode() for one in known]:
        return None
    return spans(headers.get(b"range", b""), size)


def _error(
    status: int,
    *,
    said: str = "",
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    headers: Mapping[bytes, bytes] | None = None,
) -> Answer:
    """A status with a page of its own.

    Args:
        status: which.
        said: more about it, on the page.
        before: further header fields, before the one about the connection.
        after: and behind it.
        headers: the request's; None when nginx would not have read as far.
    """
    title = TITLES.get(status, f"{status} {REASONS[status]}")
    body = (
        f"<html>\r\n<head><title>{f'{status} {said}' if said else title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n"
        + (f"<center>{said}</center>\r\n" if said else "")
        + f"<hr><center>{NAME}</center>\r\n</body>\r\n</html>\r\n"
        + (PADDING if status >= 400 and _is_padded((headers or {}).get(b"user-agent", b"")) else "")
    ).encode("ascii")
    return _head(status, ["Content-Type: text/html", *_length(body), *before], after), body


def _is_padded(agent: bytes) -> bool:
    """Whether nginx takes it for one of those browsers (its ``ngx_http_process_user_agent``)."""
    if b"Opera" in agent:
        return False
    if 0 <= agent.find(b"MSIE ") < len(agent) - 7:
        return True
    return b"Gecko/" not in agent and b"Chrome/" in agent


def _length(body: bytes | memoryview) -> list[str]:
    return [f"Content-Length: {len(body)}"]


def _head(status: int, before: Sequence[str], after: Sequence[str] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Server: {NAME}", f"Date: {formatdate(usegmt=True)}", *before]
    return "\r\n".join([*lines, "Connection: close", *after, "", ""]).encode("ascii")
