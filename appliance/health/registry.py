"""All checks, in the order of their importance."""

from appliance.health import device, name, network, quota, reach, relay, settings, upkeep, upstream, wifi
from appliance.health.check import Check
from appliance.settings.problem import Problem
from appliance.status.facts import Facts

# What blocks comes first, from the house outwards; then what may stop it soon; last what can wait.
CHECKS: tuple[Check, ...] = (
    network.no_link,
    network.no_address,
    network.no_way_out,
    relay.relay_stopped,
    upstream.no_dns,
    upstream.forged_dns,
    upstream.no_upstream,
    device.low_voltage,
    device.card_failing,
    device.card_full,
    device.data_lost,
    device.too_hot,
    reach.cgnat,
    reach.not_reached,
    name.name_refused,
    name.name_elsewhere,
    settings.settings,
    relay.port_closed,
    relay.relay_trouble,
    upstream.media_unreachable,
    upstream.http_unreachable,
    name.certificate_ends,
    quota.quota_count,
    upkeep.password,
    upkeep.part_silent,
    upkeep.firewall,
    quota.quota_reached,
    quota.quota_near,
    reach.double_nat,
    reach.port_taken,
    reach.router_silent,
    name.certificate_refused,
    device.clock,
    wifi.wifi,
    relay.nearly_full,
    upkeep.lights,
    upkeep.update_failed,
    upkeep.updates_unheard,
    upkeep.update_waiting,
)


def problems_of(facts: Facts) -> tuple[Problem, ...]:
    """Everything that is wrong, the most important first.

    Args:
        facts: what is known.
    """
    return tuple(problem for check in CHECKS for problem in check(facts))
