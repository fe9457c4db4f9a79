"""The relay's certificate: made at the first start, kept from then on, and followed when somebody puts another there.

The app accepts any certificate on its chat port, so a self-signed one is enough (``own_certificate``). Key and chain
stand in one file, which is replaced in one step: two files would be a mismatched pair for a moment.
"""

import logging
import math
import os
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.clock import since_boot
from appliance.errors import SavedStateError
from appliance.files import Stamp, stamp
from appliance.relay.neutral import seed_of
from appliance.relay.own_certificate import FILE, begin
from appliance.relay.sessions import remember_as_nginx_does
from appliance.relay.tls import Rules
from appliance.relay.validity import not_after
from appliance.settings.problem import Problem
from appliance.status.relay import CertificateServed
from appliance.text import text

log = logging.getLogger(__name__)

# Seconds between two tries to make one where that failed: it takes a second of a Pi 3's time.
MAKE_EVERY = 60.0
# What nginx offers when nobody has set anything (its ngx_http_ssl_module.h): Python's own shorter list, and no answer
# about the protocol inside, would tell the relay from it with a single greeting.
CIPHERS = "HIGH:!aNULL:!MD5"
PROTOCOLS_INSIDE = ["http/1.1", "http/1.0", "http/0.9"]
EXPIRED = Problem(
    text("The publicly issued certificate of the relay has expired."),
    text("The relay uses one of its own meanwhile. People who write notice nothing, but it looks less ordinary."),
    text("Look on the setup page why no new one was issued."),
)


class Certificate:
    """The certificate in use: a publicly issued one as long as there is one that is valid, else the relay's own.

    The app takes any, so a public one that cannot be used or has expired costs nobody the connection: the own one is
    always there to stand in.

    Args:
        folder: the relay's own folder, readable by nobody else.
        public: where the certificate service puts a publicly issued one, key and chain in one file.
        wall: seconds since 1970, or None while nobody has told the time; then no certificate counts as expired.
        making: the process that makes the first one already, if there is one.

    Attributes:
        rules: the TLS settings with it; None while there is none.
        served: what it is, for the status; None while there is none.
    """

    def __init__(
        self, folder: Path, public: Path, wall: Callable[[], float | None], making: subprocess.Popen[str] | None = None
    ) -> None:
        self._folder = folder
        self._wall = wall
        self._making = making
        self._own = _Kept(folder / FILE)
        self._public = _Kept(public)
        self._make_at = 0.0
        self._problems: dict[Path, Problem] = {}
        self.rules: Rules | None = None
        self.served: CertificateServed | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with either of them."""
        return tuple(self._problems.values())

    @property
    def seed(self) -> bytes | None:
        """By what the neutral page is drawn (``neutral.seed_of``), also while a public one is in use."""
        return self._own.seed

    def follow(self) -> bool:
        """Take up what stands in the files, and make an own one where there has never been any.

        A damaged file changes nothing for people as long as the relay runs: what was in use stays in use.

        Returns:
            whether ``rules`` has changed.
        """
        self._follow_own()
        self._follow_public()
        former, wall = self.rules, self._wall()
        public = self._public.rules is not None and (wall is None or wall < self._public.not_after)
        kept = self._public if public else self._own
        self.rules = kept.rules
        self.served = CertificateServed("public" if public else "self-signed", kept.not_after) if kept.rules else None
        if self.rules is not former and former is not None:
            log.info("The relay's certificate has changed; new connections get the new one.")
        if self._public.rules is not None and not public:
            self._report(self._public.file, EXPIRED)
        elif self._problems.get(self._public.file) == EXPIRED:
            del self._problems[self._public.file]
        return self.rules is not former

    def _follow_own(self) -> None:
        own = self._own
        if not own.look() and since_boot() < self._make_at:
            return
        try:
            if own.rules is None:
                self._make_at = since_boot() + MAKE_EVERY
                making, self._making = self._making, None
                made = rules(self._folder, making)
                own.look()
                own.take(made)
                self._make_at = math.inf
            else:
                own.take(_rules(own.file))
        except SavedStateError as error:
            own.note()
            self._report(own.file, Problem(error.what, error.means, error.todo))
        except (OSError, ValueError) as error:
            own.note()
            self._report(
                own.file,
                Problem(
                    text(
                        "The relay's new certificate in %(file)s cannot be used (%(reason)s).",
                        file=str(own.file),
                        reason=_reason(error),
                    ),
                    text("The former one stays in use until the relay is started again; then a fresh one is made."),
                    text("Put a file there that holds the key and its certificates."),
                ),
            )
        else:
            self._problems.pop(own.file, None)

    def _follow_public(self) -> None:
        public = self._public
        if not public.look():
            return
        try:
            public.take(_rules(public.file))
        except FileNotFoundError:
            public.forget()
        except (OSError, ValueError) as error:
            public.note()
            self._report(
                public.file,
                Problem(
                    text("The publicly issued certificate cannot be used (%(reason)s).", reason=_reason(error)),
                    text("The relay goes on with the former one, or with its own; people who write notice nothing."),
                    text("Have another one issued on the setup page."),
                ),
            )
            return
        self._problems.pop(public.file, None)

    def _report(self, file: Path, problem: Problem) -> None:
        if problem != self._problems.get(file):
            log.error("%s", problem)
        self._problems[file] = problem


class _Kept:
    """A file with key and certificates, and what it last held that could be used."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rules: Rules | None = None
        self.not_after = 0
        self.seed: bytes | None = None
        self._seen: Stamp | None = None
        self._stamp: Stamp | None = None

    def look(self) -> bool:
        """Whether something else is there than what was noted last."""
        # What is written while it is read counts as another change, since the look comes first.
        self._seen = stamp(self.file)
        return self._seen != self._stamp

    def note(self) -> None:
        """It has been looked at."""
        self._stamp = self._seen

    def take(self, rules: Rules) -> None:
        """It can be used.

        Raises:
            OSError, ValueError: its date cannot be read.
        """
        text = self.file.read_text("ascii", "replace")
        self.not_after, self.seed = not_after(text), seed_of(text)
        self.rules = rules
        self.note()

    def forget(self) -> None:
        """It is gone."""
        self.rules, self.not_after = None, 0
        self.note()


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError | ValueError):
        return "it is damaged, or its key does not belong to it"
    return os.strerror(getattr(error, "errno", None) or 0)


def rules(folder: Path, making: subprocess.Popen[str] | None = None) -> Rules:
    """The TLS settings with the kept certificate, which is made first if there is none.

    Args:
        folder: the relay's own folder, readable by nobody else.
        making: the process that makes it already, if there is one.

    Raises:
        SavedStateError: no certificate can be made or read, for instance because the card is full.
    """
    file = folder / FILE
    said = making.communicate()[1] if making else ""
    try:
        return _rules(file)
    except FileNotFoundError:
        pass
    except (OSError, ssl.SSLError):
        # Damaged: put aside rather than deleted, so that somebody can find out why.
        with suppress(OSError):
            os.replace(file, file.with_suffix(".damaged"))
    said = said or begin(folder).communicate()[1]
    try:
        return _rules(file)
    except (OSError, ssl.SSLError) as error:
        reason = (said.strip().splitlines() or [str(error)])[-1]
        raise SavedStateError(
            f"The relay could not make its certificate in {folder} ({reason}).",
            "The chat port with TLS stays closed.",
            "Is the card full or damaged? Flash it again if this stays.",
        ) from error


def _rules(file: Path) -> Rules:
    usual, unnamed = _context(file), _context(file)
    usual.sni_callback = _acknowledge
    return Rules(usual, unnamed)


def _acknowledge(person: object, name: str | None, context: ssl.SSLContext) -> None:
    """Whatever name it is: the one certificate answers to it."""


def _context(file: Path) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    # The client knows whether it has AES in hardware: its order of ciphers counts (most phones and a Pi 4 differ).
    found.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    found.set_ciphers(CIPHERS)
    # Whoever offers none of them goes on without: no app is turned away by it.
    found.set_alpn_protocols(PROTOCOLS_INSIDE)
    found.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # A person's FIN without a close_notify is an end like any other, and our own direction goes on; without this,
    # OpenSSL 3 would take the whole connection for broken, and Python could not tell it from a reset.
    found.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    remember_as_nginx_does(found)
    # A key with a password is of no use here, and OpenSSL would ask a terminal for it.
    found.load_cert_chain(file, password="none")  # noqa: S106
    return found
