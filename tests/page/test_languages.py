"""Which language a visitor gets, and that everything is said in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appliance.page import languages
from appliance.page.languages import LANGUAGES, catalogue
from appliance.page.owner import write_record
from appliance.settings import load
from appliance.text import text
from image import recipe
from tests.page.test_guard import HASH, OURS, make_app

WORDS = r"""
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\n"

msgid "Welcome back"
msgstr "خوش آمدید"

msgid "Nothing was saved."
msgstr "چیزی ذخیره نشد."

#, fuzzy
msgid "Your password"
msgstr "چیز دیگر"

msgid "That is no number: %(what)s"
msgstr "عدد نیست: %(what)s"
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    folder = tmp_path / "translations"
    (folder / "fa" / "LC_MESSAGES").mkdir(parents=True)
    (folder / "fa" / "LC_MESSAGES" / "messages.po").write_text(WORDS)
    monkeypatch.setattr(languages, "FOLDER", folder)
    app = make_app(tmp_path)
    write_record(app.extensions["porchlight"].paths, HASH)
    return app


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_client() as found:
        yield found


def login(client: FlaskClient, accepts: str = "") -> str:
    return client.get("/login", base_url=OURS, headers={"Accept-Language": accepts}).text


def choose(client: FlaskClient, code: str, page: str = "/login") -> str:
    form = {"language": code, "page": page}
    answer = client.post("/language", base_url=OURS, headers={"Origin": OURS}, data=form)
    assert answer.status_code == 303
    return str(answer.headers["Location"])


@pytest.mark.costly
@pytest.mark.parametrize(
    ("accepts", "tag"),
    [
        ("", "en"),
        ("fa-IR,fa;q=0.9,en;q=0.8", "fa"),
        ("ar-EG", "ar"),
        ("zh-CN,zh;q=0.9", "zh-Hans"),
        ("pt-BR", "pt"),
        ("my", "my"),
        ("sw,de;q=0.5", "de"),
        ("xx", "en"),
        ("\x7f;;q=,=", "en"),
    ],
)
def test_the_browser_decides_at_first(client: FlaskClient, accepts: str, tag: str) -> None:
    direction = "rtl" if tag in ("ar", "fa") else "ltr"
    assert f'<html lang="{tag}" dir="{direction}">' in login(client, accepts)


def test_what_was_chosen_in_this_browser_wins_and_outlives_signing_out(client: FlaskClient) -> None:
    assert choose(client, "fa") == "/login"
    said = login(client, "en")
    assert '<html lang="fa" dir="rtl">' in said
    assert "خوش آمدید" in said
    client.post("/logout", base_url=OURS, headers={"Origin": OURS})
    assert "خوش آمدید" in login(client, "en")
    assert choose(client, "en") == "/login"
    assert "Welcome back" in login(client, "fa")


def test_a_language_that_does_not_exist_changes_nothing(client: FlaskClient) -> None:
    choose(client, "xx")
    assert '<html lang="en"' in login(client)


@pytest.mark.parametrize(
    "page", ["//evil.example", "/\\evil.example", "https://evil.example/", "", "/x\r\nLocation: y"]
)
def test_choosing_a_language_leads_to_no_other_site(client: FlaskClient, page: str) -> None:
    assert choose(client, "de", page) == "/"


def test_the_owners_choice_is_for_every_browser_that_made_none(app: Flask, client: FlaskClient) -> None:
    paths = app.extensions["porchlight"].paths
    choose(client, "de")
    assert load(paths).settings.page.language == ""
    record = write_record(paths, HASH)
    with client.session_transaction(base_url=OURS) as session:
        session["generation"] = record.generation
    choose(client, "de", "/settings")
    assert load(paths).settings.page.language == "de"
    assert '<html lang="de"' in login(app.test_client(), "fa")


def test_sentences_from_anywhere_are_said_with_their_values(app: Flask) -> None:
    with app.test_request_context(base_url=OURS, headers={"Accept-Language": "fa"}):
        assert languages.say(text("That is no number: %(what)s", what=text("Nothing was saved."))) == (
            "عدد نیست: چیزی ذخیره نشد."
        )
        # What nobody has translated, and what a translator has not looked at again, stays English.
        assert languages.say(text("Something else.")) == "Something else."
        assert languages.say(text("Your password")) == "Your password"
        assert languages.say("") == ""
        assert languages.say(text("")) == ""


def test_an_error_of_ours_is_said_in_the_browsers_language_without_asking_anything(app: Flask) -> None:
    del app.extensions["porchlight"]
    answer = app.test_client().get("/login", base_url=OURS, headers={"Accept-Language": "ar"})
    assert answer.status_code == 500
    assert '<html lang="ar" dir="rtl">' in answer.text


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_catalogue_can_be_read(code: str) -> None:
    assert catalogue(code).gettext("porchlight")


def test_the_card_keeps_what_babel_knows_of_each_language() -> None:
    for code in LANGUAGES:
        language, _, _script = code.partition("_")
        assert {code, language, "root"} <= set(recipe.LOCALES)


def test_a_path_is_no_language() -> None:
    assert catalogue("../en").gettext("Welcome back") == "Welcome back"
