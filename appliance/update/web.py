"""Fetching as a public release page answers: through redirects, never from https to plain http, and in parts.

The feed is read here. Of a bundle the first bytes are, as RAUC itself does first (``src/nbd.c``, RAUC 1.15): RAUC
follows eight redirects, to plain http too, and its own words name no address. RAUC streams only what lies where the
feed says; what redirects lead to is fetched part by part (``download``), each asked for at the feed's own address,
since the one that it leads to may expire.
"""

import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from typing import IO
from urllib.parse import urlsplit

from appliance.errors import UpdateError
from appliance.text import text

# Seconds without a byte.
PATIENCE = 30.0
# A release page takes two: from the latest release to one of them, and to the store where its files lie.
MOST_REDIRECTS = 5
# The answer to whoever asks for a part (RFC 9110, section 14.4); how long the whole is has to be known.
ANSWER = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE | re.ASCII)
# One that is compared byte by byte; those that begin with W/ are not (RFC 9110, section 8.8.3).
STRONG = re.compile(r'"[^"]*"')
# Bytes of a file that are looked at to see how its server answers: as many as RAUC begins with.
FIRST = 4
# Bytes that are taken from the network at a time.
PIECE = 64 * 1024

NO_UPDATE = "No update was installed; the relay is not affected."
TOMORROW = "It is tried again tomorrow."
NO_PARTS = text("its server does not send parts of a file")
# The page shows what happened; what to do is for the terminal, which speaks English.
OTHER_SERVER = (
    "Bring the update as a file or on a USB stick, and tell whoever offers it that RAUC needs HTTP range requests."
)
ENCRYPTED = "Tell whoever offers the updates that this address has to lead to https:// all the way."


class UnansweredError(UpdateError):
    """Nobody answers, or not to the end: at another moment the same may go well."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The file of which a server sends parts.

    Args:
        size: bytes.
        tag: what changes when the file does (RFC 9110, section 8.8.3); empty where the server has none that is strong.
        moved: whether redirects led to it.
    """

    size: int
    tag: str
    moved: bool


class _AstrayError(urllib.error.URLError):
    """Redirects that are not followed."""


class _NotEncryptedError(_AstrayError):
    """A redirect that leaves https."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects to anywhere, but none that leaves https."""

    def __init__(self) -> None:
        self._left: set[str] = set()

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> HTTPResponse | None:
        # urllib would read to the end what stands there for people, and that may have none.
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        self._left.add(req.full_url)
        if newurl in self._left or len(self._left) > MOST_REDIRECTS:
            raise _AstrayError(f"it redirects in a circle, or more than {MOST_REDIRECTS} times")
        place = urlsplit(newurl)
        if place.scheme != "https" and (req.type == "https" or place.scheme != "http"):
            # Not the whole of it: what follows may be long, and a secret of the server's.
            where = f"{place.scheme}://{place.hostname or ''}"
            raise _NotEncryptedError(text("it leads to %(place)s, which is not encrypted", place=where))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def read(address: str, most: int) -> bytes:
    """Fetch a small file.

    Args:
        address: where from; a redirect is followed.
        most: bytes that are read at most.

    Raises:
        UpdateError: it cannot be had.
    """
    with _asked(address, {}) as answer:
        return answer.read(most)


def in_parts(address: str) -> Whole:
    """Make sure that a bundle can be had in parts, and find out how large it is and whether redirects lead to it.

    Args:
        address: of the bundle.

    Raises:
        UpdateError: nobody answers, or the answer leaves https, or the server does not send parts of a file.
    """
    with part(address, 0, FIRST - 1) as (whole, _):
        return whole


@contextmanager
def part(address: str, first: int, last: int) -> Iterator[tuple[Whole, Iterator[bytes]]]:
    """Ask for a part of a file; redirects are followed.

    Args:
        address: of the file.
        first: its first byte, from 0 on.
        last: its last byte; the file may end before, and so may the answer.

    Returns:
        Of which file it is, and the part in pieces as they come.

    Raises:
        UnansweredError: nobody answers, or the answer breaks off, which is seen while the pieces are taken.
        UpdateError: the answer leaves https, or is no such part.
    """
    with _asked(address, {"Range": f"bytes={first}-{last}"}) as answer:
        # A server that knows no parts sends the whole: nothing of it is read.
        found = ANSWER.fullmatch(answer.headers.get("Content-Range", "")) if answer.status == 206 else None
        begin, end, size = map(int, found.groups()) if found else (0, -1, 0)
        if begin != first or not first <= end <= min(last, size - 1):
            raise UpdateError(_cannot(address, NO_PARTS), NO_UPDATE, OTHER_SERVER)
        tag = answer.headers.get("ETag", "").strip()
        whole = Whole(size, tag if STRONG.fullmatch(tag) else "", answer.url != address)
        yield whole, _pieces(answer, end - first + 1)


def _pieces(answer: HTTPResponse, left: int) -> Iterator[bytes]:
    while left:
        piece = answer.read1(min(PIECE, left))
        if not piece:
            raise IncompleteRead(b"", left)
        left -= len(piece)
        yield piece


@contextmanager
def _asked(address: str, headers: Mapping[str, str]) -> Iterator[HTTPResponse]:
    try:
        # kinds.web_address, or order.is_address.
        request = urllib.request.Request(address, headers={"User-Agent": "porchlight", **headers})  # noqa: S310
        encrypted = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        with urllib.request.build_opener(encrypted, _Redirects()).open(request, timeout=PATIENCE) as answer:
            yield answer
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or error
        todo = ENCRYPTED if isinstance(error, _NotEncryptedError) else TOMORROW
        # Where redirects lead astray they do so a minute later.
        kind = UpdateError if isinstance(error, _AstrayError) else UnansweredError
        raise kind(_cannot(address, reason), NO_UPDATE, todo) from error


def _cannot(address: str, why: object) -> str:
    # A reason that can be said in other languages is, so it stays what it is.
    said = why if isinstance(why, str) else str(why)
    return text("%(address)s cannot be asked for updates: %(why)s.", address=address, why=said)
