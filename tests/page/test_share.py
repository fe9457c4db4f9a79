"""Name, ports and link: what the form saves, refuses, and shows as fixed."""

import tomllib

from appliance.page.share import share_link
from appliance.settings.declared import ShareSettings
from tests.page.conftest import Page, Visitor


def test_the_link_is_whatsapps_own_form() -> None:
    link = share_link(ShareSettings(domain="relay.example.org"))
    assert link == "https://wa.me/proxy?host=relay.example.org&chatPort=443&mediaPort=587&chatTLS=true"
    assert "host=2001%3Adb8%3A%3A1&" in share_link(ShareSettings(domain="2001:db8::1"))


def test_a_name_saved_is_a_link_to_share(page: Page, owner: Visitor) -> None:
    assert "Next: a name" in owner.get("/").text
    answer = owner.post("/share", domain=" Relay.Example.org ", chat_port="8443", media_port="587")
    assert (answer.status, answer.headers["Location"]) == (303, "/share")
    shown = owner.get("/share").body.replace("<wbr>", "").replace("&amp;", "&")
    assert "https://wa.me/proxy?host=relay.example.org&chatPort=8443&mediaPort=587&chatTLS=true" in shown
    saved = tomllib.loads(page.paths.saved_settings.read_text())
    assert saved["share"] == {"domain": "relay.example.org", "chat_port": 8443, "media_port": 587}
    assert page.paths.saved_settings.stat().st_mode & 0o777 == 0o644


def test_a_mistake_is_shown_beside_what_was_typed(page: Page, owner: Visitor) -> None:
    mistakes = (
        ({"domain": "http://relay.example.org/"}, "The name must be bare"),
        ({"domain": "<script>alert(1)</script>"}, "The name must be"),
        ({"domain": "two words"}, "The name must be"),
        ({"chat_port": "0"}, "The chat port must be a port number"),
        ({"chat_port": "443x"}, "The chat port must be a port number"),
        ({"media_port": "99999999999999999999"}, "The media port must be a port number"),
        ({"media_port": "\u0663"}, "The media port must be a port number"),
    )
    for values, says in mistakes:
        answer = owner.post("/share", **{"domain": "a.example", "chat_port": "443", "media_port": "587"} | values)
        assert answer.status == 422
        assert says in answer.text
        assert "<script>alert" not in answer.body
        assert not page.paths.saved_settings.exists()


def test_what_the_owners_file_sets_is_shown_as_fixed(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text('[share]\ndomain = "fixed.example"\n')
    answer = owner.get("/share")
    assert "Fixed by porchlight.toml" in answer.text
    assert "disabled" in answer.body
    assert owner.post("/share", domain="other.example", chat_port="443", media_port="588").status == 303
    assert "fixed.example" in owner.get("/share").text
    assert "domain" not in tomllib.loads(page.paths.saved_settings.read_text())["share"]


def test_a_card_that_cannot_be_written_is_said_and_changes_nothing(page: Page, owner: Visitor) -> None:
    folder = page.paths.saved_settings.parent
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where a folder should be")
    answer = owner.post("/share", domain="a.example", chat_port="443", media_port="587")
    assert answer.status == 507
    assert "could not be written" in answer.text
