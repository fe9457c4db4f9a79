"""Mistakes become problems, one by one, and everything else still applies."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.paths import Paths
from appliance.settings import Loaded, Settings, load
from appliance.settings.declared import is_section
from appliance.settings.load import LARGEST_FILE, MOST_PROBLEMS
from appliance.settings.render import commented_file

Load = Callable[[str], Loaded]
# Mutations for one run of the tests; a soak sets more.
MUTATIONS = int(os.environ.get("PORCHLIGHT_MUTATIONS", "2000"))
# The commented file with every setting switched on, and two that differ from their defaults.
FULL = "\n".join(
    line.removeprefix("# ") if " = " in line and line.startswith("# ") and line[2:3].islower() else line
    for line in commented_file().splitlines()
)
MARKED = FULL.replace("idle_timeout = 200", "idle_timeout = 123").replace("media_port = 587", "media_port = 588")


def dotted(section: Any = None, prefix: str = "") -> dict[str, Any]:
    """Every setting by its dotted name."""
    section = Settings() if section is None else section
    found: dict[str, Any] = {}
    for one in fields(section):
        value = getattr(section, one.name)
        found |= dotted(value, f"{prefix}{one.name}.") if is_section(one) else {prefix + one.name: value}
    return found


def test_the_commented_file_is_valid_and_changes_nothing(loaded: Load) -> None:
    found = loaded(commented_file())
    assert (found.settings, found.problems, found.fixed) == (Settings(), (), frozenset())


def test_the_commented_file_names_every_setting(loaded: Load) -> None:
    found = loaded(FULL)
    assert found.problems == ()
    assert found.settings == Settings()
    assert found.fixed == frozenset(dotted())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[relay]\nworkers = true", "relay.workers must be a whole number"),
        ("[relay]\nworkers = 65", "relay.workers must be a whole number"),
        ('[relay]\nsend_proxy = "v3"', 'relay.send_proxy must be "v1" or "v2" or "off"'),
        ("[relay]\nchat_ports = [80, 80]", "names a port twice"),
        ("[relay]\nchat_ports = 80", "must be a list of port numbers"),
        ('[relay]\nlisten = ["here"]', "'here' is not an address"),
        ("[relay]\nmonthly_quota = 200", 'relay.monthly_quota must be an amount of data such as "200 GB"'),
        ('[relay]\nmonthly_quota = "200 Gbit"', "relay.monthly_quota must be an amount of data"),
        ('[relay]\nmonthly_quota = "0.5 MB"', "relay.monthly_quota must be an amount of data"),
        ("[relay]\nmonthly_quota = true", "relay.monthly_quota must be an amount of data"),
        ("[relay]\nidle_timeout = nan", "must be a number of seconds"),
        ('[relay.upstream]\nchat = ["g.whatsapp.net"]', 'is not "host:port"'),
        ("[relay.upstream]\nchat = []", "at least one entry"),
        ('[share]\ndomain = "https://relay.example.org/"', "share.domain must be bare"),
        ('[share]\ndomain = "-x.example"', "share.domain must be a name"),
        ("[share]\ndomian = 1", "there is no setting 'share.domian'"),
        ("share = 1", "share is a section"),
        ("relay = []", "relay is a section"),
        ('[page]\nclaim_code = "short"', "page.claim_code must be a text"),
        ('[lights]\nenabled = "yes"', "lights.enabled must be true or false"),
        ("[share]\ndomain = relay.example.org", "line 2: 'domain = relay.example.org' cannot be understood"),
        ('[share]\ndomain = "relay.example.org', "line 2"),
        ("[share\ndomain = 'x.example'", "line 1"),
        ("x" * (LARGEST_FILE + 1), "is far too large"),
        ("\0", "is not a text file"),
    ],
)
def test_a_mistake_is_one_problem_with_three_sentences(loaded: Load, text: str, says: str) -> None:
    found = loaded(text)
    assert len(found.problems) == 1, found.problems
    assert found.settings == Settings()
    problem = found.problems[0]
    assert problem.what.startswith("porchlight.toml")
    assert says in problem.what
    assert problem.means
    assert problem.todo


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ('"200 GB"', 200 * 10**9),
        ('"1.5 TB"', 1_500_000_000_000),
        ('"500mb"', 500_000_000),
        ("200000000000", 200 * 10**9),
        ("0", 0),
        ('"0 GB"', 0),
    ],
)
def test_an_amount_of_data_is_written_as_in_a_contract(loaded: Load, written: str, number: int) -> None:
    found = loaded(f"[relay]\nmonthly_quota = {written}\n")
    assert found.problems == ()
    assert found.settings.relay.monthly_quota == number


def test_a_broken_line_costs_only_itself(loaded: Load) -> None:
    found = loaded('[relay]\nworkers = 3\nidle_timeout = = 5\nsend_proxy = "off"\n[share]\ndomain = "a.example"\n')
    assert len(found.problems) == 1
    assert found.settings.relay.workers == 3
    assert found.settings.relay.send_proxy == "off"
    assert found.settings.relay.idle_timeout == 200.0
    assert found.settings.share.domain == "a.example"


@pytest.mark.parametrize("header", ["[relay", "relay]", "relay]  # the relay"])
def test_a_broken_header_does_not_let_its_settings_slip_elsewhere(loaded: Load, header: str) -> None:
    found = loaded(f"[page]\nport = 8200\n{header}\nworkers = 3\nport = 1\n[share]\nchat_port = 8443\n")
    assert found.settings.page.port == 8200
    assert found.settings.relay.workers == 0
    assert found.settings.share.chat_port == 8443


def test_a_setting_twice_keeps_the_first_and_says_so(loaded: Load) -> None:
    found = loaded("[relay]\nworkers = 3\nworkers = 4\n")
    assert found.settings.relay.workers == 3
    assert "twice" in found.problems[0].what


@pytest.mark.parametrize(
    "text",
    [
        "workers = " + "9" * 900,
        "workers = " + "9" * 5000,
        "workers" + ".a" * 450 + " = 1\nx = = 1\nworkers" + ".a" * 450 + " = 1",
        "x" + ".a" * 30_000 + " = 1",
        "[relay" + ".a" * 400 + "]\nx" + ".a" * 400 + " = 1",
        "workers = " + "[" * 450 + "]" * 450,
        "workers = 0x" + "f" * 900,
        "[\n" * 30_000,
        "x = [\n" * 10_000,
        'x = """\n' * 8000,
        '"""\n' * 16_000,
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_what_is_hard_to_read_is_a_mistake_and_takes_no_time(loaded: Load, text: str) -> None:
    begun = time.process_time()
    found = loaded(f"[page]\nport = 8200\n[relay]\n{text}\n")
    # On a Pi twenty times as much, and a service that does not answer for thirty seconds is ended.
    assert time.process_time() - begun < 1.5
    assert found.problems
    assert found.settings.page.port == 8200
    assert found.settings.relay.workers == 0


def test_a_flood_of_mistakes_is_cut(loaded: Load) -> None:
    found = loaded("[relay]\n" + "".join(f"nonsense{number} = 1\n" for number in range(500)))
    assert len(found.problems) == MOST_PROBLEMS + 1
    assert "480 more mistakes" in found.problems[-1].what


def test_a_broken_claim_code_is_not_told_to_everybody(loaded: Load) -> None:
    for text in (
        '[page]\nclaim_code = "secret-code',
        '[page]\nclaim_code = "secret"',
        "[page]\nclaim_code = ['secret']",
        '[page]\nclaim_code =\n"secret-code"\n',
        '[page]\nclaim-cod = "secret-code',
        '[page]\nclaim_cod = "secret-code',
        '[page]\n"secret-code" = = 3',
    ):
        assert "secret" not in str(loaded(text).problems)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_any_computers_editor_may_write_the_file(paths: Paths, encoding: str) -> None:
    text = '# für alle\r\n[share]\r\ndomain = "relay.example.org"\r\n'
    paths.owner_file.write_bytes(text.encode(encoding))
    found = load(paths)
    assert found.problems == ()
    assert found.settings.share.domain == "relay.example.org"


def test_the_owners_file_wins_over_the_page_and_the_page_over_the_defaults(paths: Paths) -> None:
    paths.saved_settings.parent.mkdir(parents=True)
    paths.saved_settings.write_text('[share]\ndomain = "page.example"\nchat_port = 8443\n')
    paths.owner_file.write_text('[share]\ndomain = "card.example"\n')
    found = load(paths)
    assert (found.settings.share.domain, found.settings.share.chat_port) == ("card.example", 8443)
    assert found.fixed == {"share.domain"}


def test_a_file_that_cannot_be_read_is_a_problem_and_no_end(paths: Paths) -> None:
    paths.owner_file.mkdir()
    found = load(paths)
    assert found.settings == Settings()
    assert "cannot be read" in found.problems[0].what


@pytest.mark.parametrize("damage", [b"\0" * 512, b"\xff" * 512, b"[share", b"share = 3", b"domain = {", b"[[share]]"])
def test_damage_to_what_the_page_saved_leaves_the_owners_file(paths: Paths, damage: bytes) -> None:
    paths.saved_settings.parent.mkdir(parents=True)
    paths.saved_settings.write_bytes(damage)
    paths.owner_file.write_text("[relay]\nworkers = 3\n")
    found = load(paths)
    assert found.settings.relay.workers == 3
    assert found.problems
    assert all(problem.what.startswith("What the setup page saved") for problem in found.problems)


@pytest.mark.slow
@settings(max_examples=MUTATIONS)
@given(data=st.data())
def test_no_mutation_raises_and_what_was_not_touched_still_applies(data: st.DataObject) -> None:
    lines = MARKED.splitlines()
    touched = set()
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        touched.add(number)
        line = lines[number]
        start = data.draw(st.integers(0, len(line)))
        end = data.draw(st.integers(start, len(line)))
        # No line breaks, and no brackets or quotation marks that could swallow the lines that follow.
        new = data.draw(
            st.text(
                st.characters(blacklist_characters="\r\n[{'\"\x00", blacklist_categories=["Cs", "Cc", "Zl", "Zp"]),
                max_size=8,
            )
        )
        lines[number] = line[:start] + new + line[end:]
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "porchlight.toml", Path(folder), Path(folder))
        paths.owner_file.write_text("\n".join(lines), "utf-8")
        found = load(paths)
    values = dotted(found.settings)
    for name, value in (("relay.idle_timeout", 123.0), ("share.media_port", 588)):
        number = next(n for n, line in enumerate(MARKED.splitlines()) if line.startswith(f"{name.partition('.')[2]} ="))
        # What a mutation wrote above may rename the section or set the same thing first: then nothing is promised.
        above = {one for one in touched if one < number}
        bare = name.partition(".")[2]
        if number not in touched and not any(_opens(MARKED.splitlines()[one], lines[one], bare) for one in above):
            assert values[name] == value


def _opens(former: str, line: str, name: str) -> bool:
    """Whether a mutated line may open or close a section, or set the very thing."""
    return former.startswith("[") or name in line or ("]" in line and "=" not in line)


@pytest.mark.costly
@settings(max_examples=MUTATIONS // 4)
@given(raw=st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "porchlight.toml", Path(folder), Path(folder))
        paths.owner_file.write_bytes(raw)
        load(paths)
