"""What lies beside the card: signed, complete, and of the form that the programs which read it expect."""

import hashlib
import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from image import imager, layout, sbom
from tests.image.card import Card

if TYPE_CHECKING:
    from jsonschema import Draft7Validator

EXAMPLE = imager.Packed("porchlight-1.2.3-arm64.img.xz", 100, "ab" * 32, 4096, "cd" * 32, 1_780_272_000, "1.2.3")
# The schema that Imager publishes; whose it is stands beside it.
IMAGERS = Path(__file__).parent / "imager/os-list-schema.json"

# Imported where they are used: both take two seconds, which each of the processes that run tests would spend.


@cache
def imagers() -> "Draft7Validator":
    """What tells whether Imager takes a list."""
    from jsonschema import Draft7Validator

    return Draft7Validator(json.loads(IMAGERS.read_text()))


def is_bill_of_materials(text: str) -> bool:
    """Whether a text is what CycloneDX's schema asks for."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def only_entry(text: str) -> dict[str, Any]:
    """The one system of a list that Imager's schema finds valid."""
    raw = json.loads(text)
    imagers().validate(raw)
    (entry,) = raw["os_list"]
    assert isinstance(entry, dict)
    # Any text would satisfy the schema, and none at all.
    for name in ("extract_sha256", "image_download_sha256"):
        assert re.fullmatch(r"[0-9a-f]{64}", entry[name])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry["release_date"])
    # Otherwise Imager offers what this card does not honour.
    assert entry["init_format"] == "none"
    return entry


@pytest.mark.parametrize(
    ("name", "value"),
    [("init_format", "x"), ("extract_size", "4096"), ("devices", "pi5-64bit"), ("url", None), ("release_date", 2026)],
)
@pytest.mark.costly
def test_the_schema_finds_a_mistake(name: str, value: object) -> None:
    raw = json.loads(imager.make(EXAMPLE, "porchlight.svg", "https://example.org/cards/"))
    assert imagers().is_valid(raw)
    raw["os_list"][0][name] = value
    assert not imagers().is_valid(raw)
    del raw["os_list"][0][name]
    # Only the first of them may be left out.
    assert imagers().is_valid(raw) == (name == "init_format")


def test_imager_is_told_where_and_what() -> None:
    entry = only_entry(imager.make(EXAMPLE, "porchlight.svg", "https://example.org/cards/"))
    assert entry["url"] == "https://example.org/cards/porchlight-1.2.3-arm64.img.xz"
    assert entry["icon"] == "https://example.org/cards/porchlight.svg"
    assert entry["release_date"] == "2026-06-01"


def test_a_bill_of_materials_depends_on_its_contents_alone() -> None:
    lock = [["bash", "5.2.37-2+b10", "arm64", "ef" * 32], ["python:lgpio", "0.2.2.0", "source", "01" * 32]]
    text = sbom.make("porchlight-1.2.3-arm64", "1.2.3", 1_780_272_000, lock)
    assert text == sbom.make("porchlight-1.2.3-arm64", "1.2.3", 1_780_272_000, lock)
    assert is_bill_of_materials(text)
    purls = [one["purl"] for one in json.loads(text)["components"]]
    assert purls[0] == "pkg:deb/debian/bash@5.2.37-2%2Bb10?arch=arm64&distro=trixie"
    other = sbom.make("porchlight-1.2.3-arm64", "1.2.3", 1_780_272_000, lock[:1])
    assert json.loads(other)["serialNumber"] != json.loads(text)["serialNumber"]


@pytest.mark.image
def test_everything_is_under_the_signature(packed: Path) -> None:
    folder = packed.parent
    command = ["minisign", "-V", "-q", "-p", str(folder / "porchlight.pub"), "-m", str(folder / "SHA256SUMS")]
    subprocess.run(command, check=True)
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    stem = packed.name.removesuffix(".img.xz")
    endings = [".img.xz", ".img.xz.sha256", ".img.bmap", ".lock", ".manifest", ".cdx.json", ".rpi-imager-manifest"]
    endings.append(".raucb")
    named = {"rpi-imager.json", "porchlight.svg", "update.json", "porchlight-update.pem"}
    assert set(sums) >= {stem + ending for ending in endings} | named
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.image
def test_a_changed_file_is_noticed(packed: Path, tmp_path: Path) -> None:
    for name in ("SHA256SUMS", "SHA256SUMS.minisig", "porchlight.pub"):
        (tmp_path / name).write_bytes((packed.parent / name).read_bytes())
    with (tmp_path / "SHA256SUMS").open("a") as file:
        file.write(f"{'0' * 64}  another.img.xz\n")
    command = ["minisign", "-V", "-q", "-p", str(tmp_path / "porchlight.pub"), "-m", str(tmp_path / "SHA256SUMS")]
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode


@pytest.mark.image
def test_imagers_lists_describe_this_card(packed: Path, card: Card) -> None:
    stem = packed.name.removesuffix(".img.xz")
    for name in (f"{stem}.rpi-imager-manifest", "rpi-imager.json"):
        entry = only_entry((packed.parent / name).read_text())
        assert entry["url"].endswith("/" + packed.name)
        assert (entry["image_download_size"], entry["extract_size"]) == (packed.stat().st_size, layout.CARD_SIZE)
        with card.path.open("rb") as file:
            assert entry["extract_sha256"] == hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.image
def test_the_bill_of_materials_names_every_package(packed: Path) -> None:
    stem = packed.name.removesuffix(".img.xz")
    text = packed.with_name(f"{stem}.cdx.json").read_text()
    assert is_bill_of_materials(text)
    rows = [line.split("\t") for line in packed.with_name(f"{stem}.manifest").read_text().splitlines()]
    listed = [(one["name"], one["version"]) for one in json.loads(text)["components"]]
    assert listed == [(name.removeprefix("python:"), version) for name, version, _ in rows]
