"""How far the owner has come, as far as router and relay can tell."""

from appliance.clock import since_boot
from appliance.network.verdict import Verdict
from appliance.page.porch import porch
from appliance.page.steps import Progress
from appliance.settings import load
from appliance.status import relay, router
from appliance.status.relay import RelayStatus


def progress() -> Progress:
    """Look once."""
    paths = porch().paths
    asked = router.read(paths.router_status, since_boot())
    return Progress(
        named=bool(load(paths).settings.share.domain),
        opened=asked is not None and asked.verdict in (Verdict.OPEN, Verdict.MAPPED),
        seen=was_seen(relay.read(paths.relay_status)),
    )


def was_seen(status: RelayStatus | None) -> bool:
    """Whether somebody came in from outside since the relay started: the knock, or people."""
    return status is not None and any(one.reached_outside is not None for one in status.ports)
