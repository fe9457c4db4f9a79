"""Everything that the verdict and the checks depend on, at one moment. No input or output here."""

from dataclasses import dataclass, field

from appliance.settings.declared import Settings
from appliance.settings.problem import Problem
from appliance.status.certificate import CertificateStatus
from appliance.status.lights import LightsStatus
from appliance.status.machine import Machine
from appliance.status.name import NameStatus
from appliance.status.page import PageStatus
from appliance.status.relay import RelayStatus
from appliance.status.router import RouterStatus
from appliance.status.update import UpdateStatus
from appliance.status.wifi import WifiState

# The relay publishes about once a second; past this many seconds of silence it is not alive. Less than the five
# seconds within which the lights must stop claiming that all is well.
STALE_AFTER = 3.5


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known. What a service that does not run would have told is None.

    Args:
        now: seconds since boot.
        relay: what the relay last said about itself, None when it never spoke since boot.
        connected: whether there is an address and a gateway.
        mistakes: what is wrong with the settings.
        settings: what applies.
        addressed: whether there is an address.
        wall: seconds since 1970, None as long as nobody has told the time.
        machine: what the device itself tells.
        lights: what the lights last said.
        page: what the setup page last said.
        router: what the router's service last said.
        name: what the name's service last said.
        certificate: what the certificate's service last said.
        update: what an update last said.
        wifi: how joining the Wi-Fi network goes, None where nobody tries.
        silent: which services have spoken since boot and do not any more, the relay aside: whoever was told to stop
            takes its word away, so these have died or hang.
        firewall_failed: whether the firewall could not be given the rules that settings and network ask for.
        data_lost: whether the data partition was made anew since somebody last claimed the card.
        halting: whether the system shuts down.
        stored: whether, while it shuts down, nothing can be written to the card any more.
    """

    now: float
    relay: RelayStatus | None
    connected: bool
    mistakes: tuple[Problem, ...] = ()
    settings: Settings = field(default_factory=Settings)
    addressed: bool = True
    wall: float | None = None
    machine: Machine = field(default_factory=Machine)
    lights: LightsStatus | None = None
    page: PageStatus | None = None
    router: RouterStatus | None = None
    name: NameStatus | None = None
    certificate: CertificateStatus | None = None
    update: UpdateStatus | None = None
    wifi: WifiState | None = None
    silent: tuple[str, ...] = ()
    firewall_failed: bool = False
    data_lost: bool = False
    halting: bool = False
    stored: bool = False

    @property
    def alive(self) -> RelayStatus | None:
        """The relay's word while it runs; None before it does, and after it fell silent."""
        relay = self.relay
        if relay is None or relay.phase != "running" or self.now - relay.written > STALE_AFTER:
            return None
        return relay
