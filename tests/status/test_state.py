"""The one rule that turns facts into a state."""

from dataclasses import replace

import pytest

from appliance.health.registry import CHECKS
from appliance.settings.problem import Problem, Severity
from appliance.status.page import PageStatus
from appliance.status.relay import QuotaStatus, RelayStatus, UpstreamStatus
from appliance.status.state import (
    BOOT_TAKES,
    HARDWARE,
    MISTAKES,
    NOT_REACHED,
    STALE_AFTER,
    Facts,
    State,
    state_of,
)
from appliance.status.update import UpdateStatus

NOW = 1000.0
REACHABLE = {"chat": UpstreamStatus(True), "http": UpstreamStatus(True), "media": UpstreamStatus(True)}
IDLE = RelayStatus(NOW, "0", "running", upstreams=REACHABLE)
MISTAKE = Problem("a", "b", "c", "settings")


def problem(id: str, severity: Severity = Severity.TROUBLE) -> Problem:
    return Problem("what", "means", "todo", id, severity)


def upstream(reachable: bool | None) -> RelayStatus:
    return replace(IDLE, upstreams={"chat": UpstreamStatus(reachable, "" if reachable else "no answer")})


@pytest.mark.parametrize(
    ("relay", "connected", "state"),
    [
        (IDLE, True, State.RELAYING),
        (replace(IDLE, used_lately=True), True, State.RELAYING_IN_USE),
        (replace(IDLE, connections=1), True, State.RELAYING),
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
        (replace(IDLE, resting="off"), True, State.PAUSED),
        (replace(IDLE, resting="paused"), True, State.PAUSED),
        (replace(upstream(False), resting="paused"), False, State.PAUSED),
    ],
)
def test_relay_and_network(relay: RelayStatus, connected: bool, state: State) -> None:
    assert state_of(Facts(NOW, relay, connected)) is state


def test_a_month_that_is_used_up_explains_everything_else() -> None:
    used_up = QuotaStatus(1000, 1000, "2026-11")
    for relay in (IDLE, upstream(False), upstream(None), replace(IDLE, connections=1)):
        for connected in (True, False):
            facts = Facts(NOW, replace(relay, quota=used_up), connected)
            assert state_of(facts, (MISTAKE,)) is State.QUOTA_REACHED
    assert state_of(Facts(NOW, replace(IDLE, quota=replace(used_up, used=999)), True)) is State.RELAYING
    assert state_of(Facts(NOW, replace(IDLE, phase="stopping", quota=used_up), True)) is State.STOPPED


def test_a_mistake_in_the_settings_is_shown_only_while_relaying() -> None:
    assert state_of(Facts(NOW, IDLE, True), (MISTAKE,)) is State.SETTINGS_MISTAKEN
    assert state_of(Facts(NOW, upstream(False), True), (MISTAKE,)) is State.UPSTREAM_UNREACHABLE


def test_each_kind_of_problem_has_its_state_and_the_device_comes_before_the_settings() -> None:
    facts = Facts(NOW, replace(IDLE, used_lately=True), True)
    found = [problem("port-closed")]
    assert state_of(facts, found) is State.NEEDS_ATTENTION
    found.append(problem("settings"))
    assert state_of(facts, found) is State.SETTINGS_MISTAKEN
    found.append(problem("low-voltage"))
    assert state_of(facts, found) is State.HARDWARE_TROUBLE
    found.append(problem("cgnat"))
    assert state_of(facts, found) is State.NOT_REACHABLE


def test_a_notice_leaves_the_lights_calm() -> None:
    notices = [problem(one.id, Severity.NOTICE) for one in CHECKS]
    assert state_of(Facts(NOW, IDLE, True), notices) is State.RELAYING


def test_the_checks_that_have_a_pattern_of_their_own_exist() -> None:
    assert {one.id for one in CHECKS} >= NOT_REACHED | HARDWARE | MISTAKES


def test_a_card_that_works_waits_for_its_owner() -> None:
    unclaimed = PageStatus(NOW, "unclaimed")
    assert state_of(Facts(NOW, IDLE, True, page=unclaimed), (MISTAKE,)) is State.WAITING_TO_BE_CLAIMED
    assert state_of(Facts(NOW, upstream(False), False, page=unclaimed)) is State.NO_NETWORK
    assert state_of(Facts(NOW, IDLE, True, page=PageStatus(NOW, "claimed"))) is State.RELAYING


def test_an_update_at_work_comes_before_everything_but_the_end() -> None:
    facts = Facts(NOW, upstream(False), False, update=UpdateStatus(NOW, "installing", "2.0"))
    assert state_of(facts) is State.UPDATING
    assert state_of(replace(facts, update=UpdateStatus(NOW, "waiting", "2.0"))) is State.NO_NETWORK
    assert state_of(replace(facts, halting=True)) is State.STOPPED


def test_it_is_safe_to_unplug_only_when_nothing_can_be_written_any_more() -> None:
    for relay in (IDLE, replace(IDLE, phase="stopping"), None):
        halting = Facts(NOW, relay, True, halting=True)
        assert state_of(halting) is State.STOPPED
        assert state_of(replace(halting, stored=True)) is State.SAFE_TO_UNPLUG


def test_a_relay_that_never_spoke_is_starting_for_a_while_only() -> None:
    assert state_of(Facts(BOOT_TAKES - 1, None, True)) is State.STARTING
    assert state_of(Facts(BOOT_TAKES + 1, None, True)) is State.STOPPED
