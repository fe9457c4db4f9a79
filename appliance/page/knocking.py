"""The one-time link of this page: made when somebody looks, kept in memory while it holds, waited for by the relay."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.status import knock
from appliance.status.knock import FOLDER, TOKEN_BYTES, KnockStatus

# Seconds: long enough to look for the phone and turn its Wi-Fi off.
HOLDS = 1800.0


@dataclass(slots=True)
class Knocking:
    """What the relay waits for now.

    Args:
        path: ``Paths.knock``.
    """

    path: Path
    _token: str = ""
    _until: float = 0.0

    def link(self, host: str, port: int, now: float, own: Iterable[str]) -> str:
        """The link for a phone outside; the same one until its time is over or ``again`` was called.

        Args:
            host: the name or address that leads to the relay.
            port: the chat port as the router opens it.
            now: seconds since boot.
            own: the home's own outer addresses: whoever comes from there is at home.

        Raises:
            OSError: the folder in RAM is missing or full.
        """
        if not self._token or now >= self._until:
            self._token, self._until = secrets.token_urlsafe(TOKEN_BYTES), now + HOLDS
            knock.expect(self.path, knock.digest_of(self._token), self._until, own)
        place = f"[{host}]" if ":" in host else host
        return f"https://{place}{'' if port == 443 else f':{port}'}{FOLDER}{self._token}"

    def again(self) -> None:
        """Make another link when it is asked for the next time."""
        self._token = ""

    def answered(self, seen: KnockStatus | None) -> KnockStatus | None:
        """What the relay says of this link; None as long as nobody opened it.

        Args:
            seen: the knock that stands in the relay's status.
        """
        short = knock.digest_of(self._token)[: knock.SHORT]
        return seen if self._token and seen and seen.token == short else None
