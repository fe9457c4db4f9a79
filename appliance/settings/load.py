"""Loading the settings: the owner's file wins, what the page saved comes next, the defaults fill the rest.

The file on the card wins because its owner holds the card in the hand; the page shows such a setting as fixed.
A mistake never stops anything: it becomes a Problem, and every other setting still applies.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from appliance.files import stamp
from appliance.paths import Paths
from appliance.settings.declared import Settings, is_section
from appliance.settings.kinds import show
from appliance.settings.problem import Problem
from appliance.settings.salvage import read_toml
from appliance.settings.secrets import SECRETS
from appliance.text import Text, text

# A settings file of this size is not one: it is a damaged file system or a joke. Bytes.
LARGEST_FILE = 64 * 1024
# More mistakes than this say "this is not a settings file"; the rest would only flood the page.
MOST_PROBLEMS = 20
# What the name of a setting is made of.
KEY = re.compile(r"[a-z_.]{1,40}", re.ASCII)
# Settings whose lines are never quoted, by the last part of their names.
NEVER_QUOTED = tuple(sorted(one.rpartition(".")[2] for one in SECRETS))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and what was wrong with the files that they came from.

    Args:
        settings: what applies now.
        problems: mistakes, in the order in which they stand in the files.
        fixed: dotted names of the settings that the owner's file sets, and the page therefore cannot.
    """

    settings: Settings
    problems: tuple[Problem, ...]
    fixed: frozenset[str]


@dataclass(slots=True)
class _Source:
    """One of the files while it is being read."""

    path: Path
    name: str
    mend: Text
    # Not for every service: that this one may not read it is no mistake.
    private: bool = False
    # Which of the settings may stand in it.
    may: Callable[[Field[Any]], bool] = lambda one: True
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(self, what: Text, means: Text, todo: Text | None = None) -> None:
        self.problems.append(Problem(what, means, todo or self.mend))


def load(paths: Paths) -> Loaded:
    """Load everything that applies on this device; never raises for what stands in the files."""
    on_page = text("What the setup page saved"), text("Save the settings again on the setup page.")
    # Whoever has taken the page over can write these, and must not lead the relay into the home network by it.
    saved = _Source(paths.saved_settings, *on_page, may=_on_page)
    secret = _Source(paths.saved_secrets, *on_page, private=True, may=_on_page)
    owner = _Source(paths.owner_file, paths.owner_file.name, text("Mend the line and save the file."))
    for source in (saved, secret, owner):
        _take(Settings, _read(source), "", source)
    problems = [*owner.problems, *_kept_back(paths, owner), *saved.problems, *secret.problems]
    if len(problems) > MOST_PROBLEMS:
        rest = text("There are %(number)s more mistakes in the settings.", number=len(problems) - MOST_PROBLEMS)
        problems[MOST_PROBLEMS:] = [Problem(rest, text("They are ignored too."), text("Mend the first ones first."))]
    # A secret among what everybody reads was saved by an earlier version, after the other file: so it is the newer one.
    settings = _build(Settings, {**secret.values, **saved.values, **owner.values}, "")
    return Loaded(settings, tuple(problems), frozenset(owner.values))


def _on_page(one: Field[Any]) -> bool:
    """Whether the page has a setting, or some of a section."""
    return is_section(one) or bool(one.metadata["on_page"])


def _kept_back(paths: Paths, owner: _Source) -> Iterator[Problem]:
    """What of the owner's file is missing or another in the copy that is shown to services which talk with the outside.

    Whatever makes the copy leaves out what it does not understand, and it understands less than TOML allows. What the
    copy has and the file has not is told as a mistake in the file.
    """
    shown = _Source(paths.shown_settings, owner.name, owner.mend, private=True)
    if stamp(shown.path) is None:
        return
    _take(Settings, _read(shown), "", shown)
    for name in sorted(owner.values.keys() - SECRETS):
        if name not in shown.values or owner.values[name] != shown.values[name]:
            yield Problem(
                text(
                    "%(file)s: the relay cannot read %(setting)s. Write it on one line.", file=owner.name, setting=name
                ),
                text("It is ignored."),
                owner.mend,
            )


def _read(source: _Source) -> dict[str, Any]:
    means = text("None of its settings apply; the relay goes on without them.")
    fresh = text("Put a fresh settings file in its place.")
    try:
        with source.path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        if source.private and isinstance(error, PermissionError):
            return {}
        source.report(
            text("%(file)s cannot be read (%(reason)s).", file=source.name, reason=error.strerror or ""),
            means,
            text("If this stays, flash the card again."),
        )
        return {}
    if len(raw) > LARGEST_FILE:
        source.report(text("%(file)s is far too large.", file=source.name), means, fresh)
        return {}
    decoded = _decode(raw)
    if "\0" in decoded:
        source.report(text("%(file)s is not a text file.", file=source.name), means, fresh)
        return {}
    understood, unreadable = read_toml(decoded)
    for one in unreadable:
        # A problem stands on screens and in the log too; a claim code or a password does not.
        secret = next((name for name in NEVER_QUOTED if name in one.text.casefold()), "")
        shown = text("the line of %(setting)s", setting=secret) if secret else _harmless(one.text)
        source.report(
            text(
                "%(file)s, line %(line)s: %(shown)s cannot be understood (%(reason)s).",
                file=source.name,
                line=one.line,
                shown=shown,
                reason=one.reason,
            ),
            text("This line is ignored; all other settings apply."),
        )
    return understood


def _harmless(line: str) -> str:
    """As much of a line that cannot be understood as may stand on screens and in the log: never a secret.

    A claim code or a password may be on a line of its own, or beside a name with a mistake in it.
    """
    key, equals, _ = line.partition("=")
    key = key.strip()
    if (equals and key.rpartition(".")[2] in _NAMES) or (line.startswith("[") and '"' not in line):
        return show(line)
    return show(key) if equals and KEY.fullmatch(key) else "…"


def _names(section: type) -> Iterator[str]:
    for one in fields(section):
        yield one.name
        if is_section(one):
            yield from _names(one.metadata["section"])


_NAMES = frozenset(_names(Settings)) - set(NEVER_QUOTED)


def _decode(raw: bytes) -> str:
    """The text of a file from any computer's editor: UTF-8 with or without a mark, UTF-16, or Latin-1."""
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@cache
def _declared(section: type) -> dict[str, Field[Any]]:
    """The settings of a section by their names."""
    return {one.name: one for one in fields(section)}


def _take(section: type, table: dict[str, Any], prefix: str, source: _Source) -> None:
    """Read every value of ``table`` into the source's values under its dotted name; mistakes become problems."""
    declared = _declared(section)
    for key, value in table.items():
        dotted = prefix + key
        if key not in declared or not source.may(declared[key]):
            close = get_close_matches(key, declared.keys() - {key}, n=1)
            source.report(
                text("%(file)s: there is no setting %(setting)s.", file=source.name, setting=show(dotted)),
                text("It is ignored."),
                text("Did you mean %(setting)s?", setting=prefix + close[0]) if close else None,
            )
        elif is_section(declared[key]):
            if isinstance(value, dict):
                _take(declared[key].metadata["section"], value, dotted + ".", source)
            else:
                source.report(
                    text("%(file)s: %(setting)s is a section.", file=source.name, setting=dotted),
                    text("It is ignored."),
                    text("Write [%(setting)s] on a line of its own.", setting=dotted),
                )
        else:
            try:
                source.values[dotted] = declared[key].metadata["kind"].read(value)
            except ValueError as error:
                # The reason is a part of a sentence, in English only: it speaks of what stands in an English file.
                reason = error.args[0] if error.args else ""
                source.report(
                    text("%(file)s: %(setting)s %(reason)s.", file=source.name, setting=dotted, reason=reason),
                    text("porchlight goes on as if it were not set."),
                )


def _build(section: type, values: dict[str, Any], prefix: str) -> Any:
    chosen = {}
    for name, one in _declared(section).items():
        dotted = prefix + name
        if is_section(one):
            chosen[name] = _build(one.metadata["section"], values, dotted + ".")
        elif dotted in values:
            chosen[name] = values[dotted]
    return section(**chosen)
