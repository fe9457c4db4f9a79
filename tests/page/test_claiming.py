"""Claiming, signing in, changing the password: over real HTTP."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.page.failures import MOST_FAILURES
from appliance.page.owner import record_file
from tests.page.conftest import PASSWORD, Page, Visitor, code_of


@pytest.mark.costly
def test_a_fresh_card_leads_every_page_to_the_claim(page: Page) -> None:
    for path in ("/", "/share", "/name", "/open", "/outside", "/settings", "/settings/password", "/login"):
        answer = page.visitor().get(path)
        assert (answer.status, answer.headers["Location"]) == (303, "/claim")


def test_the_code_and_a_password_make_it_mine(page: Page) -> None:
    visitor = page.visitor()
    answer = visitor.post("/claim", code=code_of(page.paths).lower(), password=PASSWORD, again=PASSWORD)
    assert (answer.status, answer.headers["Location"]) == (303, "/name")
    assert visitor.get("/").status == 200
    assert record_file(page.paths).stat().st_mode & 0o777 == 0o600
    assert "$argon2id$" in record_file(page.paths).read_text()
    assert PASSWORD not in record_file(page.paths).read_text()
    assert code_of(page.paths) == ""
    assert page.visitor().get("/").headers["Location"] == "/login"
    assert page.visitor().get("/claim").headers["Location"] == "/login"


@pytest.mark.costly
def test_a_mistake_is_said_and_changes_nothing(page: Page) -> None:
    right = code_of(page.paths)
    for code, password, again, says in (
        ("WRONG-CODE", PASSWORD, PASSWORD, "not this card's code"),
        ("", PASSWORD, PASSWORD, "not this card's code"),
        (right, PASSWORD, "another one", "not the same"),
        (right, "short", "short", "at least 8 characters"),
        (right, "x" * 300, "x" * 300, "at most 256"),
    ):
        answer = page.visitor().post("/claim", code=code, password=password, again=again)
        assert answer.status == 422
        assert says in answer.text
        assert not record_file(page.paths).exists()
        assert f'"{password}"' not in answer.body


@pytest.mark.costly
def test_two_who_claim_at_once_get_one_owner(page: Page) -> None:
    visitors = [page.visitor() for _ in range(4)]
    code = code_of(page.paths)

    def claim(visitor: Visitor) -> int:
        return visitor.post("/claim", code=code, password=PASSWORD, again=PASSWORD).status

    with ThreadPoolExecutor(len(visitors)) as pool:
        statuses = sorted(pool.map(claim, visitors))
    assert statuses.count(303) >= 1
    signed_in = [visitor for visitor in visitors if visitor.get("/").status == 200]
    assert len(signed_in) == 1


@pytest.mark.costly
def test_five_failures_and_then_a_minute_of_silence_for_everybody(page: Page) -> None:
    for _ in range(MOST_FAILURES):
        assert page.visitor().post("/claim", code="WRONG", password=PASSWORD, again=PASSWORD).status == 422
    answer = page.visitor().claim(page.paths)
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "60"
    assert "Wait a minute" in answer.text
    assert not record_file(page.paths).exists()


@pytest.mark.costly
def test_a_hundred_guesses_at_once_are_still_five(page: Page, owner: Visitor) -> None:
    visitors = [page.visitor() for _ in range(12)]
    with ThreadPoolExecutor(len(visitors)) as pool:
        statuses = list(pool.map(lambda visitor: visitor.login("wrong password").status, visitors))
    assert statuses.count(422) == MOST_FAILURES
    assert statuses.count(429) == len(visitors) - MOST_FAILURES
    assert owner.get("/").status == 200


@pytest.mark.costly
def test_signing_in_and_out(page: Page, owner: Visitor) -> None:
    visitor = page.visitor()
    assert "not the password" in visitor.login("wrong password").text
    assert visitor.login().status == 303
    assert visitor.get("/").status == 200
    assert visitor.post("/logout", "/").headers["Location"] == "/login"
    assert visitor.get("/").headers["Location"] == "/login"


@pytest.mark.costly
def test_signing_out_ends_the_session_for_whoever_has_a_copy_of_its_cookie(page: Page, owner: Visitor) -> None:
    thief = page.visitor()
    thief.cookies.update(owner.cookies)
    assert thief.get("/").status == 200
    assert owner.post("/logout", "/").status == 303
    assert thief.get("/").headers["Location"] == "/login"
    # Nobody who is signed out can sign others out, or wear the card down.
    assert owner.login().status == 303
    written = record_file(page.paths).stat().st_mtime_ns
    assert page.visitor().post("/logout", "/login").status == 303
    assert record_file(page.paths).stat().st_mtime_ns == written
    assert owner.get("/").status == 200


@pytest.mark.costly
def test_the_same_letters_from_another_keyboard_are_the_same_password(page: Page) -> None:
    page.visitor().claim(page.paths, "Grüße an alle")
    assert page.visitor().login("Gru\u0308ße an alle").status == 303


@pytest.mark.costly
def test_a_new_password_ends_every_other_session(page: Page, owner: Visitor) -> None:
    other = page.visitor()
    assert other.login().status == 303
    answer = owner.post("/settings/password", former=PASSWORD, password="another good one", again="another good one")
    assert answer.status == 303
    assert "The new password holds" in owner.get("/").text
    assert other.get("/").headers["Location"] == "/login"
    assert page.visitor().login().status == 422
    assert page.visitor().login("another good one").status == 303


@pytest.mark.costly
def test_a_new_password_needs_the_former_one(owner: Visitor) -> None:
    answer = owner.post(
        "/settings/password", former="wrong password", password="another good one", again="another good one"
    )
    assert answer.status == 422
    assert "that you use now is not right" in answer.text


@pytest.mark.costly
def test_the_session_outlives_a_restart_of_the_page(start: Callable[..., Page]) -> None:
    first = start("--listen", "127.0.0.1")
    visitor = first.visitor()
    visitor.claim(first.paths)
    assert first.stop() == 0
    second = start("--listen", "127.0.0.1", port=first.port)
    assert visitor.get("/").status == 200
    assert second.paths.page_state.joinpath("session.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.costly
def test_a_damaged_password_shuts_the_page_and_says_how_to_open_it(page: Page, owner: Visitor) -> None:
    for damage in (b"", b"{", b'{"hash": "x", "generation": "y"}', b"\xff" * 100):
        record_file(page.paths).write_bytes(damage)
        for path in ("/", "/share", "/settings/password", "/claim"):
            answer = owner.get(path)
            assert (answer.status, answer.headers["Location"]) == (303, "/login")
        answer = owner.get("/login")
        assert answer.status == 503
        assert "claim_code" in answer.text
        assert json.loads(owner.get("/status.json").body)["ownership"] == "damaged"


@pytest.mark.costly
def test_damaged_keys_and_codes_open_nothing(start: Callable[..., Page]) -> None:
    first = start("--listen", "127.0.0.1")
    visitor = first.visitor()
    visitor.claim(first.paths)
    first.stop()
    first.paths.page_state.joinpath("session.key").write_bytes(b"short")
    first.paths.page_state.joinpath("claim.json").write_bytes(b"{")
    second = start("--listen", "127.0.0.1", port=first.port)
    assert visitor.get("/").headers["Location"] == "/login"
    assert second.visitor().get("/claim").headers["Location"] == "/login"


@pytest.mark.costly
def test_a_forged_session_opens_nothing(page: Page, owner: Visitor) -> None:
    visitor = page.visitor()
    visitor.cookies["porchlight"] = owner.cookies["porchlight"][:-4] + "AAAA"
    assert visitor.get("/").headers["Location"] == "/login"


@pytest.mark.costly
def test_the_cookie_is_for_this_page_only(page: Page) -> None:
    cookie = page.visitor().get("/claim").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Expires" not in cookie
