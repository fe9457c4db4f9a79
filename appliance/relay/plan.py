"""What the workers of one generation do."""

from dataclasses import dataclass

from appliance.paths import Paths
from appliance.relay.last_good import LastGood
from appliance.relay.limits import Crowd
from appliance.relay.ports import Port
from appliance.relay.rate import Shares
from appliance.relay.site import Site
from appliance.relay.sums import Sums
from appliance.relay.tls import Rules
from appliance.settings.declared import PageSettings, RelaySettings


@dataclass(frozen=True, slots=True)
class Plan:
    """What one generation of workers does; the same for all of them.

    Args:
        settings: of the relay.
        page: of the setup page, to which browsers at home are led.
        ports: what each port carries.
        tls_rules: None when there is no certificate; then nobody gets through the TLS port.
        max_connections: in all workers together.
        sums: the shared counters.
        crowd: the shared count by address, former generations' included.
        shares: what the workers of all generations tell each other about their rates.
        shares_row: the row there of this generation's first worker.
        site: what browsers are shown.
        last_good: the upstreams' addresses that former processes found.
        paths: where this instance keeps its files.
    """

    settings: RelaySettings
    page: PageSettings
    ports: tuple[Port, ...]
    tls_rules: Rules | None
    max_connections: int
    sums: Sums
    crowd: Crowd
    shares: Shares
    shares_row: int
    site: Site
    last_good: LastGood
    paths: Paths
