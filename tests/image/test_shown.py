"""What the initramfs leaves of the FAT partition for services that talk with the outside."""

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.relay import site
from appliance.settings.load import LARGEST_FILE
from appliance.settings.secrets import table
from image import initramfs
from tests.image import hiding
from tests.image.hiding import BUSYBOX, read, shown

WORD = "hunter2-hunter3"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


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


@pytest.fixture(params=[False, *([True] if BUSYBOX else [])], ids=lambda box: "busybox" if box else "debian")
def card(request: pytest.FixtureRequest, tmp_path: Path) -> Card:
    """A card before its start."""
    return Card(tmp_path, request.param)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_computers_editor_may_write_it(card: Card, tmp_path: Path, encoding: str, end: str) -> None:
    text = f'# für alle\n[wifi]\npassword = "{WORD}"\nssid = "Café"\n[share]\ndomain = "relay.example.org"\n'
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    raw = marks.get(encoding, b"") + text.replace("\n", end).encode(encoding)
    card.file.write_bytes(raw)
    copy = (card.start() / "porchlight.toml").read_bytes()
    assert WORD.encode() not in copy.replace(b"\0", b"")
    found = read(tmp_path, copy)
    assert (found.settings.wifi.ssid, found.settings.share.domain) == ("Café", "relay.example.org")
    assert found.problems == ()


def test_characters_of_every_length_are_decoded(card: Card, tmp_path: Path) -> None:
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
def test_what_is_no_settings_file_is_none_for_anybody(card: Card, tmp_path: Path, raw: bytes) -> None:
    card.file.write_bytes(raw)
    copy = (card.start() / "porchlight.toml").read_bytes()
    assert WORD.encode() not in copy.replace(b"\0", b"")
    assert read(tmp_path, copy) == read(tmp_path, raw)
    assert len(read(tmp_path, copy).problems) == 1


@pytest.mark.costly
def test_the_largest_file_still_counts(card: Card, tmp_path: Path) -> None:
    text = b'[page]\nport = 8200\nx = """\n[relay]\n'
    card.file.write_bytes(text + b"\n" * (LARGEST_FILE - len(text)))
    assert read(tmp_path, (card.start() / "porchlight.toml").read_bytes()).settings.page.port == 8200


def test_a_card_without_a_file_has_a_place_for_one(card: Card) -> None:
    assert list(card.start().iterdir()) == []
    for name, mode in (("firmware", 0o755), ("firmware-name", 0o750)):
        assert stat.S_IMODE((card.folder / "run/porchlight" / name).stat().st_mode) == mode


def test_an_empty_file_and_a_folder_in_its_place_end_nothing(card: Card) -> None:
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
    yield f'[relay]\nweb_directory = "./{text}"\n', text


@pytest.mark.parametrize(("spelt", "folder"), [*named("web"), *named("my sites/one")])
def test_the_relay_sees_the_owners_web_page(card: Card, spelt: str, folder: str) -> None:
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
def test_no_other_folder_is_shown(card: Card, name: str) -> None:
    card.file.write_text(f'[relay]\nweb_directory = "{name}"\n')
    (card.fat / "CLAIM-CODE.txt").write_text(WORD)
    (card.fat / "web").mkdir()
    seen = card.start()
    assert [one.name for one in seen.rglob("*")] == ["porchlight.toml"]


@pytest.mark.costly
@pytest.mark.parametrize("large", [True, False])
def test_of_a_folder_that_is_too_much_the_relay_says_so(card: Card, large: bool) -> None:
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


@pytest.mark.parametrize("spelt", ["roots.pem", "./roots.pem", "/boot/firmware/roots.pem", "lab/roots.pem"])
def test_a_laboratory_s_root_certificates_are_shown_and_nothing_else_of_them(card: Card, spelt: str) -> None:
    card.file.write_text(f'[certificate]\nauthority_roots = "{spelt}"\n')
    place = spelt.removeprefix("/boot/firmware/")
    (card.fat / place).parent.mkdir(exist_ok=True)
    (card.fat / place).write_text(f"{WORD}\n{CERTIFICATE}{WORD}\n{CERTIFICATE}")
    assert (card.start() / place).read_text() == 2 * CERTIFICATE


@pytest.mark.parametrize(
    "spelt", ["PORCHLIGHT.TOML", "../firmware/CLAIM-CODE.txt", "CLAIM-CODE.txt", "none", "web", "."]
)
def test_no_other_file_is_shown(card: Card, spelt: str) -> None:
    card.file.write_text(f'[certificate]\nauthority_roots = "{spelt}"\n')
    (card.fat / "CLAIM-CODE.txt").write_text(WORD)
    # On the card, whose file system knows no capitals, the settings file once more.
    (card.fat / "PORCHLIGHT.TOML").write_text(f'[wifi]\npassword = "{WORD}"\n')
    (card.fat / "web").mkdir()
    assert [one.name for one in card.start().rglob("*")] == ["porchlight.toml"]
