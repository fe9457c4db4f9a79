"""Key, request and certificate: what is asked for, and whether what came back may go to the relay.

The two jobs that need the library ``cryptography`` run in processes of their own
(``python -m appliance.certificate.issued JOB ...``), so that the service does not carry it for years.
"""

import datetime
import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.files import UNREADABLE, write_atomically

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# The relay's user reads it by the folder's group; nobody else does.
MODE = 0o640
# A certificate may begin that many seconds after our clock says now: clocks differ a little.
SKEW = 300.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says about itself; times in seconds since 1970."""

    names: tuple[str, ...]
    not_before: float
    not_after: float

    def fits(self, name: str) -> bool:
        """Whether it is for that name."""
        return name.lower() in self.names


class Unfit(Exception):
    """A certificate that must not go to the relay; the text says why."""


def facts(file: Path) -> Facts | None:
    """What the certificate in a file says, or None when there is none that can be read."""
    done = _job("facts", str(file))
    try:
        raw = json.loads(done.stdout)
        return Facts(tuple(raw["names"]), float(raw["not_before"]), float(raw["not_after"]))
    except UNREADABLE:
        return None


def request(folder: Path, name: str) -> bool:
    """Make a fresh P-256 key and a signing request for a name: ``key.pem`` (0600) and ``csr.pem`` in ``folder``."""
    return _job("request", str(folder), name).returncode == 0


def deploy(folder: Path, name: str, now: float, target: Path) -> str:
    """Put key and chain into one file for the relay, in one step, if everything about them is right.

    Args:
        folder: where ``key.pem`` and ``chain.pem`` are, the certificate first.
        name: what it must be for.
        now: seconds since 1970.
        target: the relay's file; untouched unless all is well.

    Returns:
        why not, in a few words for the log; empty when it is done.
    """
    done = _job("deploy", str(folder), name, str(now), str(target))
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or ["the check did not run"])[-1]


def _job(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "appliance.certificate.issued", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


# ---- in a process of its own


def _read(pem: bytes) -> "list[Certificate]":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise Unfit("there is no certificate that can be read") from None


def _names(certificate: "Certificate") -> tuple[str, ...]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))


def tell(file: Path) -> str:
    """Facts of the first certificate in a file, as JSON."""
    leaf = _read(file.read_bytes())[0]
    times = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    return json.dumps({"names": _names(leaf), "not_before": times[0], "not_after": times[1]})


def make_request(folder: Path, name: str) -> None:
    """See ``request``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # No subject: authorities take the names from the extension, and a common name has a limit of 64 characters.
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    wanted = builder.sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, *form)
    write_atomically(folder / "key.pem", pem, mode=0o600, durable=False)
    write_atomically(folder / "csr.pem", wanted.public_bytes(serialization.Encoding.PEM), durable=False)


def put(folder: Path, name: str, now: float, target: Path) -> None:
    """See ``deploy``.

    Raises:
        Unfit: something about key and chain is not right.
        OSError: a file is missing, or the card is full or failing.
    """
    import ssl

    key = (folder / "key.pem").read_bytes()
    chain = (folder / "chain.pem").read_bytes()
    certificates = _read(chain)
    check(key, certificates, name, now)
    pem = key.rstrip() + b"\n" + chain
    draft = folder / "draft.pem"
    write_atomically(draft, pem, mode=0o600, durable=False)
    try:
        # What the relay is going to do with it.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(draft)
    except ssl.SSLError as error:
        raise Unfit(f"OpenSSL does not take it ({error.reason})") from None
    finally:
        draft.unlink()
    write_atomically(target, pem, mode=MODE)


def check(key: bytes, certificates: "list[Certificate]", name: str, now: float) -> None:
    """Whether key and chain belong together, are for that name, and hold now.

    Raises:
        Unfit: they are not.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization

    leaf = certificates[0]
    public = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    try:
        ours = serialization.load_pem_private_key(key, None).public_key().public_bytes(*public)
    except (ValueError, TypeError):
        raise Unfit("there is no key that can be read") from None
    if ours != leaf.public_key().public_bytes(*public):
        raise Unfit("the key belongs to another certificate")
    if name.lower() not in _names(leaf):
        raise Unfit("it is for another name")
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if leaf.not_valid_before_utc > moment + datetime.timedelta(seconds=SKEW):
        raise Unfit("it is not valid yet")
    if leaf.not_valid_after_utc <= moment:
        raise Unfit("it has expired")
    for one, issuer in pairwise(certificates):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise Unfit("its chain does not hold together") from None


def main(words: list[str]) -> None:
    """One job.

    Raises:
        Unfit, OSError: it could not be done.
    """
    job, *rest = words
    if job == "facts":
        print(tell(Path(rest[0])))
    elif job == "request":
        make_request(Path(rest[0]), rest[1])
    else:
        put(Path(rest[0]), rest[1], float(rest[2]), Path(rest[3]))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Unfit, OSError) as trouble:
        sys.exit(str(trouble))
