"""Who keeps the connections: what an opening asks of its worker."""

import _socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from appliance.relay.ports import Port
from appliance.relay.site import Site
from appliance.relay.tls import Person, Rules
from appliance.relay.upstream import Group
from appliance.settings.declared import RelaySettings

if TYPE_CHECKING:
    from appliance.relay.opening import Opening


class Keeper(Protocol):
    """Who keeps the connections: what an opening asks of its worker (``worker.Worker``)."""

    settings: RelaySettings
    # Makes a watcher of a descriptor: gevent's ``loop.io``.
    watch: Callable[[int, int], Any]
    groups: Mapping[str, Group]
    site: Site

    @property
    def now(self) -> float:
        """Seconds since boot, a moment ago."""

    @property
    def resting(self) -> str:
        """Why nobody is relayed (``rest.RESTS``); empty when people are."""

    def count(self, port: Port, name: str, reason: str = "") -> None:
        """Add one to a counter."""

    def count_connect(self, port: Port, seconds: float) -> None:
        """Count a dial by how long it took."""

    def readmit(self, opening: "Opening", address: str) -> bool:
        """Count the connection for another address; False when that one has its share."""

    def tls_rules(self) -> Rules:
        """The certificate and the rules."""

    def setup_page(self, peer: str, host: str) -> str | None:
        """Where the setup page is, for somebody at home."""

    def errand(self, request: bytes, address: str, port: Port, *, tls: bool) -> Site | None:
        """What is shown for this request alone; None for the ordinary site."""

    def relay(
        self,
        opening: "Opening",
        port: Port,
        person: Person,
        upstream: _socket.socket,
        readers: tuple[Any, Any],
        first: bytes,
    ) -> None:
        """Turn the opening into a stream."""

    def no_upstream(self, port: Port, reason: str) -> None:
        """The dial failed."""

    def forget(self, opening: "Opening") -> None:
        """The connection has ended."""
