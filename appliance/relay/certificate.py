"""The relay's own certificate: made at the first start, kept from then on.

The app accepts any certificate on its chat port, so a self-signed one is enough. It is made in a process of its
own (``python -m appliance.relay.certificate FOLDER``), so that the relay does not carry the library for years for
the sake of one second.
"""

import datetime
import os
import ssl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from appliance.errors import SavedStateError
from appliance.files import write_atomically

# A Pi has no clock before the network is there; a certificate from 1970 would stand out. The year of this code.
NOT_BEFORE_THIS = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LIFETIME = datetime.timedelta(days=3650)


def context(folder: Path) -> ssl.SSLContext:
    """The TLS settings with the kept certificate, which is made first if there is none.

    Args:
        folder: the relay's own folder, readable by nobody else.

    Raises:
        SavedStateError: no certificate can be made or read, for instance because the card is full.
    """
    file = folder / "certificate.pem"
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
    found.load_cert_chain(file)
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
    write_atomically(folder / "certificate.pem", pem, mode=0o600)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
