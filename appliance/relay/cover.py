"""What a browser gets: the answer of an ordinary static web server. From the home network, the way to the setup page.

What is answered, in which order the headers stand and how an error looks was read off nginx 1.22 and 1.26 with a
folder of files, the most ordinary server there is. Its name is there too, without a version, as with
``server_tokens off``: that is common and never out of date, and a server that names nobody is rare. No input or output.
"""

import re
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from urllib.parse import quote

from appliance.relay import preconditions
from appliance.relay.ranges import Span, spans
from appliance.relay.request import LONGEST_BODY, Refused, Request, read, without_empty_lines
from appliance.relay.site import Page, Site

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
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    416: "Requested Range Not Satisfiable",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}
# Where the page says something else than the status line.
TITLES = {302: "302 Found"}
# What nginx puts below an error for browsers that would show a page of their own instead of a short one.
PADDING = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n" * 6
# What nginx says to HTTP where TLS is due.
NOT_TLS = "The plain HTTP request was sent to HTTPS port"
# What comes before an answer for whoever waits for it (RFC 9110 section 10.1.1).
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"

# A host that may stand in a header of ours, and its port.
HOST = re.compile(rb"(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(?::[0-9]*)?$")

# Header and body; a part of a page is a view of it, since a copy for each slow reader would fill the memory.
Answer = tuple[bytes, bytes | memoryview]


def answer_in_clear(astray: bytes) -> Answer:
    """The whole HTTP answer on the port for TLS to what is no TLS.

    Args:
        astray: all of it, when it ``is_decided``.
    """
    try:
        asked = read(astray)
    except Refused as refused:
        # nginx judges these before it notices what is missing.
        return _refusal(refused, astray)
    head, body = _error(400, said=NOT_TLS, headers=asked.headers)
    return _as_asked(asked, head, body)


def host_of(request: bytes) -> str:
    """The Host that a request names, without its port; empty when there is none that can be trusted in a header."""
    for line in request.split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() == b"host":
            found = HOST.match(value.strip().lower())
            return found[1].decode("ascii") if found else ""
    return ""


def answer(request: bytes, site: Site, setup_page: str | None, seat: tuple[str, int] | None = None) -> Answer:
    """The whole HTTP answer to a request: its header, and the body that follows.

    Args:
        request: the request's header, as far as it came.
        site: what there is to see.
        setup_page: where the setup page is, for somebody on the home network; None for everybody else.
        seat: by which scheme and at which port it was asked; None where others see another one.
    """
    try:
        asked = read(request)
    except Refused as refused:
        return _refusal(refused, request)
    if setup_page is None:
        head, body = _answer(asked, site, seat)
    else:
        head, body = _error(302, after=[f"Location: {setup_page}", "Cache-Control: no-store"])
    return _as_asked(asked, head, body)


def _as_asked(asked: Request, head: bytes, body: bytes | memoryview) -> Answer:
    """To HEAD the header alone, to HTTP/0.9 the body alone."""
    return b"" if asked.minor < 0 else head, b"" if asked.method == b"HEAD" else body


def _refusal(refused: Refused, request: bytes) -> Answer:
    head, body = _error(refused.status, said=refused.said, headers=refused.headers)
    is_head = without_empty_lines(request).startswith(b"HEAD ") and not refused.bare
    return b"" if refused.bare else head, b"" if is_head else body


def _answer(asked: Request, site: Site, seat: tuple[str, int] | None) -> Answer:
    headers, path = asked.headers, asked.path
    if int((headers.get(b"content-length") or b"0").lstrip(b"0") or b"0") > LONGEST_BODY:
        return _error(413, headers=headers)
    if asked.method not in (b"GET", b"HEAD", b"POST"):
        return _error(405, headers=headers)
    if path + b"/" in site.folders:
        place = _base(asked, seat) + quote(path + b"/") + asked.query.decode("ascii", "replace")
        return _error(301, before=[f"Location: {place}"]) if place.isascii() else _error(400)
    page = site.pages.get(path + b"index.html" if path.endswith(b"/") else path)
    if page is None:
        return _error(403 if path in site.folders else 404, headers=headers)
    # nginx looks for the file first, and minds the method then.
    if asked.method == b"POST":
        return _error(405, headers=headers)
    head, body = _page(page, headers)
    waits = asked.minor > 0 and headers.get(b"expect", b"").lower() == b"100-continue"
    return GO_ON + head if waits else head, body


def _base(asked: Request, seat: tuple[str, int] | None) -> str:
    """What nginx puts before a place on the same server: scheme, the host that was asked for, and an odd port."""
    if seat is None:
        return ""
    scheme, port = seat
    host = asked.host.decode("ascii", "replace").lower()
    return f"{scheme}://{host}" + ("" if seat in (("http", 80), ("https", 443)) else f":{port}") if host else ""


def _page(page: Page, headers: Mapping[bytes, bytes]) -> Answer:
    modified = formatdate(page.modified, usegmt=True)
    etag = f'"{page.modified:x}-{len(page.body):x}"'
    about = [f"Last-Modified: {modified}"]
    status = preconditions.failed_or_same(headers, page.modified, etag.encode())
    if status == 412:
        return _error(412, headers=headers)
    if status == 304:
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
