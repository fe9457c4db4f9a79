"""What services that talk with the outside see of the owner's settings: everything but secrets, line by line."""

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.paths import Paths
from appliance.settings.load import LARGEST_FILE, load
from appliance.settings.secrets import SECRETS, table
from tests.image.hiding import AWKS, BUSYBOX, hidden, read
from tests.settings.test_load import MARKED, dotted

WORD = "hunter2-hunter3"
ADDRESS = f"https://example.org/?token={WORD}"
# Every setting, each of them set, and secrets that are found wherever they are.
FULL = (
    MARKED.replace('password = ""', f'password = "{WORD}"')
    .replace('claim_code = ""', f'claim_code = "{WORD}"')
    .replace('update_url = ""', f'update_url = "{ADDRESS}"')
)
LINES = FULL.splitlines()
# By hand, with what a hand does.
OWNERS = f"""\
# mine, password: {WORD}
[share]
domain = "relay.example.org"  # not the password
[relay]
chat_ports = [
    5222,  # chat
    80,
]
[wifi]
ssid = "{"home"}"
password = "{WORD}"
[page]
port = 8200
claim_code = '''{WORD}'''
[name]
update_url = "{ADDRESS}"
hostname = 'home.example.org'
[lights]
night = "dim"
"""
FRAGMENTS = [
    '"',
    "'",
    '"""',
    "'''",
    "[",
    "]",
    "{",
    "}",
    "=",
    "#",
    "\n",
    "\r",
    ".",
    ",",
    "\\",
    " ",
    "é",
    "password",
    "\f",
]


@pytest.fixture(params=AWKS, ids=lambda awk: "busybox" if BUSYBOX in awk else "debian")
def awk(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """An awk: Debian's, and that of the card where this machine has it."""
    found: tuple[str, ...] = request.param
    return found


def values(folder: Path, raw: bytes) -> dict[str, Any]:
    """The settings that such a file makes, without secret ones."""
    return {name: value for name, value in dotted(read(folder, raw).settings).items() if name not in SECRETS}


def test_the_three_secrets_are_known() -> None:
    assert sorted(SECRETS) == ["name.update_url", "page.claim_code", "wifi.password"]
    words = {name: kind for kind, name in map(str.split, table().splitlines())}
    assert words.keys() > dotted().keys()
    assert {name for name, kind in words.items() if kind == "section"} == words.keys() - dotted().keys()
    assert {name for name, kind in words.items() if kind == "secret"} == SECRETS


def test_everything_else_applies_and_no_secret_is_there(tmp_path: Path, awk: tuple[str, ...]) -> None:
    for text in (FULL + "\n", OWNERS):
        raw = text.encode()
        copies = hidden(tmp_path, raw, awk)
        assert WORD.encode() not in copies.all
        assert values(tmp_path, copies.all) == values(tmp_path, raw)
        assert read(tmp_path, copies.all).problems == ()
        assert copies.all.count(b"\n") == raw.count(b"\n")
        # The service of the name sees where it has to tell the address, and nothing else.
        own = read(tmp_path, copies.name).settings
        assert own.name == read(tmp_path, raw).settings.name
        assert (own.name.update_url, own.wifi.password, own.page.claim_code) == (ADDRESS, "", "")
        assert copies.name.replace(ADDRESS.encode(), b"").count(WORD.encode()) == 0


@pytest.mark.parametrize(
    "text",
    [
        f'[wifi]\npassword = "{WORD}"',
        f"[wifi]\n  password='{WORD}'  # mine",
        f'wifi.password = "{WORD}"',
        f'wifi . "password" = "{WORD}"',
        f"'wifi'.'password' = '{WORD}'",
        f'wifi = {{ ssid = "home", password = "{WORD}" }}',
        f'wifi = {{ password = "{WORD}" }}',
        f'wifi = "{WORD}"',
        f'["wifi"]\n"pass\\u0077ord" = "{WORD}"',
        f'wifi = {{ "pass\\u0077ord" = "{WORD}" }}',
        f'[wifi.password]\nssid = "{WORD}"',
        f'[[wifi]]\nssid = "{WORD}"',
        f'[wifi]\nPassword = "{WORD}"\nPASSWORD = "{WORD}"',
        f'[wifi]\npasword = "{WORD}"',
        f'[wifi]\npassword "{WORD}"',
        f'[wifi]\npassword: "{WORD}"',
        f'[wifi]\npassword =\n"{WORD}"',
        f'[wifi]\npassword = "{WORD}',
        f'[wifi\nssid = "{WORD}"',
        f'[wifi]\npassword = """{WORD}"""',
        f'[wifi]\npassword = """\n{WORD}"""',
        f'[wifi]\npassword = """\\\n  hostname = "{WORD}"\n"""',
        f'[wifi]\npassword = """\nssid = "{WORD}"\n"""',
        f"[wifi]\npassword = '''\nssid = \"{WORD}\"\n'''",
        f'[wifi]\npassword = """\\"""\nssid = "{WORD}"\n"""',
        f'[wifi]\npassword = [\n"{WORD}",\n]',
        f'[wifi]\npassword = ["""\nssid = "{WORD}"\n"""]',
        f'wifi = {{ ssid = "a", password = [\n"{WORD}",\n] }}',
        f"[wifi]\npassword = \"it''' {WORD}\"\n# '''",
        f'[wifi]\npassword = "first"\\\n{WORD}',
        f'[wifi]\r\npassword = "{WORD}"\r\n',
        f'[wifi]\rpassword = "{WORD}"\r',
        f'[wifi]\fpassword = "{WORD}"\f',
        f'[wifi]\npassword = "{WORD}"\v\n',
        f'\ufeff[wifi]\npassword = "{WORD}"',
        f'[page]\nclaim_code = "{WORD}"',
        f"# {WORD}",
        f"[relay] # {WORD}\nworkers = 1 # {WORD}",
        f"[relay]\nchat_ports = [\n80, # {WORD}\n# {WORD}\n]",
        WORD,
        f'"{WORD}"',
        f"{WORD} = 1",
        f"[{WORD}]",
        f'[name]\nupdate_url = "{ADDRESS}"',
        f'name = {{ update_url = "{ADDRESS}" }}',
        f'[name.update_url]\nx = "{ADDRESS}"',
        f'[name.other]\n[name]\nother = "{WORD}"',
    ],
)
def test_no_spelling_shows_a_secret(tmp_path: Path, awk: tuple[str, ...], text: str) -> None:
    whole = f'{text}\n[page]\nport = 8200\n[share]\ndomain = "a.example"\n'
    for raw in (whole.encode(), whole.encode().replace(b"\n", b"\r\n"), whole.encode().replace(b"\n", b"\r")):
        copies = hidden(tmp_path, raw, awk)
        assert WORD.encode() not in copies.all
        assert copies.name.replace(ADDRESS.encode(), b"").count(WORD.encode()) == 0
        # And what comes after it applies.
        assert read(tmp_path, copies.all).settings.share.domain == "a.example"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("relay.workers = 3", "relay.workers", 3),
        ("relay = { workers = 3, upstream = { allow_private = true } }", "relay.upstream.allow_private", True),
        (f'page = {{ claim_code = "{WORD}", port = 8200 }}', "page.port", 8200),
        ("[relay]\nchat_ports = [ # these\n\n  5222\n  ,\n 81 ]\n", "relay.chat_ports", (5222, 81)),
        ('[share]\n"domain" = """a.example"""', "share.domain", "a.example"),
        ('[wifi]\nssid = "a # \\"b\\" password"', "wifi.ssid", 'a # "b" password'),
        ("[wifi]\nssid = 'é\\'", "wifi.ssid", "é\\"),
        ("unknown = [\n 'a',\n]\nshare.domain = 'a.example'", "share.domain", "a.example"),
        ("[unknown]\nx = [\n[1],\n]\n[share]\ndomain = 'a.example'", "share.domain", "a.example"),
        ("relay = { chat_ports = [\n80,\n81\n], workers = 3 }", "relay.chat_ports", (80, 81)),
        ("colour = \"it'''s\"\n[share]\ndomain = 'a.example'\n# '''", "share.domain", "a.example"),
        ("[relay]\nidle_timeout = 1e2\nlisten = []", "relay.listen", ()),
        ("[page]\nport = 0x2008", "page.port", 8200),
    ],
)
def test_other_spellings_apply(tmp_path: Path, awk: tuple[str, ...], text: str, name: str, value: object) -> None:
    raw = text.encode()
    copies = hidden(tmp_path, raw, awk)
    assert dotted(read(tmp_path, raw).settings)[name] == value
    assert values(tmp_path, copies.all) == values(tmp_path, raw)
    assert WORD.encode() not in copies.all


@pytest.mark.parametrize(
    "text",
    [
        f"[page]\nport = 8200\n[wifi # {WORD}\nport = 1\n[share]\nchat_port = 8443",
        f"[page]\nport = 8200\nwifi] # {WORD}\nport = 1\n[share]\nchat_port = 8443",
        "[relay]\nworkers = 3\nworkers = 4\n[relay]\nworkers = 5",
        'share = 1\n[share]\ndomain = "a.example"\n[page]\nport = 8200',
        '[share]\ndomain = "a.example\n\n\nchat_port = 8443',
    ],
)
def test_a_mistake_costs_the_copy_what_it_costs_the_file(tmp_path: Path, awk: tuple[str, ...], text: str) -> None:
    raw = text.encode()
    assert read(tmp_path, raw).problems
    assert values(tmp_path, hidden(tmp_path, raw, awk).all) == values(tmp_path, raw)


def test_problems_name_the_same_lines(tmp_path: Path, awk: tuple[str, ...]) -> None:
    raw = (
        f'# {WORD}\r\n\r\n[relay]\r\nworkers = 3\fworkers = 4\r[wifi]\npassword = """\n{WORD}\n"""\nssid = x\n'.encode()
    )
    told = [str(one.what) for one in read(tmp_path, hidden(tmp_path, raw, awk).all).problems]
    assert told == [what for one in read(tmp_path, raw).problems if "wifi.password" not in (what := str(one.what))]
    assert [re.search(r"line (\d+)", one)[1] for one in told if "line" in one] == ["5", "10"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[share]\ndomain = """\na.example"""', "share.domain"),
        ("[relay]\nchat_ports = [\n80," + "\n" * 600 + "81]", "relay.chat_ports"),
    ],
    ids=["text-over-lines", "long-list"],
)
def test_what_the_copy_does_not_understand_is_told(tmp_path: Path, awk: tuple[str, ...], text: str, name: str) -> None:
    """By the page, which sees both; whoever sees the copy alone has nothing to compare it with."""
    raw = f'[wifi]\npassword = "{WORD}"\nssid = "home"\n{text}\n[page]\nport = 8200\n'.encode()
    copy = tmp_path / "run/firmware/porchlight.toml"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(hidden(tmp_path, raw, awk).all)
    (told,) = read(tmp_path, raw).problems
    assert str(told.what) == f"porchlight.toml: the relay cannot read {name}. Write it on one line."
    # A file that is shown whole has nothing to tell, nor has one of which nothing counts.
    for whole, seen in ((OWNERS.encode(), hidden(tmp_path, OWNERS.encode(), awk).all), (b"\0", b"\0")):
        copy.write_bytes(seen)
        assert not any("cannot read" in str(one.what) for one in read(tmp_path, whole).problems)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (None, 0),
        ("", 0),
        # The page, which reads the secret, cannot read what stands beside it; the copy has never seen it.
        ('wifi = { ssid = "home", country = "DE", password = "a\\qbcdefgh" }\n', 1),
    ],
    ids=["gone", "empty", "bad-secret"],
)
def test_what_the_copy_has_more_is_no_mistake(tmp_path: Path, text: str | None, problems: int) -> None:
    raw = (text or OWNERS).encode()
    copy = tmp_path / "run/firmware/porchlight.toml"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(hidden(tmp_path, raw).all)
    assert b"ssid" in copy.read_bytes()
    paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    if text is not None:
        paths.owner_file.write_text(text)
    assert len(load(paths).problems) == problems


@pytest.mark.slow
def test_no_file_keeps_the_start_waiting(tmp_path: Path, awk: tuple[str, ...]) -> None:
    """Largest files of what costs most, if each line looked at all lines behind it: that would take minutes."""
    list_of_many = b"chat_ports = [" + b"1," * 1900 + b"\n"
    fillings = b"x = [\n", b"=[\n", b"chat_ports = [\n1,\n", b"'''\n", b"\n", b"\r", b"{", b'"\\', b"]\n", list_of_many
    for filling in fillings:
        for head in (b"[relay]\n", b'x = """\n[relay]\n', b"[relay]\nweb_directory = [\n"):
            hidden(tmp_path, (head + filling * LARGEST_FILE)[:LARGEST_FILE], awk)


def bent(data: st.DataObject, fragments: st.SearchStrategy[str], lines: list[str]) -> str:
    """A text of which one to four lines have lost something, or have got something that does not belong there."""
    lines = list(lines)
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        start = data.draw(st.integers(0, len(line)))
        lines[number] = line[:start] + data.draw(fragments) + line[data.draw(st.integers(start, len(line))) :]
    return "\n".join(lines)


SOME = st.text(st.sampled_from("abxyz019_-=#. ,\t"), max_size=4)


@pytest.mark.costly
@settings(max_examples=150)
@given(data=st.data())
def test_whatever_is_wrong_with_lines_the_copy_says_the_same(data: st.DataObject) -> None:
    raw = bent(data, SOME, data.draw(st.sampled_from([LINES, OWNERS.splitlines()]))).encode()
    with tempfile.TemporaryDirectory() as folder:
        copies = hidden(Path(folder), raw)
        assert values(Path(folder), copies.all) == values(Path(folder), raw)


@pytest.mark.costly
@settings(max_examples=150)
@given(data=st.data())
def test_whatever_is_wrong_no_secret_is_shown(data: st.DataObject) -> None:
    """With quotation marks, brackets and ends of lines that swallow or part what follows."""
    fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join)
    raw = bent(data, fragments, OWNERS.splitlines()).encode()
    with tempfile.TemporaryDirectory() as folder:
        copies = hidden(Path(folder), raw)
        there = {str(value) for value in values(Path(folder), raw).values()}
        # Whoever makes another setting of it has none.
        assert WORD.encode() not in copies.all or any(WORD in one for one in there)
        assert not read(Path(folder), copies.all).fixed & SECRETS
