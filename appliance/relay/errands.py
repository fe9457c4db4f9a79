"""What the relay answers to a browser beside the site: the owner's knock, and a certificate authority's question.

Both are files that another service puts into RAM for some minutes. As long as one is not there, and for whatever does
not match it, the answer is that of the site, byte for byte.
"""

import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.clock import since_boot
from appliance.files import UNREADABLE, write_atomically
from appliance.network.origin import Origin
from appliance.paths import Paths
from appliance.relay.site import Page, Site
from appliance.status import knock
from appliance.status.knock import Expected, KnockStatus

log = logging.getLogger(__name__)

KNOCK = re.compile(rb"GET /s/([A-Za-z0-9_-]{22})(?:\?[^ ]*)? HTTP/1\.[01]\r?\n")
# RFC 8555 sections 8.1 and 8.3: a token is base64url of 128 bits or more; its answer is that and a digest of 43 more.
CHALLENGE = re.compile(
    rb"(?:GET|HEAD|POST) /\.well-known/acme-challenge/([A-Za-z0-9_-]{1,128})(?:\?[^ ]*)? HTTP/1\.[01]\r?\n"
)
LARGEST_ANSWER = 1024
# Seconds since 1970: a page without a date would stand out. Of no meaning, and only the knock's owner sees it.
MODIFIED = 1767225600
# How much a visit of a knock is worth, the best first.
WAYS = ("tls", "clear", "inside")

_PAGE = (
    '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
    '<meta name="viewport" content="width=device-width"></head>\n<body><h1>{sign} {title}</h1><p>{text}</p></body>\n'
    "</html>\n"
)
ARRIVED = _PAGE.format(sign="&#10003;", title="It works", text="You can close this page.").encode()
AT_HOME = _PAGE.format(
    sign="&#9888;",
    title="Almost",
    text="This device still uses the Wi-Fi at home. Turn Wi-Fi off, so that it uses mobile data, and open this page "
    "again.",
).encode()


class Errands:
    """The answers of one worker.

    Args:
        paths: where this instance keeps its files.
        origin: where a peer comes from, by its address and the home's own outer ones.
    """

    def __init__(self, paths: Paths, origin: Callable[[str, tuple[str, ...]], Origin]) -> None:
        self._knock = paths.knock
        self._challenges = paths.challenges
        self._visits = Visits(paths.relay_status.parent)
        self._origin = origin

    def answer(self, request: bytes, address: str, port: int, *, tls: bool) -> Site | None:
        """A site for this request alone, or None when it is to see the ordinary one.

        Args:
            request: the whole header.
            address: whose request it is.
            port: where it came.
            tls: whether inside TLS.
        """
        if found := KNOCK.match(request):
            return self._knocked(found[1], address, port, tls=tls)
        if found := CHALLENGE.match(request):
            return self._challenged(found[1])
        return None

    def _knocked(self, token: bytes, address: str, port: int, *, tls: bool) -> Site | None:
        wanted = knock.expected(self._knock)
        digest = knock.digest_of(token.decode("ascii"))
        if wanted is None or not secrets.compare_digest(digest, wanted.digest) or since_boot() >= wanted.until:
            return None
        came = self._origin(address, wanted.own)
        way = "inside" if not came.counts else "tls" if tls else "clear"
        status = KnockStatus(wanted.short, int(since_boot()), came.counts, came is Origin.ROUTER, tls, port)
        try:
            if not self._visits.add(way, status):
                return None
        except OSError as error:
            log.error("A visit from outside cannot be told to the setup page (%s).", error.strerror)
            return None
        return _site(b"/s/" + token, Page(ARRIVED if came.counts else AT_HOME, "text/html", MODIFIED))

    def _challenged(self, token: bytes) -> Site | None:
        page = _small_file(self._challenges / token.decode("ascii"))
        return _site(b"/.well-known/acme-challenge/" + token, page) if page else None


def _site(path: bytes, page: Page) -> Site:
    return Site({path: page}, frozenset())


def _small_file(path: Path) -> Page | None:
    """A file that another service has put there; None when it is none, a link, or too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        about = os.fstat(descriptor)
        body = os.read(descriptor, LARGEST_ANSWER + 1) if stat.S_ISREG(about.st_mode) else b""
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return Page(body, "text/plain", int(about.st_mtime)) if 0 < len(body) <= LARGEST_ANSWER else None


class Visits:
    """Which ways a knock has come, in the relay's own folder in RAM: all its processes see it, and the next ones too.

    From outside each way is taken once. From inside it may come again: its owner is told to turn Wi-Fi off and repeat.

    Args:
        folder: the relay's own, in RAM.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Nobody knows at first what a former process has left.
        self._kept: str | None = None

    def _file(self, token: str, way: str) -> Path:
        return self._folder / f"knock-{token}-{way}"

    def add(self, way: str, status: KnockStatus) -> bool:
        """Take note of a visit; False when it came this way before.

        Raises:
            OSError: the folder is full.
        """
        file = self._file(status.token, way)
        raw = json.dumps([status.seen, status.router, status.port]).encode()
        if way == "inside":
            write_atomically(file, raw, durable=False)
            return True
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return False
        with open(descriptor, "wb") as opened:
            opened.write(raw)
        return True

    def best(self, wanted: Expected | None) -> KnockStatus | None:
        """What the status says of the knock that is waited for; the traces of all others go."""
        token = wanted.short if wanted else ""
        if token != self._kept:
            for old in self._folder.glob("knock-*"):
                if not token or not old.name.startswith(f"knock-{token}-"):
                    old.unlink(missing_ok=True)
            self._kept = token
        for way in WAYS if token else ():
            with suppress(*UNREADABLE):
                seen, router, port = json.loads(self._file(token, way).read_bytes())
                return KnockStatus(token, seen, way != "inside", router, way == "tls", port)
        return None
