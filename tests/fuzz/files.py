"""The files that porchlight's processes read, right ones, and who reads them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance import claim, reset
from appliance.errors import PorchlightError
from appliance.firewall import made_from
from appliance.history import keeper
from appliance.history.rules import Sum
from appliance.lights import pins, request, unplug
from appliance.name import account
from appliance.network.verdict import PortState, Verdict
from appliance.page import knock as link
from appliance.page import owner
from appliance.paths import Paths
from appliance.relay.errands import Visits
from appliance.relay.evidence import outer_addresses
from appliance.relay.last_good import LastGood
from appliance.relay.meter import Meter, _wrapped
from appliance.relay.quota import Count, to_json
from appliance.settings import backup, load, save
from appliance.settings.declared import LightsSettings
from appliance.settings.problem import Problem
from appliance.status import certificate, knock, lights, name, page, pause, relay, router, update, wifi
from appliance.text import text
from appliance.update import order, record, service, verdict
from appliance.wifi.hide import hidden
from tests.lint.sources import ROOT

NOW = 1000.0
# 2026-11-18, and what was relayed in that month.
WALL, COUNT = 1_795_000_000.0, Count("2026-11", {"2026-11": 5 * 10**9}, 0)
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
TOKEN = "A" * 22
DIGEST = knock.digest_of(TOKEN)


@dataclass(frozen=True, slots=True)
class Held:
    """One file.

    Args:
        where: it lies.
        seeds: what stands in it when all is well; or who writes that.
        read: whoever reads it; returns something true when the file was believed.
        refusals: the errors that it may raise: those that whoever calls expects.
    """

    where: Callable[[Paths], Path]
    seeds: tuple[bytes, ...] | Callable[[Paths], object]
    read: Callable[[Paths], object]
    refusals: tuple[type[Exception], ...] = ()


def _json(*values: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(one).encode() for one in values)


STATUS = relay.RelayStatus(
    NOW,
    "0.1.0",
    "running",
    workers=1,
    connections=3,
    max_connections=1000,
    ports=(relay.PortStatus(443, "chat-tls", "", 960), relay.PortStatus(80, "chat", text("Port %(port)s", port=80))),
    upstreams={"chat": relay.UpstreamStatus(True), "media": relay.UpstreamStatus(False, "no", "unresolved")},
    counters={"connections": {"443": 3}, "bytes_from_people": {"443": 10**9}},
    by_reason={"refused": {"443": {"full": 2}}, "connect_seconds": {"443": {"0.1": 4, "inf": 1}}},
    quota=relay.QuotaStatus(10**10, 10**9, "2026-11"),
    certificate=relay.CertificateServed("public", 1_900_000_000),
    knock=knock.KnockStatus(DIGEST[: knock.SHORT], 900, True, False, True, 443),
    problems=(Problem(text("A %(what)s.", what="thing"), text("It means."), text("Do.")),),
    started=10.0,
    used_lately=True,
)
ROUTER = router.RouterStatus(
    NOW,
    Verdict.MAPPED,
    method="pcp",
    outer="203.0.113.1",
    seen="203.0.113.1",
    gateway_page="http://192.168.1.1/",
    ports=(router.MappedPort(443, 443, PortState.MAPPED),),
    trouble=text("No %(what)s.", what="answer"),
)
NAMED = name.NameStatus(
    NOW,
    "duckdns.org",
    "a.duckdns.org",
    "fine",
    text("%(name)s.", name="a"),
    "203.0.113.1",
    ("203.0.113.1",),
    True,
    "ab",
)


def _history(paths: Paths) -> None:
    found = keeper.Keeper(paths, 0.0)
    found._history = replace(found._history, slots={1: Sum(10, 10**7)}, days={"2026-11-20": Sum(20, 10**8)})
    found.close()


def _meter(paths: Paths) -> object:
    """Whether the count goes on where the file says."""
    found = Meter(paths.relay_state / "month.json", paths.run / "month.json", lambda: WALL).turn(10**10, 0)
    assert found
    return found.used == COUNT.used


def _meter_of_card(paths: Paths) -> object:
    """The same after a power cut: RAM knows nothing, and nobody has told the time, so nothing is written back."""
    found = Meter(paths.relay_state / "month.json", paths.run / "gone" / "month.json", lambda: None).turn(10**10, 0)
    assert found
    return found.used == COUNT.used


def _restored(paths: Paths) -> object:
    backup.finish(paths)
    return paths.saved_settings.exists()


def _saved(paths: Paths) -> object:
    """Whether what was saved before is still there when something else is saved."""
    save.save(paths, {"share.domain": "a.example"})
    found = load(paths).settings.share
    assert found.domain == "a.example"
    return found.chat_port == 8443


def _saved_secrets(paths: Paths) -> object:
    """The same of what is a secret of it."""
    save.save(paths, {"share.domain": "a.example"})
    return load(paths).settings.name.update_url == "https://example.org/?token=a"


def _forgotten(paths: Paths) -> object:
    reset.finish(paths)
    return reset.word_file(paths).exists()


def _ownership(paths: Paths) -> object:
    """Whatever stands there: a card that has an owner is never free to be claimed."""
    found = owner.ownership(paths)
    assert found is not owner.Ownership.UNCLAIMED
    return found is owner.Ownership.CLAIMED


FILES: dict[str, Held] = {
    "relay": Held(
        lambda paths: paths.relay_status,
        lambda paths: relay.publish(paths.relay_status, STATUS),
        lambda paths: relay.read(paths.relay_status),
    ),
    "router": Held(
        lambda paths: paths.router_status,
        lambda paths: router.publish(paths.router_status, ROUTER),
        lambda paths: router.read(paths.router_status, NOW),
    ),
    "router, by the relay": Held(
        lambda paths: paths.router_status,
        lambda paths: router.publish(paths.router_status, ROUTER),
        lambda paths: outer_addresses(paths.router_status),
    ),
    "name": Held(
        lambda paths: paths.name_status,
        lambda paths: name.publish(paths.name_status, NAMED),
        lambda paths: name.read(paths.name_status, NOW),
    ),
    "certificate": Held(
        lambda paths: paths.certificate_status,
        _json(
            {
                "written": NOW,
                "kind": "public",
                "name": "a.example",
                "not_after": 1.9e9,
                "state": "fine",
                "said": {"text": "%(name)s.", "values": {"name": "a"}},
                "validated": 990.0,
            }
        ),
        lambda paths: certificate.read(paths.certificate_status, NOW),
    ),
    "update": Held(
        lambda paths: paths.update_status,
        lambda paths: update.publish(paths.update_status, update.UpdateStatus(NOW, "idle")),
        lambda paths: update.read(paths.update_status, NOW),
    ),
    "page": Held(
        lambda paths: paths.page_status,
        lambda paths: page.publish(paths.page_status, page.PageStatus(NOW, "claimed")),
        lambda paths: page.read(paths.page_status, NOW),
    ),
    "lights": Held(
        lambda paths: paths.lights_status,
        lambda paths: lights.publish(paths.lights_status, lights.LightsStatus(NOW, "relaying")),
        lambda paths: lights.read(paths.lights_status, NOW),
    ),
    "farewell": Held(
        lambda paths: paths.lights_farewell,
        lambda paths: unplug.leave_word(paths.lights_farewell, LightsSettings()),
        lambda paths: unplug.read_word(paths.lights_farewell),
    ),
    "what the page asks of the lights": Held(
        lambda paths: paths.lights_request,
        _json({"request": "find", "at": NOW - 1}),
        lambda paths: request.read(paths.lights_request, NOW),
    ),
    "pause": Held(
        lambda paths: paths.pause,
        _json({"until": NOW + 100}),
        lambda paths: pause.until(paths.pause, NOW),
    ),
    "knock": Held(
        lambda paths: paths.knock,
        _json({"digest": DIGEST, "until": NOW + 100, "own": ["203.0.113.1"]}),
        lambda paths: knock.expected(paths.knock),
    ),
    "the knock's link": Held(
        lambda paths: paths.knock.with_name("knock-link"), _json(TOKEN), lambda paths: link._token(paths)
    ),
    "a visit": Held(
        lambda paths: paths.run / "relay" / f"knock-{DIGEST[: knock.SHORT]}-tls",
        _json([900, False, 443]),
        lambda paths: Visits(paths.run / "relay").best(knock.Expected(DIGEST, NOW)),
    ),
    "upstreams": Held(
        lambda paths: paths.relay_upstreams,
        _json({"g.whatsapp.net:5222": ["157.240.1.1", "2a03:2880::1"]}),
        lambda paths: LastGood(paths.relay_upstreams).recall([("g.whatsapp.net", 5222)]),
    ),
    "month, on the card": Held(
        lambda paths: paths.relay_state / "month.json",
        (_wrapped(COUNT),),
        _meter_of_card,
    ),
    "month, in RAM": Held(
        lambda paths: paths.run / "month.json",
        _json({**to_json(COUNT), "on_card": to_json(COUNT), "written": 1.0}),
        _meter,
    ),
    "history, in RAM": Held(keeper.ram_file, _history, lambda paths: keeper.stored(paths).slots),
    "history, on the card": Held(keeper.card_file, _history, lambda paths: keeper.Keeper(paths, 0.0)._history.days),
    "password": Held(owner.record_file, _json({"hash": HASH, "generation": "a" * 32}), _ownership),
    "claim code": Held(
        claim.claim_file,
        _json({"code": "7KQ4-MXRP", "owners": "ab"}),
        lambda paths: claim.is_right(paths, "7kq4 mxrp"),
    ),
    "account": Held(
        lambda paths: paths.name_account,
        (b'# x\nprovider = "duckdns.org"\nuser = ""\nsecret = "a-b-c-1"\nrevision = "ab"\n',),
        account.load,
        (PorchlightError,),
    ),
    "saved settings, to be changed": Held(
        lambda paths: paths.saved_settings,
        (b'[share]\nchat_port = 8443\n[router]\nopen_ports = true\nalso = [5222]\n[name]\nprovider = "duckdns.org"\n',),
        _saved,
    ),
    "saved secrets, to be changed": Held(
        lambda paths: paths.saved_secrets,
        (b'[name]\nupdate_url = "https://example.org/?token=a"\n',),
        _saved_secrets,
    ),
    "restored settings": Held(
        lambda paths: paths.page_state / "restore.toml",
        (b'porchlight = "backup"\nform = 1\n[settings.share]\nchat_port = 8443\ndomain = "a.example"\n',),
        _restored,
    ),
    "reset": Held(reset.mark_file, _json({"word": "ab"}), _forgotten),
    "the last update": Held(
        lambda paths: paths.update_record,
        _json(
            {"version": "0.2.0", "slot": "B", "former": "0.1.0", "outcome": "trial", "unclear": 0},
            {"version": "2.0.0", "slot": "A", "former": "1.0.0", "outcome": "writing", "unclear": 1}
            | {"failed": ["1.1.0", "1.2.0"], "once": ["1.3.0"]},
        ),
        lambda paths: record.read(paths.update_record),
    ),
    "since when nothing was heard of updates": Held(
        lambda paths: paths.update_looked,
        (b"1795000000\n",),
        lambda paths: service.unheard_since(paths.update_looked),
    ),
    "what the owner asks of the updater": Held(
        lambda paths: paths.update_wish,
        _json({}, {"file": "/x/y"}),
        lambda paths: service.wish(paths.update_wish) is not None,
    ),
    "what the updater asks of root": Held(
        lambda paths: paths.install_order,
        _json({"number": "0" * 32, "what": "https://example.org/x.raucb"}),
        lambda paths: order.parse(order.taken(paths.install_order) or b"", order.is_address) is not None,
    ),
    "what root answers": Held(
        lambda paths: paths.install_answer,
        lambda paths: order.publish(paths.install_answer, order.Answer(NOW, "0" * 32, 40)),
        lambda paths: order.answered(paths.install_answer),
    ),
    "the verdict on a new system": Held(
        lambda paths: paths.verdict,
        _json({"slot": "B", "verdict": "good"}),
        lambda paths: verdict.verdict_of(order.taken(paths.verdict), "B") is not None,
    ),
    "firewall": Held(
        lambda paths: paths.firewall_status,
        _json({"made_from": "ab"}),
        lambda paths: made_from.read(paths.firewall_status),
    ),
    "Wi-Fi": Held(
        lambda paths: paths.wifi_state,
        (b"searching 990.5\n", b"joined 12\n"),
        lambda paths: wifi.read(paths.wifi_state, NOW),
    ),
    "a password to be hidden": Held(
        lambda paths: paths.owner_file,
        (b'# mine\n[wifi]\ncountry = "DE"\nssid = "home"\npassword = "correct horse"\n[page]\nport = 8199\n',),
        lambda paths: hidden(paths.owner_file.read_bytes()),
    ),
    "pins": Held(
        lambda paths: paths.state / "pins.toml",
        ((ROOT / "hardware/pins.toml").read_bytes(),),
        lambda paths: pins.load_pins((paths.state / "pins.toml",)),
        (PorchlightError,),
    ),
}
