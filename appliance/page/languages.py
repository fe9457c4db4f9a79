"""The languages of the page: which there are, which one a visitor gets, and the catalogues behind them.

The catalogues lie in ``translations/`` as text (``.po``) and are made ready in memory when somebody first asks for a
language. So the package needs no build step, and nothing in the repository can lag behind what translators wrote.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, request, session
from flask_babel import Babel, Domain, get_locale, get_translations
from werkzeug.local import LocalProxy

from appliance.page.porch import porch
from appliance.settings import load
from appliance.settings.kinds import LANGUAGES as CODES
from appliance.text import translated

FOLDER = Path(__file__).with_name("translations")


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Args:
        code: as Babel and the settings write it, such as ``zh_Hans``.
        name: what its speakers call it.
        rtl: whether it is written from right to left.
    """

    code: str
    name: str
    rtl: bool = False

    @property
    def tag(self) -> str:
        """As HTML and browsers write it (BCP 47), such as ``zh-Hans``."""
        return self.code.replace("_", "-")

    @property
    def direction(self) -> str:
        """The value of HTML's attribute ``dir``."""
        return "rtl" if self.rtl else "ltr"


NAMES = {
    "en": "English",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "de": "Deutsch",
    "ar": "العربية",
    "fa": "فارسی",
    "ru": "Русский",
    "uk": "Українська",
    "tr": "Türkçe",
    "zh_Hans": "简体中文",
    "my": "မြန်မာ",
}
LANGUAGES = {code: Language(code, NAMES[code], rtl=code in ("ar", "fa")) for code in CODES}
ENGLISH = LANGUAGES["en"]
# Where people need the relay most: the message that one passes on is offered in these first (and in all others).
OF_THOSE_WHO_NEED_IT = ("fa", "ar", "ru", "zh_Hans", "my", "tr", "en")


class Catalogues(Domain):  # type: ignore[misc]
    """The catalogues of this package, each read once."""

    def get_translations(self) -> NullTranslations:
        """The catalogue of the language of this request; English needs none."""
        code = str(get_locale())
        if code not in self.cache:
            self.cache[code] = catalogue(code)
        return self.cache[code]  # type: ignore[no-any-return]


def catalogue(code: str) -> NullTranslations:
    """Read one language's catalogue.

    Args:
        code: one of ``LANGUAGES``; any other has an empty catalogue, as English does.
    """
    path = FOLDER / code / "LC_MESSAGES" / "messages.po"
    if code not in LANGUAGES or not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        # Sentences that a translator has not looked at again stay English: fuzzy ones are left out.
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def speak(app: Flask) -> None:
    """Give an application its languages: ``_`` and ``|say`` in templates, ``language`` and ``languages`` to show.

    Args:
        app: the application.
    """
    babel = Babel(app, locale_selector=wanted)
    babel.domain_instance = Catalogues()
    app.jinja_env.filters["say"] = say
    app.jinja_env.globals.update(language=LocalProxy(language), languages=LANGUAGES)


def wanted() -> str:
    """The language of this visitor: chosen in this browser, else the owner's, else the browser's own."""
    chosen = str(session.get("language") or "") or load(porch().paths).settings.page.language
    return chosen if chosen in LANGUAGES else of_browser()


def of_browser() -> str:
    """The language that suits this browser best."""
    tags = {one.tag: one.code for one in LANGUAGES.values()}
    return tags[request.accept_languages.best_match(list(tags)) or ENGLISH.tag]


def language() -> Language:
    """The language of this request."""
    return LANGUAGES.get(str(get_locale()), ENGLISH)


def say(sentence: str) -> str:
    """A sentence that was written anywhere in porchlight (``appliance.text``), in the language of this request."""
    catalogue = get_translations()
    # To gettext the empty sentence is the catalogue's own head.
    return translated(sentence, lambda english: catalogue.gettext(english) if english else "")
