"""The relay's own certificate: made in a process of its own, ``python -m appliance.relay.own_certificate FOLDER``.

The relay would otherwise carry the library for years for the sake of one second. A fresh card waits for that second, so
it begins before the relay has read the rest of its own program, of which this module needs little.
"""

import datetime
import secrets
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from appliance.files import stamp, write_atomically

# Both the key and the certificates, in the relay's own folder.
FILE = "certificate.pem"
# A Pi has no clock before the network is there; a certificate from 1970 would stand out. The year of this code.
NOT_MADE_BEFORE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
# Until then every card of a release has the clock that it was built with, so all of them would begin on the same day:
# each says that it is older than it is, by a time of its own between these two.
YOUNGEST, OLDEST = datetime.timedelta(days=1), datetime.timedelta(days=700)
# What people tell openssl, who want to have done with it: ten years or twenty. With a shorter one it would have to be
# renewed, by a clock that may be wrong; the app looks at no date.
LIFETIMES = (datetime.timedelta(days=3650), datetime.timedelta(days=7300))


def begin(folder: Path) -> subprocess.Popen[str]:
    """Have a certificate made there meanwhile; on its standard error it says why it could not be."""
    command = [sys.executable, "-m", "appliance.relay.own_certificate", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def begin_first(folder: Path) -> subprocess.Popen[str] | None:
    """Have one made where there has never been any; None where there is one, be it damaged, or no process to be had."""
    with suppress(OSError):
        return None if stamp(folder / FILE) else begin(folder)
    return None


def validity(now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
    """From when until when a certificate is valid that is made ``now``, by a clock that may stand in 1970.

    Both are drawn anew each time, so that cards of one release have no date in common.
    """
    spread = int((OLDEST - YOUNGEST).total_seconds())
    age = YOUNGEST + datetime.timedelta(seconds=secrets.randbelow(spread))
    start = max(now, NOT_MADE_BEFORE).replace(microsecond=0) - age
    return start, start + secrets.choice(LIFETIMES)


def make(folder: Path) -> None:
    """Make a P-256 key and a self-signed certificate, both in one file with mode 0600.

    It has the fields that ``openssl req -x509`` gives one, in that order: the commonest way to such a certificate.

    Raises:
        OSError: the folder is not writable or full.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start, end = validity(datetime.datetime.now(datetime.UTC))
    by_key = x509.SubjectKeyIdentifier.from_public_key(public)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(by_key, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(by_key), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(folder / FILE, pem, mode=0o600)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
