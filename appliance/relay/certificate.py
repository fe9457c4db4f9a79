"""The relay's certificate: made at the first start, kept from then on, and followed when somebody puts another there.

A publicly trusted one, which the certificate service hands over (docs/certificates.md), goes before it.

The app accepts any certificate on its chat port, so a self-signed one is enough. It is made in a process of its
own (``python -m appliance.relay.certificate FOLDER``), so that the relay does not carry the library for years for
the sake of one second. Key and chain stand in one file, which is replaced in one step: two files would be a mismatched
pair for a moment.
"""

import datetime
import logging
import math
import os
import ssl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from appliance.clock import since_boot
from appliance.errors import SavedStateError
from appliance.files import stamp, write_atomically
from appliance.settings.problem import Problem

log = logging.getLogger(__name__)

# A Pi has no clock before the network is there; a certificate from 1970 would stand out. The year of this code.
NOT_BEFORE_THIS = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LIFETIME = datetime.timedelta(days=3650)
# Seconds between two tries to make one where that failed: it takes a second of a Pi 3's time.
MAKE_EVERY = 60.0
# Both the key and the certificates, in the relay's own folder.
FILE = "certificate.pem"


class Certificate:
    """The certificate in use.

    Args:
        folder: the relay's own folder, readable by nobody else.
        issued: where the certificate service puts a publicly trusted one; while there is one, it is used.

    Attributes:
        context: the TLS settings with it; None while there is none.
        problem: what is wrong with it.
    """

    def __init__(self, folder: Path, issued: Path | None = None) -> None:
        self._folder = folder
        self._own = folder / FILE
        self._issued = issued or self._own
        self._file = self._used = self._own
        self._stamps: object = None
        self._make_at = 0.0
        self.context: ssl.SSLContext | None = None
        self.problem: Problem | None = None

    def follow(self) -> bool:
        """Take up what stands in the file, and make one where there has never been any.

        A damaged file changes nothing for people as long as the relay runs: what was in use stays in use.

        Returns:
            whether ``context`` has changed.
        """
        now = stamp(self._issued), stamp(self._own)
        if now == self._stamps and since_boot() < self._make_at:
            return False
        # From before it is read: what is written meanwhile counts as another change.
        self._stamps = now
        self._file = self._issued if now[0] else self._own
        try:
            if self._file is not self._own:
                self._take(self._file)
            elif self.context is None or self._used is not self._own:
                self._make_at = since_boot() + MAKE_EVERY
                self._take_own()
            else:
                self._take(self._own)
        except SavedStateError as error:
            self._report(Problem(error.what, error.means, error.todo))
            return False
        except ssl.SSLError:
            return self._stays("it is damaged, or its key does not belong to it")
        except OSError as error:
            return self._stays(os.strerror(error.errno or 0))
        self.problem = None
        return True

    def _take(self, file: Path) -> None:
        found = _context(file)
        if self.context is not None:
            log.info("The relay's certificate has changed; new connections get the new one.")
        self.context, self._used = found, file
        self._make_at = math.inf

    def _take_own(self) -> None:
        self.context, self._used = context(self._folder), self._own
        self._make_at = math.inf
        self._stamps = stamp(self._issued), stamp(self._own)

    def _stays(self, reason: str) -> bool:
        """Report a file that cannot be used; whether the relay has changed to its own one instead."""
        self._report(
            Problem(
                f"The relay's new certificate in {self._file} cannot be used ({reason}).",
                "The former one stays in use until the relay is started again; then its own one is used.",
                "Put a file there that holds the key and its certificates.",
            )
        )
        if self.context is not None or self._file is self._own:
            return False
        # At the start there is no former one.
        self._make_at = since_boot() + MAKE_EVERY
        with suppress(SavedStateError):
            self._take_own()
        return self.context is not None

    def _report(self, problem: Problem) -> None:
        if problem != self.problem:
            log.error("%s", problem)
        self.problem = problem


def context(folder: Path) -> ssl.SSLContext:
    """The TLS settings with the kept certificate, which is made first if there is none.

    Args:
        folder: the relay's own folder, readable by nobody else.

    Raises:
        SavedStateError: no certificate can be made or read, for instance because the card is full.
    """
    file = folder / FILE
    try:
        return _context(file)
    except FileNotFoundError:
        pass
    except (OSError, ssl.SSLError):
        # Damaged: put aside rather than deleted, so that somebody can find out why.
        with suppress(OSError):
            os.replace(file, file.with_suffix(".damaged"))
    made = subprocess.run(
        [sys.executable, "-m", "appliance.relay.certificate", str(folder)], capture_output=True, text=True, check=False
    )
    try:
        return _context(file)
    except (OSError, ssl.SSLError) as error:
        reason = (made.stderr.strip().splitlines() or [str(error)])[-1]
        raise SavedStateError(
            f"The relay could not make its certificate in {folder} ({reason}).",
            "The chat port with TLS stays closed.",
            "Is the card full or damaged? Flash it again if this stays.",
        ) from error


def _context(file: Path) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    # The client knows whether it has AES in hardware: its order of ciphers counts (most phones and a Pi 4 differ).
    found.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    found.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # A person's FIN without a close_notify is an end like any other, and our own direction goes on; without this,
    # OpenSSL 3 would take the whole connection for broken, and Python could not tell it from a reset.
    found.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    # A key with a password is of no use here, and OpenSSL would ask a terminal for it.
    found.load_cert_chain(file, password="none")  # noqa: S106
    return found


def validity(now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
    """From when until when a certificate is valid that is made ``now``, by a clock that may stand in 1970."""
    start = max(now - datetime.timedelta(days=1), NOT_BEFORE_THIS)
    return start, start + LIFETIME


def make(folder: Path) -> None:
    """Make a P-256 key and a self-signed certificate, both in one file with mode 0600.

    Raises:
        OSError: the folder is not writable or full.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start, end = validity(datetime.datetime.now(datetime.UTC))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(folder / FILE, pem, mode=0o600)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
