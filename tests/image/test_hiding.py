"""What services that talk with the outside see of the owner's settings: everything but secrets, line by line."""

import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.relay import site
from appliance.settings.load import LARGEST_FILE
from appliance.settings.secrets import SECRETS, table
from image import initramfs
from tests.image import hiding
from tests.image.hiding import AWKS, BUSYBOX, hidden, read, shown
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


@pytest.fixture(params=[False, *([True] if BUSYBOX else [])], ids=lambda box: "busybox" if box else "debian")
def card(request: pytest.FixtureRequest, tmp_path: Path) -> "Card":
    """A card before its start."""
    return Card(tmp_path, request.param)


class Card:
    """A FAT partition, and what the initramfs makes of it."""

    def __init__(self, folder: Path, busybox: bool) -> None:
        self.folder, self._busybox = folder, busybox
        self.fat = folder / "firmware"
        self.fat.mkdir()
        self.file = self.fat / "porchlight.toml"

    def start(self) -> Path:
        """What services see in the place of that partition."""
        return shown(self.folder, self._busybox) / "firmware"


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


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_is_wrong_with_lines_the_copy_says_the_same(data: st.DataObject) -> None:
    raw = bent(data, SOME, data.draw(st.sampled_from([LINES, OWNERS.splitlines()]))).encode()
    with tempfile.TemporaryDirectory() as folder:
        copies = hidden(Path(folder), raw)
        assert values(Path(folder), copies.all) == values(Path(folder), raw)


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_computers_editor_may_write_it(card: "Card", tmp_path: Path, encoding: str, end: str) -> None:
    text = f'# für alle\n[wifi]\npassword = "{WORD}"\nssid = "Café"\n[share]\ndomain = "relay.example.org"\n'
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    raw = marks.get(encoding, b"") + text.replace("\n", end).encode(encoding)
    card.file.write_bytes(raw)
    copy = (card.start() / "porchlight.toml").read_bytes()
    assert WORD.encode() not in copy.replace(b"\0", b"")
    found = read(tmp_path, copy)
    assert (found.settings.wifi.ssid, found.settings.share.domain) == ("Café", "relay.example.org")
    assert found.problems == ()


def test_characters_of_every_length_are_decoded(card: "Card", tmp_path: Path) -> None:
    name = "aߐ\u0800\uffff😀\U0010ffff"
    card.file.write_bytes(f'[wifi]\nssid = "{name}"\n'.encode("utf-16"))
    assert name in (card.start() / "porchlight.toml").read_text("utf-8")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(f'x = "\0"\n# {WORD}\n'.encode(), id="zero"),
        pytest.param(f"# {WORD}\n".encode("utf-16-le"), id="no-mark"),
        pytest.param(f"# {WORD}\n".encode("utf-16") + b"x", id="half-a-character"),
        pytest.param(b"\xff\xfe" + WORD.encode("utf-16-le") + b"\x00\xd8", id="half-a-pair"),
        pytest.param(b"\xfe\xff\xdc\x00" + WORD.encode("utf-16-be"), id="second-half-alone"),
        pytest.param(f"# {WORD}".encode("utf-32"), id="utf-32"),
        pytest.param(b"#" * (LARGEST_FILE + 1), id="too-large"),
    ],
)
def test_what_is_no_settings_file_is_none_for_anybody(card: "Card", tmp_path: Path, raw: bytes) -> None:
    card.file.write_bytes(raw)
    copy = (card.start() / "porchlight.toml").read_bytes()
    assert WORD.encode() not in copy.replace(b"\0", b"")
    assert read(tmp_path, copy) == read(tmp_path, raw)
    assert len(read(tmp_path, copy).problems) == 1


def test_the_largest_file_still_counts_and_takes_no_time(card: "Card", tmp_path: Path) -> None:
    text = b'[page]\nport = 8200\nx = """\n[relay]\n'
    for filling in (b"x = [\n", b"=[\n", b"chat_ports = [\n1,\n", b"'''\n", b"\r", b"{", b'"\\', b"]\n"):
        raw = (text + filling * LARGEST_FILE)[:LARGEST_FILE]
        hidden(tmp_path, raw)
    card.file.write_bytes(text + b"\n" * (LARGEST_FILE - len(text)))
    assert read(tmp_path, (card.start() / "porchlight.toml").read_bytes()).settings.page.port == 8200


def test_a_card_without_a_file_has_a_place_for_one(card: "Card") -> None:
    assert list(card.start().iterdir()) == []
    for name, mode in (("firmware", 0o755), ("firmware-name", 0o750)):
        assert stat.S_IMODE((card.folder / "run/porchlight" / name).stat().st_mode) == mode


def test_an_empty_file_and_a_folder_in_its_place_end_nothing(card: "Card") -> None:
    card.file.mkdir()
    assert (card.start() / "porchlight.toml").read_bytes() == b"\0"
    shutil.rmtree(card.folder / "run")
    shutil.rmtree(card.folder / "bin", ignore_errors=True)
    card.file.rmdir()
    card.file.touch()
    assert list(card.start().iterdir()) == []


def named(text: str) -> Iterator[tuple[str, str]]:
    """Spellings of the name of a folder, and that folder."""
    yield f'[relay]\nweb_directory = "{text}"  # mine\n', text
    yield f"relay = {{ web_directory = '/boot/firmware/{text}/' }}\n", text


@pytest.mark.parametrize(("spelt", "folder"), [*named("web"), *named("my sites/one")])
def test_the_relay_sees_the_owners_web_page(card: "Card", spelt: str, folder: str) -> None:
    card.file.write_text(spelt)
    (card.fat / folder / "pictures").mkdir(parents=True)
    (card.fat / folder / "index.html").write_text("hello")
    (card.fat / folder / "pictures/a.png").write_bytes(b"png")
    (card.fat / "CLAIM-CODE.txt").write_text(WORD)
    seen = card.start()
    assert {one.name for one in seen.iterdir()} == {"porchlight.toml", folder.partition("/")[0]}
    pages = site.load(seen / folder, ()).pages
    assert pages.keys() == {b"/index.html", b"/pictures/a.png"}
    assert pages[b"/index.html"].modified == int((card.fat / folder / "index.html").stat().st_mtime)
    assert stat.S_IMODE((seen / folder / "index.html").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["", ".", "..", "../firmware", "web/..", "/etc", "/boot/firmware", "none", "./."])
def test_no_other_folder_is_shown(card: "Card", name: str) -> None:
    card.file.write_text(f'[relay]\nweb_directory = "{name}"\n')
    (card.fat / "CLAIM-CODE.txt").write_text(WORD)
    (card.fat / "web").mkdir()
    seen = card.start()
    assert [one.name for one in seen.rglob("*")] == ["porchlight.toml"]


@pytest.mark.parametrize("large", [True, False])
def test_of_a_folder_that_is_too_much_the_relay_says_so(card: "Card", large: bool) -> None:
    card.file.write_text('[relay]\nweb_directory = "web"\n')
    web = card.fat / "web"
    web.mkdir()
    if large:
        for number in range(9):
            (web / str(number)).write_bytes(b"x" * 1024 * 1024)
    else:
        for number in range(1001):
            (web / str(number)).touch()
    with pytest.raises(site.SiteError) as original:
        site.load(web, ())
    seen = card.start() / "web"
    with pytest.raises(site.SiteError) as copied:
        site.load(seen, ())
    assert str(copied.value).replace(str(seen), "") == str(original.value).replace(str(web), "")
    assert int(subprocess.check_output(["du", "-s", "-k", str(seen)]).split()[0]) < 100


def test_the_initramfs_has_the_filter_and_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, scratch = tmp_path / "root", tmp_path / "scratch"
    (root / "usr/lib/modules/6.12").mkdir(parents=True)
    (root / "boot").mkdir()
    monkeypatch.setattr("image.drivers.install", lambda *_args, **_options: None)
    packed = subprocess.CompletedProcess([], 0, b"")
    monkeypatch.setattr("subprocess.run", lambda *_args, **_options: packed)
    initramfs.make(root, Path("/bin/true"), hiding.SOURCE, scratch, 0)
    assert (scratch / "names").read_text() == table()
    for name in ("hide.awk", "utf16.awk"):
        assert (scratch / name).read_bytes() == (hiding.SOURCE / name).read_bytes()
        assert f" /{name}" in hiding.PIECE
