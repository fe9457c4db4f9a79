"""`dist/` holds what belongs to one card, and nothing of the one before."""

import shutil
from pathlib import Path
from typing import cast

import pytest

from appliance.update import feed
from image import cell, lock, publish, roots, stages, statement
from image.__main__ import parser, wished

CARD = "porchlight-1.2.3-arm64.img.xz"
OPTIONAL = ("porchlight-1.2.3-arm64.raucb", publish.FEED, f"porchlight-1.2.3-arm64{statement.ENDING}")


def folder(path: Path, text: str, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text(text)
    return path


def contents(path: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in path.iterdir()}


def test_what_this_build_did_not_make_is_gone(tmp_path: Path) -> None:
    output = folder(tmp_path / "dist", "old", CARD, publish.SUMS, *OPTIONAL, "notes-of-somebody")
    packed = folder(tmp_path / "packed", "new", CARD, publish.SUMS)
    publish.replace(packed, output, CARD, OPTIONAL)
    assert contents(output) == {CARD: "new", publish.SUMS: "new", "notes-of-somebody": "old"}


def test_what_it_made_is_there(tmp_path: Path) -> None:
    output = folder(tmp_path / "dist", "old", CARD, publish.SUMS, *OPTIONAL[:1])
    packed = folder(tmp_path / "packed", "new", CARD, publish.SUMS, *OPTIONAL[:2])
    publish.replace(packed, output, CARD, OPTIONAL)
    assert contents(output) == dict.fromkeys((CARD, publish.SUMS, *OPTIONAL[:2]), "new")


def test_a_disk_that_is_full_leaves_the_old_card_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = folder(tmp_path / "dist", "old", CARD, publish.SUMS, *OPTIONAL)
    packed = folder(tmp_path / "packed", "new", CARD, publish.SUMS)

    def full(source: Path, target: Path) -> None:
        target.write_text("half")
        raise OSError(28, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        publish.replace(packed, output, CARD, OPTIONAL)
    assert contents(output) == dict.fromkeys((CARD, publish.SUMS, *OPTIONAL), "old")


class Tree:
    """Stands for the native tree: writes the files that its programs would write."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def run(self, what: str, command: list[str], binds: dict[Path, str], *_: object, **__: object) -> None:
        folders = {inside: path for path, inside in binds.items()}
        made = {"Compressing": [command[-1]], "Packing the update": [command[-1]]}.get(what, [])
        for name in made:
            (folders["/output"] / name).write_text(what)


@pytest.mark.parametrize("signs", [True, False])
def test_only_who_has_the_updates_key_leaves_an_update(tmp_path: Path, signs: bool) -> None:
    name = f"porchlight-{stages.version()}-arm64"
    update = {f"{name}.raucb", publish.FEED}
    output = folder(tmp_path / "dist", "old", *update, f"{name}{statement.ENDING}")
    build = stages.Build(stages.Wishes(tmp_path / "store", output, "root", roots.Sources()))
    build.store.open(shutil.rmtree)
    image = folder(build.store.unfinished / "card-output", "card", f"{name}.img") / f"{name}.img"
    keys = folder(tmp_path / "keys", "key", "update.pem", *(["update.key"] if signs else []))
    tree = cast(cell.Cell, Tree(tmp_path / "log"))
    build._publish(tree, image, [["bash", "5.2.37-2", "arm64", "ab" * 32, lock.ON_CARD]], keys)
    assert update & set(contents(output)) == (update if signs else set())
    assert "old" not in contents(output).values()
    listed = {line.split()[1] for line in (output / publish.SUMS).read_text().splitlines()}
    assert listed == set(contents(output)) - {publish.SUMS}


def test_the_feed_says_which_version_may_take_the_update(tmp_path: Path) -> None:
    release = wished(parser().parse_args(["--since", "0.0.7"])).release
    for given, since in ((publish.Release(), "0.0.0"), (release, "0.0.7")):
        place = tmp_path / since
        build = stages.Build(stages.Wishes(place / "store", place / "dist", "root", roots.Sources(), release=given))
        build.store.open(shutil.rmtree)
        image = folder(build.store.unfinished / "card-output", "card", "card.img") / "card.img"
        keys = folder(place / "keys", "key", "update.pem", "update.key")
        (place / "dist").mkdir()
        tree = cast(cell.Cell, Tree(place / "log"))
        build._publish(tree, image, [["bash", "5.2.37-2", "arm64", "ab" * 32, lock.ON_CARD]], keys)
        offer = feed.parse((place / "dist" / publish.FEED).read_bytes(), "https://example.org/update.json")
        assert offer.since == since
        assert feed.too_far(offer, "0.0.6") is (since != "0.0.0")
        assert feed.wanted(offer, "0.0.7")
