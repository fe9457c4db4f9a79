"""Each check appears when its fact does, says what, why and what to do, and is gone with it."""

from dataclasses import replace

import pytest

from appliance.health.device import CLOCK_TAKES, HOT, LITTLE_ROOM
from appliance.health.name import DAY, ENDS_SOON
from appliance.health.reach import NEVER_AFTER, REACHED_WITHIN
from appliance.health.registry import CHECKS, problems_of
from appliance.health.upkeep import UNHEARD
from appliance.network.verdict import Verdict
from appliance.settings.declared import Settings, ShareSettings, WifiSettings
from appliance.settings.problem import Problem, Severity
from appliance.status.certificate import CertificateStatus
from appliance.status.facts import STALE_AFTER, Facts
from appliance.status.lights import LightsStatus
from appliance.status.machine import Machine, Storage
from appliance.status.name import NameStatus
from appliance.status.page import PageStatus
from appliance.status.relay import Cause, PortStatus, QuotaStatus, RelayStatus, UpstreamStatus
from appliance.status.router import RouterStatus
from appliance.status.update import UpdateStatus
from appliance.status.wifi import WifiState
from appliance.text import Text, text

NOW = 2_000_000.0
WALL = 1_800_000_000.0
GB = 10**9
REACHED = UpstreamStatus(True)
LOST = UpstreamStatus(False, "no answer", Cause.UNREACHABLE)
RELAY = RelayStatus(
    NOW,
    "1",
    "running",
    connections=5,
    max_connections=1000,
    ports=(PortStatus(443, "chat-tls", reached_outside=int(NOW) - 60), PortStatus(587, "media")),
    upstreams={"chat": REACHED, "http": REACHED, "media": REACHED},
    quota=QuotaStatus(200 * GB, 50 * GB, "2026-11"),
    started=NOW - NEVER_AFTER - 1,
)
NAME = NameStatus(
    NOW,
    "dynv6",
    "relay.example.org",
    "good",
    address="198.51.100.7",
    points_to=("2001:db8::7", "198.51.100.7"),
    known=True,
)
CERTIFICATE = CertificateStatus(NOW, "public", "relay.example.org", WALL + ENDS_SOON + 1, "good")
WELL = Facts(
    NOW,
    RELAY,
    True,
    settings=Settings(share=ShareSettings(domain="relay.example.org")),
    wall=WALL,
    machine=Machine(True, Storage(20 * LITTLE_ROOM, True, 0), 55.0, False),
    lights=LightsStatus(NOW, "relaying"),
    page=PageStatus(NOW, "claimed"),
    router=RouterStatus(NOW, Verdict.MAPPED, outer="198.51.100.7", seen="198.51.100.7"),
    name=NAME,
    certificate=CERTIFICATE,
    update=UpdateStatus(NOW, "idle"),
)
WIFI = WifiSettings("DE", "home", "correct horse")
SILENT = (PortStatus(443, "chat-tls"),)
CUT_OFF = replace(RELAY, upstreams={"chat": LOST, "http": LOST, "media": LOST})


def relay(**values: object) -> Facts:
    return replace(WELL, relay=replace(RELAY, **values))  # type: ignore[arg-type]


def chat(cause: str) -> Facts:
    lost = UpstreamStatus(False, "no answer", cause)
    return relay(upstreams={"chat": lost, "http": lost, "media": lost})


def router(verdict: Verdict, *, ports: tuple[PortStatus, ...] = SILENT) -> Facts:
    return replace(relay(ports=ports, started=NOW), router=RouterStatus(NOW, verdict))


def machine(**values: object) -> Facts:
    return replace(WELL, machine=replace(WELL.machine, **values))  # type: ignore[arg-type]


# Facts that are just wrong enough, by the check that must notice it.
WRONG: dict[str, Facts] = {
    "no-link": replace(machine(link=False), relay=CUT_OFF, connected=False, addressed=False),
    "no-address": replace(WELL, relay=CUT_OFF, connected=False, addressed=False),
    "no-way-out": replace(WELL, relay=CUT_OFF, connected=False),
    "relay-stopped": relay(written=NOW - STALE_AFTER - 0.1),
    "no-dns": chat(Cause.UNRESOLVED),
    "forged-dns": chat(Cause.FORGED),
    "no-upstream": chat(Cause.UNREACHABLE),
    "low-voltage": machine(low_voltage=True),
    "card-failing": machine(storage=Storage(20 * LITTLE_ROOM, True, 1)),
    "card-full": machine(storage=Storage(LITTLE_ROOM - 1)),
    "data-lost": replace(WELL, data_lost=True),
    "too-hot": machine(celsius=HOT),
    "cgnat": router(Verdict.CGNAT),
    "not-reached": relay(ports=(PortStatus(443, "chat-tls", reached_outside=int(NOW - REACHED_WITHIN) - 1),)),
    "name-refused": replace(WELL, name=replace(NAME, state="refused", said=text("The provider refused it."))),
    "name-elsewhere": replace(WELL, name=replace(NAME, points_to=("203.0.113.9",))),
    "settings": replace(WELL, mistakes=(Problem("Line 3 is no setting.", "It is ignored.", "Mend it."),)),
    "port-closed": relay(ports=(*RELAY.ports, PortStatus(80, "chat", "Port 80 is in use by nginx."))),
    "relay-trouble": relay(problems=(Problem("The web folder is too large.", "It is not shown.", "Make it less."),)),
    "media-unreachable": relay(upstreams={"chat": REACHED, "media": LOST}),
    "http-unreachable": relay(upstreams={"chat": REACHED, "http": LOST}),
    "certificate-ends": replace(
        WELL, certificate=replace(CERTIFICATE, not_after=WALL + ENDS_SOON - 1, state="unreachable")
    ),
    "quota-count": relay(quota=QuotaStatus(200 * GB, 0, "2026-11", "The count was damaged.")),
    "password": replace(WELL, page=PageStatus(NOW, "damaged")),
    "part-silent": replace(WELL, silent=("page",)),
    "firewall": replace(WELL, firewall_failed=True),
    "quota-reached": relay(quota=QuotaStatus(200 * GB, 200 * GB, "2026-11")),
    "quota-near": relay(quota=QuotaStatus(200 * GB, 180 * GB, "2026-11")),
    "double-nat": router(Verdict.DOUBLE_NAT),
    "port-taken": router(Verdict.PORT_TAKEN),
    "router-silent": router(Verdict.NO_ANSWER),
    "certificate-refused": replace(
        WELL, certificate=replace(CERTIFICATE, state="port-closed", said=text("Nobody reached port 80."))
    ),
    "clock": replace(WELL, wall=None),
    "wifi": replace(WELL, settings=replace(WELL.settings, wifi=WIFI), wifi=WifiState.REFUSED),
    "nearly-full": relay(connections=900),
    "lights": replace(WELL, lights=LightsStatus(NOW, "relaying", "Another program holds the pins.")),
    "update-failed": replace(
        WELL,
        update=UpdateStatus(
            NOW, "idle", said="nothing newer", failed=text("Version %(version)s did not.", version="1")
        ),
    ),
    "updates-unheard": replace(WELL, update=UpdateStatus(NOW, "idle", unheard=WALL - UNHEARD)),
    "update-waiting": replace(WELL, update=UpdateStatus(NOW, "waiting", "1.2.0")),
}


def ids(facts: Facts) -> list[str]:
    return [one.id for one in problems_of(facts)]


def test_nothing_is_wrong_with_what_is_well() -> None:
    assert problems_of(WELL) == ()


def test_a_relay_that_rests_is_not_nearly_full() -> None:
    """Those who come meanwhile are let in, and go away again."""
    assert ids(relay(connections=900, resting="off")) == []


def test_every_check_is_tried_here() -> None:
    assert list(WRONG) == [one.id for one in CHECKS]


@pytest.mark.parametrize("id", WRONG)
def test_it_appears_alone_and_says_what_why_and_what_to_do(id: str) -> None:
    (found,) = problems_of(WRONG[id])
    assert found.id == id
    assert found.severity is next(one.severity for one in CHECKS if one.id == id)
    for sentence in (found.what, found.means, found.todo):
        assert sentence.endswith(".")
        assert sentence[0].isupper() or sentence[0].isdigit()


@pytest.mark.parametrize("id", sorted(WRONG.keys() - {"settings", "relay-trouble"}))
def test_what_a_check_says_of_itself_can_be_said_in_other_languages(id: str) -> None:
    (found,) = problems_of(WRONG[id])
    passed_on = {"port-closed", "quota-count", "lights"}
    sentences = (found.means, found.todo) if id in passed_on else (found.what, found.means, found.todo)
    assert all(isinstance(one, Text) for one in sentences)


def test_the_order_is_that_of_the_weight_and_names_are_given_once() -> None:
    weights = [list(Severity).index(one.severity) for one in CHECKS]
    assert weights == sorted(weights)
    assert len({one.id for one in CHECKS}) == len(CHECKS)


def test_a_week_without_a_word_is_told_and_not_a_night_or_where_nobody_is_to_ask() -> None:
    unheard = WRONG["updates-unheard"]
    quiet = replace(unheard.settings, update=replace(unheard.settings.update, enabled=False))
    for facts in (
        replace(unheard, update=UpdateStatus(NOW, "idle", unheard=WALL - UNHEARD + 1)),
        replace(unheard, settings=quiet),
    ):
        assert problems_of(facts) == ()
    assert "updates-unheard" not in ids(replace(unheard, wall=None))


def test_without_facts_there_are_no_problems() -> None:
    """A computer that is no Pi, on which nothing runs: what nobody knows is nobody's trouble."""
    assert problems_of(Facts(1.0, None, True)) == ()


def test_several_things_stand_in_the_order_of_their_importance() -> None:
    facts = replace(
        WRONG["port-closed"], data_lost=True, mistakes=WRONG["settings"].mistakes, lights=WRONG["lights"].lights
    )
    assert ids(facts) == ["data-lost", "settings", "port-closed", "lights"]


def test_a_relay_that_is_starting_or_never_ran_is_not_stopped() -> None:
    assert ids(relay(phase="starting")) == []
    assert ids(replace(WELL, relay=None)) == []
    assert ids(relay(phase="stopping")) == ["relay-stopped"]


def test_a_missing_network_hides_what_it_explains() -> None:
    facts = replace(WRONG["no-upstream"], connected=False, addressed=False)
    assert ids(facts) == ["no-address"]


def test_a_laboratory_without_gateway_that_reaches_its_upstream_has_a_network() -> None:
    lab = replace(machine(link=False), connected=False, addressed=False)
    assert ids(lab) == []
    half = replace(lab, relay=replace(RELAY, upstreams={"chat": REACHED, "media": LOST}))
    assert ids(half) == ["media-unreachable"]


def test_chat_that_is_lost_hides_the_same_of_media_and_port_80() -> None:
    assert ids(chat(Cause.UNREACHABLE)) == ["no-upstream"]


@pytest.mark.parametrize("verdict", Verdict)
def test_whoever_was_reached_lately_needs_no_verdict(verdict: Verdict) -> None:
    assert ids(router(verdict, ports=RELAY.ports)) == []


def test_nobody_is_missed_before_the_time_is_over_or_while_the_relay_rests() -> None:
    never = relay(ports=SILENT)
    assert ids(never) == ["not-reached"]
    assert ids(relay(ports=SILENT, started=NOW - NEVER_AFTER + 1)) == []
    assert ids(relay(ports=SILENT, started=None)) == []
    assert ids(relay(ports=SILENT, resting="paused")) == []
    assert ids(replace(never, settings=Settings(), router=None)) == []
    assert ids(replace(never, settings=Settings())) == ["not-reached"]
    assert ids(router(Verdict.CGNAT)) == ["cgnat"]


def test_a_certificate_of_its_own_never_ends_too_soon_and_without_a_date_nobody_knows() -> None:
    def ends(**values: object) -> list[str]:
        return ids(replace(WELL, certificate=replace(CERTIFICATE, **values)))  # type: ignore[arg-type]

    soon = WALL + ENDS_SOON - 1
    assert ends(not_after=soon, state="busy") == ["certificate-ends"]
    assert ends(not_after=soon, state="busy", kind="self-signed") == []
    # One that lives for six days, and is renewed in time.
    assert ends(not_after=soon) == []
    assert ends(not_after=WALL + DAY - 1) == ["certificate-ends"]
    assert ends(not_after=WALL - 1) == ["certificate-ends"]
    assert ids(replace(WRONG["certificate-ends"], wall=None)) == ["clock"]


def test_a_card_that_nobody_may_write_to_is_failing_except_while_it_is_switched_off() -> None:
    read_only = machine(storage=Storage(0, writable=False))
    assert ids(read_only) == ["card-failing"]
    assert ids(replace(read_only, halting=True)) == []


def test_the_clock_has_ten_minutes() -> None:
    early = replace(WELL, now=CLOCK_TAKES - 1, relay=None, wall=None)
    assert ids(early) == []
    assert ids(replace(early, now=CLOCK_TAKES + 1)) == ["clock"]


def test_a_name_of_which_nothing_is_known_leads_nowhere_wrong() -> None:
    assert ids(replace(WELL, name=replace(NAME, points_to=(), known=False))) == []
    assert ids(replace(WELL, name=replace(NAME, address=""))) == []
    (nowhere,) = problems_of(replace(WELL, name=replace(NAME, points_to=())))
    assert nowhere.what == "The name relay.example.org leads nowhere."


def test_a_certificate_authority_that_came_in_is_somebody_from_outside() -> None:
    never = relay(ports=SILENT)
    assert ids(replace(never, certificate=replace(CERTIFICATE, validated=NOW - REACHED_WITHIN))) == []
    assert ids(replace(never, certificate=replace(CERTIFICATE, validated=NOW - REACHED_WITHIN - 1))) == ["not-reached"]


@pytest.mark.parametrize(
    ("wanted", "state", "told"),
    [
        (WIFI, WifiState.REFUSED, "refuses the password"),
        (WIFI, WifiState.ABSENT, "home is not in reach"),
        (WIFI, WifiState.NO_RADIO, "does not come up"),
        (replace(WIFI, country=""), None, "is missing: country."),
        (replace(WIFI, ssid="", country=""), None, "is missing: country, ssid."),
        (WIFI, WifiState.JOINED, ""),
        (WIFI, WifiState.SEARCHING, ""),
        (WIFI, None, ""),
        (WifiSettings(), None, ""),
        (WifiSettings(country="DE"), None, ""),
    ],
)
def test_what_is_wrong_with_the_wifi(wanted: WifiSettings, state: WifiState | None, told: str) -> None:
    found = problems_of(replace(WELL, settings=replace(WELL.settings, wifi=wanted), wifi=state))
    assert [one.id for one in found] == (["wifi"] if told else [])
    assert all(told in one.what for one in found)
    assert "correct horse" not in str(found)
