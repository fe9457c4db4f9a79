"""Brings the catalogues of the page up to date with the sources: ``python3 -m tests.page.catalogues``.

It needs Babel and nothing else. pybabel's own ``update`` would do the same, but writes the time and many empty fields
into each file, so that each run changes all of them (docs/translating.md).
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from appliance.settings.kinds import LANGUAGES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "appliance/page/translations"
TRANSLATED = tuple(code for code in LANGUAGES if code != "en")
HEAD = """\
# {name} for porchlight: docs/translating.md says how to go on.
msgid ""
msgstr ""
"Project-Id-Version: porchlight\\n"
"Language: {code}\\n"
"Plural-Forms: {plural}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def file_of(code: str) -> Path:
    """Where a language's sentences stand."""
    return FOLDER / code / "LC_MESSAGES" / "messages.po"


def catalogue(code: str) -> Catalog:
    """A language's catalogue; an empty one when there is none."""
    if not file_of(code).exists():
        return Catalog(locale=code)
    with file_of(code).open("rb") as file:
        return read_po(file, locale=code)


def wanted() -> Catalog:
    """Every sentence that stands in the sources now."""
    with tempfile.NamedTemporaryFile(suffix=".pot") as file:
        options = ["-F", "pyproject.toml", "-k", "text", "--add-location", "file", "-o", file.name, "."]
        command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", *options]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return read_po(file)


def written(catalog: Catalog, code: str) -> bytes:
    """A catalogue as its file holds it."""
    body = BytesIO()
    write_po(body, catalog, width=0, omit_header=True, ignore_obsolete=True, include_lineno=False)
    head = HEAD.format(name=Locale.parse(code).english_name, code=code, plural=catalog.plural_forms)
    return head.encode() + body.getvalue().strip() + b"\n"


def update(template: Catalog) -> Iterator[str]:
    """Write each catalogue anew, with what is translated already; says what is left to do."""
    for code in TRANSLATED:
        found = catalogue(code)
        found.update(template, no_fuzzy_matching=True)
        file_of(code).parent.mkdir(parents=True, exist_ok=True)
        file_of(code).write_bytes(written(found, code))
        left = sum(1 for one in found if one.id and (one.fuzzy or not one.string))
        yield f"{code}: {len(found)} sentences, {left} to be translated"


if __name__ == "__main__":
    print("\n".join(update(wanted())))
