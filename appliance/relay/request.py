"""A browser's request, read as nginx 1.26 reads one: what it takes, what it passes over, and what it calls wrong.

That it answers an odd question in an odd way of its own is how a server is told from others. Read off nginx
(``ngx_http_parse.c``, ``ngx_http_request.c``) and compared with it (docs/cover.md). No input or output.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

# A request longer than this before its empty line is no browser's. Bytes. nginx takes as much of one line, and four
# times as much of all; but each opening would have to be reckoned with so much memory.
LONGEST = 8 * 1024
# What nginx takes of a body, in bytes (``client_max_body_size``).
LONGEST_BODY = 1024 * 1024
LARGEST_NUMBER = 2**63 - 1
METHOD = rb"[A-Z_-]+"
# No part can match where its neighbour does: each place of a long line is tried in one way only.
_REST = rb"[^\x00-\x20\x7f]*"
_SCHEME = rb"[A-Za-z][A-Za-z0-9+.-]*"
_HOST = rb"\[[A-Za-z0-9:._~!$&'()*+,;=-]*\]|[A-Za-z0-9.-]*"
_PLACE = rb"(/" + _REST + rb")|" + _SCHEME + rb"://(" + _HOST + rb")(?::[0-9]*)?([/?]" + _REST + rb"|(?= ))"
LINE = re.compile(rb"(" + METHOD + rb") +(?:" + _PLACE + rb")(?: +(?:HTTP/1\.(0*[0-9]{1,3}) *)?)?\r?")
# A line that is wrong in nothing but its version.
OTHER_VERSION = re.compile(METHOD + rb" +(?:" + _PLACE + rb") +HTTP/([1-9][0-9]?)")
# The beginning of a line, as far as it may have come.
_PLACE_WHOLE = rb"(?:/" + _REST + rb"|" + _SCHEME + rb"://(?:" + _HOST + rb")(?::[0-9]*)?(?:[/?]" + _REST + rb")?)"
_PLACE_BEGUN = _SCHEME + rb"(?::/{0,2}|://\[[A-Za-z0-9:._~!$&'()*+,;=-]*)?"
_VERSION_BEGUN = rb"H(?:T(?:T(?:P(?:/(?:1(?:\.(?:0*[0-9]{1,3} *\r?)?)?)?)?)?)?)?"
_BEHIND_METHOD = rb"(?:" + _PLACE_BEGUN + rb"|" + _PLACE_WHOLE + rb"(?: *\r?| +" + _VERSION_BEGUN + rb"))"
BEGUN = re.compile(rb"(?:" + METHOD + rb"(?: +" + _BEHIND_METHOD + rb"?)?)?")
# A field: its name, and what it says; a line without a colon is a name alone.
FIELD = re.compile(rb"([^\x00-\x20\x7f:][^\x00-\x20\x7f:]*)(?::([^\x00\r]*))?\r*")
# Names that nginx knows; it passes over others (``ignore_invalid_headers``).
NAME = re.compile(rb"[A-Za-z0-9-]+")
ONCE = frozenset(
    (
        *(b"host", b"if-modified-since", b"if-unmodified-since", b"if-match", b"if-none-match", b"if-range"),
        *(b"content-length", b"content-range", b"transfer-encoding", b"expect", b"authorization"),
    )
)
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%00")
TOO_LARGE = "Request Header Or Cookie Too Large"


class Refused(Exception):
    """What nginx answers to a request that is not in order.

    Args:
        status: of HTTP.
        said: more about it, on the page.
        headers: what had been read of the request's; None when nginx would not have read as far.
        bare: whether the page comes without a header, as to HTTP/0.9.
    """

    def __init__(
        self, status: int, said: str = "", headers: Mapping[bytes, bytes] | None = None, *, bare: bool = False
    ) -> None:
        super().__init__(status)
        self.status, self.said, self.headers, self.bare = status, said, headers, bare


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is in order.

    Args:
        method: as it was sent.
        path: decoded and without dot segments.
        query: with its question mark; empty where there is none.
        minor: of HTTP/1; -1 for HTTP/0.9, which has no header.
        host: that was asked for, in the first line or by its header, without its port; empty where there is none.
        headers: names in lower case, the first of each.
    """

    method: bytes
    path: bytes
    query: bytes
    minor: int
    host: bytes = b""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)


def without_empty_lines(data: bytes) -> bytes:
    """What counts of a request: nginx passes over empty lines before it (RFC 9112 section 2.2)."""
    return data.lstrip(b"\r\n")


def is_decided(data: bytes) -> bool:
    """Whether a whole request has come, or something that is none: nginx answers at the first wrong byte.

    Args:
        data: all that has come.
    """
    begun = without_empty_lines(data)
    if not begun:
        return len(data) >= LONGEST
    line, newline, rest = begun.partition(b"\n")
    if not newline:
        return len(line) >= LONGEST or not BEGUN.fullmatch(line)
    found = LINE.fullmatch(line)
    if found is None or found[5] is None or len(begun) >= LONGEST:
        return True
    if rest.startswith((b"\n", b"\r\n")) or b"\n\n" in rest or b"\n\r\n" in rest:
        return True
    # Of a header the last two lines are looked at: all of it again with each byte would be too much work.
    before, _, last = rest.rpartition(b"\n")
    whole = before.rpartition(b"\n")[2]
    return not all(one in (b"", b"\r") or FIELD.fullmatch(one) for one in (whole, last))


def read(data: bytes) -> Request:
    """Read a request.

    Args:
        data: all that has come of it, when it ``is_decided``.

    Raises:
        Refused: it is not in order.
    """
    line, newline, rest = without_empty_lines(data).partition(b"\n")
    found = LINE.fullmatch(line)
    if len(line) >= LONGEST:
        raise Refused(414)
    if not newline or found is None:
        other = OTHER_VERSION.match(line)
        raise Refused(505 if other and int(other[4]) > 1 else 400)
    method, path, host, behind, minor = found.groups()
    target = path if path is not None else behind if behind.startswith(b"/") else b"/" + behind
    if host is not None and not _is_host(host):
        raise Refused(400, bare=minor is None)
    if minor is None and method != b"GET":
        raise Refused(400, bare=True)
    place, mark, query = target.partition(b"#")[0].partition(b"?")
    decoded = _decoded(place)
    if decoded is None:
        raise Refused(400, bare=minor is None)
    if minor is None:
        return Request(method, decoded, mark + query, -1, host or b"")
    version = int(minor[-3:])
    headers = _fields(rest)
    _judge(version, headers)
    if method in (b"CONNECT", b"TRACE"):
        raise Refused(405, headers=headers)
    return Request(method, decoded, mark + query, version, host or _bare(headers.get(b"host", b"")), headers)


def _fields(text: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    size = 0
    # What stands behind the last line's end is no line yet.
    *lines, last = text.split(b"\n")
    for line in lines:
        size += len(line) + 1
        if size > LONGEST:
            break
        if line in (b"", b"\r"):
            return found
        said = FIELD.fullmatch(line)
        if said is None:
            raise Refused(400, headers=found)
        name, value = said[1].lower(), (said[2] or b"").strip(b" ")
        if not NAME.fullmatch(name):
            continue
        if (name in found and name in ONCE) or (name == b"host" and not _is_host(value)):
            raise Refused(400, headers=found)
        found.setdefault(name, value)
    if size <= LONGEST and last not in (b"", b"\r") and not FIELD.fullmatch(last):
        raise Refused(400, headers=found)
    # The header has no end, or lies beyond what is taken.
    raise Refused(400, TOO_LARGE, found)


def _judge(version: int, headers: Mapping[bytes, bytes]) -> None:
    """What nginx looks at when it has the whole header (``ngx_http_process_request_header``)."""
    if b"host" not in headers and version > 0:
        raise Refused(400, headers=headers)
    length = headers.get(b"content-length")
    if length is not None:
        bare = length.lstrip(b"0") or b"0"
        if not length.isdigit() or len(bare) > len(str(LARGEST_NUMBER)) or int(bare) > LARGEST_NUMBER:
            raise Refused(400, headers=headers)
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if version < 1:
            raise Refused(400, headers=headers)
        if coding.lower() != b"chunked":
            raise Refused(501, headers=headers)
        if length is not None:
            raise Refused(400, headers=headers)


def _is_host(text: bytes) -> bool:
    """Whether it can stand as a host (``ngx_http_validate_host``)."""
    if b".." in text or any(one <= 0x20 or one == 0x7F or one == ord("/") for one in text):
        return False
    return _bare(text) != b""


def _bare(host: bytes) -> bytes:
    """A host without its port, and without the last dot."""
    is_literal = host.startswith(b"[") and b"]" in host
    return (host[: host.index(b"]") + 1] if is_literal else host.partition(b":")[0]).removesuffix(b".")


def _decoded(raw: bytes) -> bytes | None:
    """The path that a request asks for, decoded and without dot segments; None when there is none.

    Paths above the root are none, as nothing is above it.
    """
    if BAD_ESCAPE.search(raw):
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
