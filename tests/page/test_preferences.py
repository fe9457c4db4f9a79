"""The settings' pages, the switch and the pause: what they save, refuse, and ask of other programs."""

import json
import socket
import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import reset
from appliance.certificate.outcome import PUBLIC_FOR_EVER
from appliance.clock import since_boot
from appliance.lights import request
from appliance.page.limits import FEWEST, MOST, suggested
from appliance.page.preferences import ENTRIES
from appliance.page.server import REQUEST_TAKES
from appliance.status import certificate, pause, update
from appliance.status.certificate import CertificateStatus
from appliance.status.update import UpdateStatus
from appliance.text import text
from appliance.update import service as update_service
from appliance.update.record import Outcome, Record
from tests.page.conftest import PASSWORD, PATIENCE, Answer, Page, Visitor

# Each starts a page of its own, so they are for ./test.
pytestmark = pytest.mark.slow


def saved(page: Page) -> dict[str, dict[str, object]]:
    return tomllib.loads(page.paths.saved_settings.read_text()) if page.paths.saved_settings.exists() else {}


def upload(owner: Visitor, content: bytes) -> int:
    """Send a file as a browser does."""
    token = owner.token("/settings/backup")
    parts = (
        f'--B\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'
        '--B\r\nContent-Disposition: form-data; name="file"; filename="x.toml"\r\n\r\n'
        f"{content.decode('latin-1')}\r\n--B--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=B"}
    return owner.ask("POST", "/settings/backup/restore", parts, kind).status


def test_every_entry_leads_to_a_page(owner: Visitor) -> None:
    answer = owner.get("/settings")
    paths = [line.partition('"')[2].partition('"')[0] for line in answer.body.split("<li><a href=")[1:]]
    assert len(paths) == len(ENTRIES)
    for path, (_endpoint, label, _about) in zip(paths, ENTRIES, strict=True):
        assert label in answer.text
        assert owner.get(path).status == 200


def test_limits_are_taken_as_people_write_them(page: Page, owner: Visitor) -> None:
    fields = {"relay.rate_limit": "12,5", "relay.monthly_quota": "\u06f2\u06f0\u06f0", "relay.max_connections": ""}
    assert owner.post("/settings/limits", **fields).status == 303
    assert saved(page)["relay"] == {"rate_limit": 1_562_500, "monthly_quota": 200 * 10**9, "max_connections": 0}
    shown = owner.get("/settings/limits").body
    assert 'value="12.5"' in shown
    assert 'value="200"' in shown


@pytest.mark.parametrize("wrong", ["x", "-1", "nan", "inf", "1e99", "<script>"])
def test_a_limit_that_is_none_is_refused(page: Page, owner: Visitor, wrong: str) -> None:
    fields = {"relay.rate_limit": "", "relay.monthly_quota": "", "relay.max_connections": ""}
    for name, says in (("rate_limit", "The speed"), ("monthly_quota", "The data"), ("max_connections", "The connect")):
        answer = owner.post("/settings/limits", **fields | {f"relay.{name}": wrong})
        assert answer.status == 422
        assert says in answer.text
        assert "<script>" not in answer.body
    assert not saved(page)


def test_limits_are_suggested_from_an_upload_and_saved_only_when_asked(page: Page, owner: Visitor) -> None:
    answer = owner.get("/settings/limits?upload=20")
    assert 'name="relay.rate_limit" value="10"' in answer.body
    assert "Half of your upload" in answer.text
    assert not saved(page)
    assert owner.get("/settings/limits?upload=x").status == 422


@given(st.floats(0.1, 100_000))
def test_a_suggestion_never_takes_more_than_the_upload(upload: float) -> None:
    found = suggested(upload)
    assert found.speed <= max(0.5, upload * 0.51 + 0.1)
    assert FEWEST <= found.connections <= MOST
    assert found.data >= 0


def test_the_lights_are_set_and_shown(page: Page, owner: Visitor) -> None:
    fields = {
        "lights.brightness": "40",
        "lights.night": "dim",
        "lights.night_from": "21:30",
        "lights.night_to": "06:00",
        "lights.time_zone": "Europe/Vienna",
    }
    assert owner.post("/settings/lights", **fields).status == 303
    lights = saved(page)["lights"]
    assert (lights["brightness"], lights["night"], lights["time_zone"]) == (40, "dim", "Europe/Vienna")
    for name, wrong, says in (
        ("brightness", "0", "The brightness"),
        ("brightness", "x", "The brightness"),
        ("night_from", "25:00", "The time"),
        ("time_zone", "Nowhere", "no time zone"),
    ):
        answer = owner.post("/settings/lights", **fields | {f"lights.{name}": wrong})
        assert answer.status == 422
        assert says in answer.text
    assert saved(page)["lights"] == lights


def test_updates_come_at_an_hour_or_not_at_all(page: Page, owner: Visitor) -> None:
    assert 'value="2" selected' in owner.get("/settings/update").body
    assert owner.post("/settings/update", **{"update.enabled": "yes", "update.hour": "14"}).status == 303
    assert saved(page)["update"] == {"enabled": True, "hour": 14}
    assert owner.post("/settings/update", **{"update.hour": "0"}).status == 303
    assert saved(page)["update"] == {"enabled": False, "hour": 0}
    for wrong in ("24", "-1", "x", ""):
        assert owner.post("/settings/update", **{"update.hour": wrong}).status == 422
    assert saved(page)["update"] == {"enabled": False, "hour": 0}


def test_an_update_is_asked_for_and_what_became_of_it_is_said(page: Page, owner: Visitor) -> None:
    assert owner.post("/settings/update/now", "/settings/update").status == 303
    # What porchlight-update.path waits for.
    assert update_service.wish(page.paths.update_wish) == ""
    page.paths.update_status.parent.mkdir(exist_ok=True)
    said = update_service.words(Record("9.9.9", "B", "0.1.0", outcome=Outcome.FAILED))
    update.publish(page.paths.update_status, UpdateStatus(since_boot(), "idle", outcome="failed", said=said))
    failed = "Version 9.9.9 did not work here, so version 0.1.0 runs again."
    assert owner.get("/settings/update").text.count(failed) == 1
    # Nor does it vanish behind what is said afterwards.
    nothing = "There is no newer version than this one."
    update.publish(page.paths.update_status, UpdateStatus(since_boot(), "idle", said=nothing, failed=said))
    shown = owner.get("/settings/update").text
    assert (shown.count(failed), shown.count(nothing)) == (1, 1)


def bring(owner: Visitor, content: bytes, token: str | None = None) -> Answer:
    """Send a bundle as a browser does."""
    token = owner.token("/settings/update") if token is None else token
    part = '--B\r\nContent-Disposition: form-data; name="file"; filename="x.raucb"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=B"}
    body = f"{part}{content.decode('latin-1')}\r\n--B--\r\n"
    return owner.ask("POST", f"/settings/update/file?csrf_token={token}", body, kind)


def test_an_update_is_brought_as_a_file(page: Page, owner: Visitor) -> None:
    content = bytes(range(256)) * 12_000
    assert bring(owner, content).status == 303
    assert page.paths.update_upload.read_bytes() == content
    assert update_service.wish(page.paths.update_wish) == str(page.paths.update_upload)
    for answer in (bring(owner, b""), owner.ask("POST", f"/settings/update/file?csrf_token={owner.token('/')}", "")):
        assert answer.status == 422
        assert "No file was chosen" in answer.text
    assert bring(owner, content, token="forged").status == 400
    assert update_service.wish(page.paths.update_wish) is None
    assert [one.name for one in page.paths.update_upload.parent.iterdir()] == ["update.raucb"]
    # The updater's group reads it, and nobody else.
    assert page.paths.update_upload.stat().st_mode & 0o777 == 0o640


def test_an_update_may_come_slowly(page: Page, owner: Visitor) -> None:
    """A form has seconds; a file of 80 MB through the garden's Wi-Fi has minutes, once somebody is signed in."""
    content = b"bundle" * 10_000
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + content + b"\r\n--B--\r\n"
    lines = [f"POST /settings/update/file?csrf_token={owner.token('/settings/update')} HTTP/1.1"]
    lines += [f"Host: 127.0.0.1:{page.port}", f"Origin: http://127.0.0.1:{page.port}", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: multipart/form-data; boundary=B", f"Cookie: porchlight={owner.cookies['porchlight']}"]
    with socket.create_connection(("127.0.0.1", page.port), PATIENCE) as browser:
        browser.sendall("\r\n".join([*lines, "", ""]).encode() + body[:30_000])
        time.sleep(REQUEST_TAKES + 1)
        browser.sendall(body[30_000:])
        assert browser.recv(65536).startswith(b"HTTP/1.1 303")
    assert page.paths.update_upload.read_bytes() == content


@pytest.mark.parametrize("ask", request.Ask)
def test_the_lights_are_asked_to_be_seen(page: Page, owner: Visitor, ask: request.Ask) -> None:
    assert owner.post("/settings/lights/show", "/settings/lights", show=ask).status == 303
    found = request.read(page.paths.lights_request, since_boot())
    assert found
    assert found.ask is ask


def test_the_certificate_is_chosen_beside_what_that_means_for_ever(page: Page, owner: Visitor) -> None:
    answer = owner.get("/settings/certificate")
    assert PUBLIC_FOR_EVER in answer.text
    fields = {"certificate.kind": "public", "certificate.email": "me@example.org"}
    assert owner.post("/settings/certificate", **fields).status == 303
    assert saved(page)["certificate"] == {"kind": "public", "email": "me@example.org"}
    page.paths.certificate_status.parent.mkdir(exist_ok=True)
    said = text("The authority does not answer.")
    certificate.publish(
        page.paths.certificate_status, CertificateStatus(since_boot(), "self-signed", state="busy", said=said)
    )
    assert said in owner.get("/settings/certificate").text
    answer = owner.post("/settings/certificate", **fields | {"certificate.email": "no address"})
    assert answer.status == 422
    assert "no e-mail address" in answer.text


def test_the_switch_and_the_pause(page: Page, owner: Visitor) -> None:
    assert owner.post("/switch", "/", on="no").status == 303
    assert saved(page)["relay"]["enabled"] is False
    assert "The relay is off." in owner.get("/").text
    assert owner.post("/switch", "/", on="yes").status == 303
    assert saved(page)["relay"]["enabled"] is True
    assert owner.post("/pause", "/", rest="yes").status == 303
    end = pause.until(page.paths.pause, since_boot())
    assert end
    assert 3500 < end - since_boot() <= 3600
    assert "It goes on by itself in" in owner.get("/").text
    assert owner.post("/pause", "/", rest="no").status == 303
    assert pause.until(page.paths.pause, since_boot()) is None


def test_a_switch_that_the_file_fixes_cannot_be_pressed(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text("[relay]\nenabled = true\n")
    assert "disabled" in owner.get("/").body
    owner.post("/switch", "/", on="no")
    assert "fixed by porchlight.toml" in owner.get("/").text


def test_settings_go_into_a_file_and_come_back(page: Page, owner: Visitor) -> None:
    owner.post("/name/own", domain="lamp.example.org")
    answer = owner.post("/settings/backup/save", "/settings/backup")
    assert answer.status == 200
    assert "porchlight-backup.toml" in answer.headers["Content-Disposition"]
    assert "argon2" not in answer.body
    owner.post("/name/own", domain="other.example.org")
    assert upload(owner, answer.body.encode()) == 303
    assert saved(page)["share"]["domain"] == "lamp.example.org"


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfe\0", b"[[[", b"a" * 5000])
def test_a_file_that_is_no_backup_changes_nothing(page: Page, owner: Visitor, content: bytes) -> None:
    owner.post("/name/own", domain="lamp.example.org")
    assert upload(owner, content) == 422
    assert saved(page)["share"]["domain"] == "lamp.example.org"


def test_a_file_that_is_too_large_is_refused(owner: Visitor) -> None:
    assert upload(owner, b"a" * 40_000) == 413


def test_forgetting_everything_needs_the_password(page: Page, owner: Visitor) -> None:
    assert owner.post("/settings/forget", password="wrong").status == 422
    assert not reset.request_file(page.paths).exists()
    answer = owner.post("/settings/forget", password=PASSWORD)
    assert answer.status == 200
    assert "The card starts again" in answer.text
    assert reset.request_file(page.paths).exists()
    assert owner.get("/").headers["Location"] == "/login"


def test_the_password_holds_until_the_card_has_forgotten_it(page: Page, owner: Visitor) -> None:
    owner.post("/settings/forget", password=PASSWORD)
    assert json.loads(page.visitor().get("/status.json").body)["ownership"] == "claimed"


def test_the_report_is_read_before_it_is_saved(owner: Visitor) -> None:
    owner.post("/name/own", domain="lamp.example.org")
    shown = owner.get("/settings/report").text
    assert '"porchlight"' in shown
    answer = owner.post("/settings/report")
    assert "porchlight-report.json" in answer.headers["Content-Disposition"]
    for told in (shown, answer.body):
        assert "lamp.example.org" not in told
    assert json.loads(answer.body)["changed_settings"] == ["share.domain"]
