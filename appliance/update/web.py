"""Fetching as a public release page answers: through redirects, never from https to plain http, and in parts.

The feed is read here. Of a bundle only the first bytes are, as RAUC itself does first (``src/nbd.c``, RAUC 1.15): RAUC
follows eight redirects, to plain http too, and its own words name no address. What passes here is handed to RAUC under
the address that the feed names, and not under the one that it leads to: that may expire, so it is to be as young as can
be when RAUC begins.
"""

import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO
from urllib.parse import urlsplit

from appliance.errors import UpdateError
from appliance.text import text

# Seconds without a byte.
PATIENCE = 30.0
# A release page takes two: from the latest release to one of them, and to the store where its files lie.
MOST_REDIRECTS = 5
# The first bytes of a file, and the answer to it (RFC 9110, section 14.4); RAUC needs to know how long the whole is.
FIRST, ANSWER = "bytes=0-3", re.compile(r"bytes 0-3/\d+", re.IGNORECASE | re.ASCII)

NO_UPDATE = "No update was installed; the relay is not affected."
TOMORROW = "It is tried again tomorrow."
NO_PARTS = text("its server does not send parts of a file")
# The page shows what happened; what to do is for the terminal, which speaks English.
OTHER_SERVER = (
    "Bring the update as a file or on a USB stick, and tell whoever offers it that RAUC needs HTTP range requests."
)
ENCRYPTED = "Tell whoever offers the updates that this address has to lead to https:// all the way."


class _NotEncrypted(urllib.error.URLError):
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
            raise urllib.error.URLError(f"it redirects in a circle, or more than {MOST_REDIRECTS} times")
        place = urlsplit(newurl)
        if place.scheme != "https" and (req.type == "https" or place.scheme != "http"):
            # Not the whole of it: what follows may be long, and a secret of the server's.
            where = f"{place.scheme}://{place.hostname or ''}"
            raise _NotEncrypted(text("it leads to %(place)s, which is not encrypted", place=where))
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


def streamed(address: str) -> str:
    """Make sure that RAUC can stream a bundle.

    Args:
        address: of the bundle.

    Returns:
        The same address.

    Raises:
        UpdateError: nobody answers, or the answer leaves https, or the server does not send parts of a file.
    """
    with _asked(address, {"Range": FIRST}) as answer:
        # A server that knows no parts sends the whole: nothing of it is read.
        if answer.status != 206 or not ANSWER.fullmatch(answer.headers.get("Content-Range", "")):
            raise UpdateError(_cannot(address, NO_PARTS), NO_UPDATE, OTHER_SERVER)
    return address


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
        todo = ENCRYPTED if isinstance(error, _NotEncrypted) else TOMORROW
        raise UpdateError(_cannot(address, reason), NO_UPDATE, todo) from error


def _cannot(address: str, why: object) -> str:
    # A reason that can be said in other languages is, so it stays what it is.
    said = why if isinstance(why, str) else str(why)
    return text("%(address)s cannot be asked for updates: %(why)s.", address=address, why=said)
