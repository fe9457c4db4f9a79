"""How the certificate is doing: written by the certificate service, read by page, checks and command line."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.files import write_atomically
from appliance.status.spoken import packed, unpacked
from appliance.text import Text, text

# Seconds: the service writes at each change and at least every PUBLISH_EVERY; past STALE_AFTER its word is old.
PUBLISH_EVERY = 5.0
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


def publish(path: Path, status: CertificateStatus) -> None:
    """Write the status for the other processes; the folder is in RAM.

    Raises:
        OSError: the folder is missing or full.
    """
    raw = {**asdict(status), "said": packed(status.said)}
    write_atomically(path, json.dumps(raw, separators=(",", ":")).encode(), durable=False)


def read(path: Path, now: float) -> CertificateStatus | None:
    """The certificate service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.certificate_status``.
        now: seconds since boot.
    """
    try:
        raw = json.loads(path.read_bytes())
        found = CertificateStatus(
            written=float(raw["written"]),
            kind=str(raw["kind"]),
            name=str(raw["name"]),
            not_after=float(raw["not_after"]),
            state=str(raw["state"]),
            said=unpacked(raw["said"]),
            validated=float(raw["validated"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if now - found.written <= STALE_AFTER else None
