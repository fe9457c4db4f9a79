"""Step three: a free name, a domain of one's own, or the address alone."""

import socket
import time
import tomllib

import pytest

from appliance.clock import since_boot
from appliance.name import account
from appliance.name.providers import FIRST, Provider
from appliance.network.verdict import Verdict
from appliance.page.outer import addresses_of, is_public
from appliance.status import name, router
from appliance.status.name import NameStatus
from appliance.status.router import RouterStatus
from appliance.text import text
from tests.page.conftest import Page, Visitor

# Each starts a page of its own, so they are for ./test.
pytestmark = pytest.mark.slow


def saved(page: Page) -> dict[str, dict[str, object]]:
    return tomllib.loads(page.paths.saved_settings.read_text())


def seen_from_outside(page: Page, address: str = "80.100.100.1") -> None:
    page.paths.router_status.parent.mkdir(exist_ok=True)
    router.publish(page.paths.router_status, RouterStatus(since_boot(), Verdict.MAPPED, "PCP", address, address))


def test_the_three_ways_stand_side_by_side_and_can_be_skipped(owner: Visitor) -> None:
    answer = owner.get("/name")
    for path in ("/name/free", "/name/own", "/name/none", "/open"):
        assert f'href="{path}"' in answer.body
    assert "Step 3 of 5" in answer.text
    assert "Skip for now" in answer.text


def test_a_domain_of_ones_own_is_saved_and_its_record_is_told_exactly(page: Page, owner: Visitor) -> None:
    seen_from_outside(page)
    answer = owner.post("/name/own", domain=" localhost ")
    assert (answer.status, answer.headers["Location"]) == (303, "/name/own")
    assert saved(page)["share"]["domain"] == "localhost"
    assert page.paths.saved_settings.stat().st_mode & 0o777 == 0o644
    shown = owner.get("/name/own").text
    assert "Name localhost Type A TTL 300 Value 80.100.100.1" in shown
    assert "The name leads elsewhere" in shown
    assert "127.0.0.1" in shown


def test_a_mistake_is_shown_beside_what_was_typed(page: Page, owner: Visitor) -> None:
    for typed in ("", "http://relay.example.org/", "<script>alert(1)</script>", "two words"):
        answer = owner.post("/name/own", domain=typed)
        assert answer.status == 422
        assert "That is no name. It must look like relay.example.org" in answer.text
        assert "<script>alert" not in answer.body
        assert not page.paths.saved_settings.exists()


def test_what_the_owners_file_sets_is_shown_as_fixed(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text('[share]\ndomain = "fixed.example"\n')
    assert "fixed by porchlight.toml" in owner.get("/name").text
    assert "disabled" in owner.get("/name/own").body
    answer = owner.post("/name/own", domain="other.example")
    assert answer.status == 422
    assert "fixed by porchlight.toml" in answer.text


def test_a_card_that_cannot_be_written_is_said_and_changes_nothing(page: Page, owner: Visitor) -> None:
    folder = page.paths.saved_settings.parent
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where a folder should be")
    answer = owner.post("/name/own", domain="a.example")
    assert answer.status == 507
    assert "could not be written" in answer.text


def test_no_name_says_what_it_costs_and_takes_the_address_that_the_router_tells(page: Page, owner: Visitor) -> None:
    assert "not known yet" in owner.get("/name/none").text
    seen_from_outside(page)
    answer = owner.get("/name/none")
    assert "the link leads nowhere" in answer.text
    assert 'value="80.100.100.1"' in answer.body
    assert owner.post("/name/none", address="80.100.100.1").headers["Location"] == "/open"
    assert saved(page)["share"]["domain"] == "80.100.100.1"


@pytest.mark.parametrize("provider", FIRST, ids=lambda one: one.key)
def test_each_of_the_five_has_a_link_instructions_and_its_fields(owner: Visitor, provider: Provider) -> None:
    assert provider.title in owner.get("/name/free").text
    answer = owner.get(f"/name/free?with={provider.key}")
    assert provider.register in answer.text
    assert all(step in answer.text for step in provider.steps)
    assert provider.secret_label in answer.text
    assert ('name="user"' in answer.body) == (provider.user_label is not None)


def test_an_account_is_kept_from_everybody_else_tried_at_once_and_its_outcome_shown(page: Page, owner: Visitor) -> None:
    answer = owner.post("/name/free", "/name/free?with=dynv6.com", **{"with": "dynv6.com", "domain": "a.dynv6.net"})
    assert answer.status == 422
    assert "missing" in answer.text
    secret = "f00dfacecafe"
    fields = {"with": "dynv6.com", "domain": "a.dynv6.net", "secret": secret}
    answer = owner.post("/name/free", "/name/free?with=dynv6.com", **fields)
    assert (answer.status, answer.headers["Location"]) == (303, "/name/free?with=dynv6.com")
    assert secret not in page.paths.saved_settings.read_text()
    assert saved(page)["name"]["provider"] == "dynv6.com"
    found = account.load(page.paths)
    assert found
    assert found.secret == secret
    assert page.paths.name_account.stat().st_mode & 0o007 == 0
    shown = owner.get("/name/free?with=dynv6.com")
    assert "Trying it out" in shown.text
    assert secret not in shown.body
    for state, said, mark in (
        ("refused", "The provider refused the user name or password (or token).", "verdict bad"),
        ("good", "The provider has your address.", "verdict good"),
    ):
        page.paths.name_status.parent.mkdir(exist_ok=True)
        status = NameStatus(
            since_boot(), "dynv6.com", "a.dynv6.net", state, text(said), "80.100.100.1", revision=found.revision
        )
        name.publish(page.paths.name_status, status)
        shown = owner.get("/name/free?with=dynv6.com")
        assert said in shown.text
        assert mark in shown.body


def test_ones_own_name_may_stand_before_a_free_one(page: Page, owner: Visitor) -> None:
    fields = {"with": "dynv6.com", "domain": "a.dynv6.net", "secret": "f00dfacecafe"}
    owner.post("/name/free", "/name/free?with=dynv6.com", **fields)
    owner.post("/name/own", domain="localhost")
    assert saved(page)["name"] == {"provider": "dynv6.com", "hostname": "a.dynv6.net"}
    owner.post("/name/none", address="80.100.100.1")
    assert saved(page)["name"]["provider"] == ""


def test_a_provider_that_does_not_exist_leads_back_to_the_list(owner: Visitor) -> None:
    assert "Duck DNS" in owner.get("/name/free?with=nobody").text
    fields = {"with": "nobody", "domain": "a.example", "secret": "x"}
    assert owner.post("/name/free", "/name/free?with=dynv6.com", **fields).headers["Location"] == "/name/free"


def test_a_dns_that_does_not_answer_costs_some_seconds_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.page.outer.LOOKUP_TAKES", 0.1)

    def slow(*_asked: object) -> list[object]:
        time.sleep(0.5)
        return []

    def unknown(*_asked: object) -> list[object]:
        raise socket.gaierror("unknown")

    assert addresses_of("a.example", slow) == ()
    assert addresses_of("a.example", unknown) == ()
    assert "127.0.0.1" in addresses_of("localhost")


@pytest.mark.parametrize(
    ("address", "public"), [("80.100.100.1", True), ("100.64.0.1", False), ("x", False), ("", False)]
)
def test_only_public_addresses_are_offered(address: str, public: bool) -> None:
    assert is_public(address) == public
