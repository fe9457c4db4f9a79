"""The one rule that turns facts into a state."""

from dataclasses import replace

import pytest

from appliance.settings.problem import Problem
from appliance.status.relay import PortStatus, QuotaStatus, RelayStatus, UpstreamStatus
from appliance.status.state import BOOT_TAKES, STALE_AFTER, Facts, State, state_of

NOW = 1000.0
REACHABLE = {"chat": UpstreamStatus(True), "http": UpstreamStatus(True), "media": UpstreamStatus(True)}
IDLE = RelayStatus(NOW, "0", "running", upstreams=REACHABLE)
MISTAKE = Problem("a", "b", "c")


def upstream(reachable: bool | None) -> RelayStatus:
    return replace(IDLE, upstreams={"chat": UpstreamStatus(reachable, "" if reachable else "no answer")})


@pytest.mark.parametrize(
    ("relay", "connected", "state"),
    [
        (IDLE, True, State.RELAYING),
        (replace(IDLE, connections=1), True, State.RELAYING_IN_USE),
        (replace(IDLE, phase="starting"), True, State.STARTING),
        (replace(IDLE, phase="starting"), False, State.STARTING),
        (replace(IDLE, phase="stopping"), True, State.STOPPED),
        (replace(IDLE, written=NOW - STALE_AFTER - 0.1), True, State.STOPPED),
        (replace(IDLE, written=NOW - STALE_AFTER + 0.1), True, State.RELAYING),
        (upstream(None), True, State.STARTING),
        (upstream(None), False, State.NO_NETWORK),
        (upstream(False), True, State.UPSTREAM_UNREACHABLE),
        (upstream(False), False, State.NO_NETWORK),
        # A laboratory without a gateway: what has been reached is there.
        (IDLE, False, State.RELAYING),
        (replace(IDLE, ports=(PortStatus(443, "chat-tls", "in use by nginx"),)), True, State.NEEDS_ATTENTION),
    ],
)
def test_relay_and_network(relay: RelayStatus, connected: bool, state: State) -> None:
    assert state_of(Facts(NOW, relay, connected)) is state


def test_a_month_that_is_used_up_explains_everything_else() -> None:
    used_up = QuotaStatus(1000, 1000, "2026-11")
    for relay in (IDLE, upstream(False), upstream(None), replace(IDLE, connections=1)):
        for connected in (True, False):
            facts = Facts(NOW, replace(relay, quota=used_up), connected, (MISTAKE,))
            assert state_of(facts) is State.QUOTA_REACHED
    assert state_of(Facts(NOW, replace(IDLE, quota=replace(used_up, used=999)), True)) is State.RELAYING
    assert state_of(Facts(NOW, replace(IDLE, phase="stopping", quota=used_up), True)) is State.STOPPED
    lost = replace(used_up, used=0, trouble="The count was damaged.")
    assert state_of(Facts(NOW, replace(IDLE, quota=lost), True)) is State.NEEDS_ATTENTION


def test_a_mistake_in_the_settings_is_shown_only_while_relaying() -> None:
    assert state_of(Facts(NOW, IDLE, True, (MISTAKE,))) is State.NEEDS_ATTENTION
    assert state_of(Facts(NOW, upstream(False), True, (MISTAKE,))) is State.UPSTREAM_UNREACHABLE


def test_a_relay_that_never_spoke_is_starting_for_a_while_only() -> None:
    assert state_of(Facts(BOOT_TAKES - 1, None, True)) is State.STARTING
    assert state_of(Facts(BOOT_TAKES + 1, None, True)) is State.STOPPED
