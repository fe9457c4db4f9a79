"""What the certificate service knows: written by it, read by page and checks."""

import json
from dataclasses import dataclass
from pathlib import Path

# Seconds after which its word is old.
STALE_AFTER = 20.0


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The relay's certificate at one moment.

    Args:
        written: seconds since boot.
        kind: ``self-signed`` or ``public``.
        name: for whom it is.
        not_after: its end, in seconds since 1970.
        state: in one word.
        said: what the certificate authority said, in plain words.
        validated: when the authority last reached this device from outside, in seconds since boot; 0 for never.
    """

    written: float
    kind: str = "self-signed"
    name: str = ""
    not_after: float = 0.0
    state: str = ""
    said: str = ""
    validated: float = 0.0


def read(path: Path, now: float) -> CertificateStatus | None:
    """The certificate service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.certificate_status``.
        now: seconds since boot.
    """
    try:
        found = CertificateStatus(**json.loads(path.read_bytes()))
        return found if now - found.written <= STALE_AFTER else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
