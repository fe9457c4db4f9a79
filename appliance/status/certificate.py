"""How the certificate is doing: written by the certificate service, read by page, checks and command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.status import word
from appliance.status.word import publish, sentence
from appliance.text import Text, text

__all__ = ["CertificateStatus", "publish", "read"]

# Seconds: the service writes at each change and every few seconds; past this its word is old.
STALE_AFTER = 20.0
NOTHING = text("")


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The certificate at one moment.

    Args:
        written: seconds since boot.
        kind: what the relay shows: ``self-signed`` or ``public``.
        name: what the public one is for; empty for a self-signed one.
        not_after: when the public one ends, in seconds since 1970; 0 for a self-signed one.
        state: one of ``appliance.certificate.outcome.CertificateState``: how asking for one goes.
        said: the same in plain words; empty when there is nothing to say.
        validated: when the authority last reached this device's port 80 from outside, in seconds since boot; 0 for not
            since boot.
    """

    written: float
    kind: str
    name: str = ""
    not_after: float = 0.0
    state: str = "off"
    said: Text = NOTHING
    validated: float = 0.0


def read(path: Path, now: float) -> CertificateStatus | None:
    """The certificate service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.certificate_status``.
        now: seconds since boot.
    """
    return word.read(path, now - STALE_AFTER, _status)


def _status(raw: Any) -> CertificateStatus:
    return CertificateStatus(
        written=float(raw["written"]),
        kind=str(raw["kind"]),
        name=str(raw["name"]),
        not_after=float(raw["not_after"]),
        state=str(raw["state"]),
        said=sentence(raw["said"]),
        validated=float(raw["validated"]),
    )
