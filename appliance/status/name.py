"""How the relay's name is doing: written by the name service, read by page, checks and command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.status import word
from appliance.status.word import publish, sentence
from appliance.text import Text, text

__all__ = ["NameStatus", "publish", "read"]

# Seconds: the service writes at each change and every few seconds; past this its word is old.
STALE_AFTER = 20.0
NOTHING = text("")


@dataclass(frozen=True, slots=True)
class NameStatus:
    """The name at one moment.

    Args:
        written: seconds since boot.
        provider: the dynamic-DNS provider's key (``appliance.name.providers``); empty where there is none.
        name: the name that people are given: the provider's, or a domain of one's own.
        state: one of ``appliance.name.outcome.NameState``.
        said: the same in plain words; empty when there is nothing to say.
        address: the home's outer address, as inadyn or the router says; empty while nobody knows.
        points_to: the addresses that the name says now.
        known: whether somebody has answered what the name says; a name that does not exist is known to say nothing.
        revision: which saved account this is about (``appliance.name.account.save``).
    """

    written: float
    provider: str
    name: str
    state: str
    said: Text = NOTHING
    address: str = ""
    points_to: tuple[str, ...] = ()
    known: bool = False
    revision: str = ""

    def tried(self, revision: str) -> bool:
        """Whether this is the verdict on an account that somebody has just saved: what the page waits for."""
        return self.revision == revision and self.state != "trying"


def read(path: Path, now: float) -> NameStatus | None:
    """The name service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.name_status``.
        now: seconds since boot.
    """
    return word.read(path, now - STALE_AFTER, _status)


def _status(raw: Any) -> NameStatus:
    return NameStatus(
        written=float(raw["written"]),
        provider=str(raw["provider"]),
        name=str(raw["name"]),
        state=str(raw["state"]),
        said=sentence(raw["said"]),
        address=str(raw["address"]),
        points_to=tuple(str(one) for one in raw["points_to"]),
        known=bool(raw["known"]),
        revision=str(raw["revision"]),
    )
