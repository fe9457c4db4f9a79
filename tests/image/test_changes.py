"""What `./build --release` states: changes of packages by Debian's order of versions, and faults by its tracker."""

import json
from pathlib import Path
from typing import Any

import pytest

from image import cell, changes, faults, lock, publish, recipe, roots, statement
from image.__main__ import parser, wished
from image.errors import BuildError
from image.faults import Package, State
from image.roots import Sources
from image.stages import Build, Wishes, version
from tests.image.deb import deb

OLD = (
    "bash\t5.2.37-2+b10\tarm64\nlibfoo1\t1:2.0-1\tall\nopenssl\t3.5.4-1~deb13u1\tarm64\ntzdata\t2026b-0+deb13u1\tall\n"
)
NEW = {"bash": "5.2.37-2+b10", "openssl": "3.5.4-1~deb13u2", "tzdata": "2026a-0+deb13u1", "python:lgpio": "0.2.2.0"}


def row(status: str, fixed: str | None = None, urgency: str = "not yet assigned", **more: str) -> dict[str, Any]:
    """What the tracker says of one fault in one release."""
    told: dict[str, Any] = {"status": status, "repositories": {"trixie": "1.0-1"}, "urgency": urgency, **more}
    return told | ({} if fixed is None else {"fixed_version": fixed})


def entry(**releases: dict[str, Any]) -> dict[str, Any]:
    return {"description": "Something | breaks", "scope": "remote", "debianbug": 1, "releases": releases}


TRACKER: dict[str, Any] = {
    "openssl": {
        "CVE-2026-0001": entry(trixie=row("resolved", "3.5.4-1~deb13u3", "high"), forky=row("resolved", "3.6-1")),
        "CVE-2026-0002": entry(trixie=row("resolved", "3.5.4-1~deb13u2")),
        "CVE-2026-0003": entry(trixie=row("open", nodsa="Minor issue", nodsa_reason=""), sid=row("resolved", "3.7-1")),
        "CVE-2026-0004": entry(trixie=row("undetermined", urgency="low")),
        "CVE-2007-6755": entry(trixie=row("open", urgency="unimportant")),
        "CVE-2014-0160": entry(trixie=row("resolved", "0")),
        "CVE-2010-0001": entry(bullseye=row("open", urgency="high")),
    },
    "linux": {
        "CVE-2026-1001": entry(trixie=row("open"), forky=row("resolved", "7.3.4-1")),
        "CVE-2026-1002": entry(trixie=row("resolved", "6.12.1-1"), forky=row("open"), sid=row("resolved", "7.4-1")),
        "CVE-2026-1003": entry(trixie=row("open"), forky=row("open"), sid=row("resolved", "7.3.2-1")),
    },
    "never-shipped": {"TEMP-0000000-ABCDEF": entry(trixie=row("open"))},
}
OPENSSL = Package("openssl", "3.5.4-1~deb13u2", "openssl", "3.5.4-1~deb13u2")
KERNEL = faults.package("linux-image-7.3.4+deb13-arm64", "7.3.4-1~bpo13+1", "linux-signed-arm64", "7.3.4+1~bpo13+1")


def test_each_package_is_added_removed_upgraded_or_downgraded() -> None:
    found = changes.compare(changes.read(OLD, "old.manifest"), NEW, roots.newer)
    assert found.added == [("python:lgpio", "", "0.2.2.0")]
    assert found.removed == [("libfoo1", "1:2.0-1", "")]
    assert found.upgraded == [("openssl", "3.5.4-1~deb13u1", "3.5.4-1~deb13u2")]
    assert found.downgraded == [("tzdata", "2026b-0+deb13u1", "2026a-0+deb13u1")]


@pytest.mark.parametrize(
    ("before", "now"), [("1.9-1", "1.10-1"), ("9.0-1", "1:0.1-1"), ("2.0~rc1-1", "2.0-1"), ("2.0-1", "2.0-1+b1")]
)
def test_versions_are_compared_as_debian_compares_them(before: str, now: str) -> None:
    assert changes.compare({"a": before}, {"a": now}, roots.newer).upgraded == [("a", before, now)]
    assert changes.compare({"a": now}, {"a": before}, roots.newer).downgraded == [("a", now, before)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no package"),
        ("bash 5.2 arm64\n", "not a manifest of a build (line 1)"),
        (OLD + "bash\t5.3\tarm64\tab\tcard\n", "not a manifest of a build (line 5)"),
        (OLD + "bash\t--help\tarm64\n", "not a manifest of a build (line 5)"),
        (OLD + "bash\t5.3\tarm64\n", "names bash twice (line 5)"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BuildError) as caught:
        changes.read(text, "old.manifest")
    assert said in caught.value.what
    assert "--release" in caught.value.do


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff")
    for name in ("missing", "picture"):
        with pytest.raises(BuildError, match=f"{name} cannot be read"):
            statement.before(statement.Asked(tmp_path / name))


@pytest.mark.parametrize("former", ["0.1.9", "0.2.0-rc.1", "0.2.0-alpha-2", "0.1.10+local"])
def test_an_older_card_s_manifest_is_taken(former: str) -> None:
    assert statement.older(statement.Asked(Path(f"/there/porchlight-{former}-arm64.manifest")), "0.2.0") == ""
    assert statement.older(statement.Asked(), "0.2.0") == ""


@pytest.mark.parametrize("former", ["0.2.0", "0.2.0+again", "0.2.1", "0.10.0", "1.0.0-rc.1"])
def test_a_release_that_no_card_would_take_is_refused(former: str) -> None:
    with pytest.raises(BuildError) as caught:
        statement.older(statement.Asked(Path(f"/there/porchlight-{former}-arm64.manifest")), "0.2.0")
    assert f"of {former}, which is not older" in caught.value.what
    assert "no newer version" in caught.value.means
    assert "__version__" in caught.value.do


@pytest.mark.parametrize(
    "name", ["earlier.manifest", "porchlight-0.2-arm64.manifest", "porchlight-0.1.0-riscv64.manifest"]
)
def test_a_manifest_without_a_version_in_its_name_is_said(name: str) -> None:
    said = statement.older(statement.Asked(Path(name)), "0.2.0")
    assert f"`{name}` does not name its card's version" in said


def test_it_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    path = tmp_path / f"porchlight-{version()}-arm64.manifest"
    path.write_text(OLD)
    build = Build(Wishes(tmp_path / "store", tmp_path / "dist", "root", Sources(), asked=statement.Asked(path)))
    with pytest.raises(BuildError, match="is not older"):
        build.run()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "fresh"),
    [
        ([], False),
        (["--fresh"], True),
        (["--release"], True),
        (["--release", "porchlight-0.0.1-arm64.manifest"], True),
        # It names the packages of its day, and is insisted on.
        (["--release", "--locked", "card.lock"], False),
        (["--release", "--locked", "card.lock", "--fresh"], True),
    ],
)
def test_a_release_is_made_of_the_newest_packages_or_of_a_lock_s(arguments: list[str], fresh: bool) -> None:
    assert wished(parser().parse_args(arguments)).fresh is fresh


def test_faults_are_those_of_the_card_s_own_release_and_version() -> None:
    found = faults.known([OPENSSL], TRACKER, roots.newer)
    assert [(one.cve, one.state, one.fixed, one.urgency) for one in found] == [
        ("CVE-2026-0001", State.FIXED, "3.5.4-1~deb13u3", "high"),
        ("CVE-2007-6755", State.UNFIXED, "", "unimportant"),
        ("CVE-2026-0003", State.UNFIXED, "", "not yet assigned, no advisory"),
        ("CVE-2026-0004", State.UNDETERMINED, "", "low"),
    ]


def test_what_the_tracker_leaves_out_makes_no_card_look_sound() -> None:
    tracker = {
        "openssl": {"CVE-1-1": entry(trixie={"status": "resolved"}), "CVE-1-2": entry(trixie={"status": "open"})}
    }
    assert [(one.cve, one.state, one.urgency) for one in faults.known([OPENSSL], tracker, roots.newer)] == [
        ("CVE-1-2", State.UNFIXED, faults.UNRATED),
        ("CVE-1-1", State.UNDETERMINED, faults.UNRATED),
    ]


def test_the_kernel_of_backports_is_judged_by_what_it_was_made_of() -> None:
    assert (KERNEL.source, KERNEL.source_version) == ("linux", "7.3.4-1~bpo13+1")
    # 1001 came with this very version, 1003 with an earlier one of sid: what trixie's own kernel lacks is no matter.
    assert [(one.cve, one.release, one.fixed) for one in faults.known([KERNEL], TRACKER, roots.newer)] == [
        ("CVE-2026-1002", "sid", "7.4-1")
    ]


@pytest.mark.parametrize("name", recipe.FROM_NEXT)
def test_what_is_taken_from_the_next_release_is_judged_by_it(name: str) -> None:
    tracker = {"rauc": {"CVE-2026-2001": entry(trixie=row("resolved", "1.13-1"), forky=row("open"))}}
    package = Package(name, "1.15.2-1", "rauc", "1.15.2-1")
    assert [one.release for one in faults.known([package], tracker, roots.newer)] == [recipe.NEXT_SUITE]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"openssl": []}, "openssl is no table"),
        ({"openssl": {"CVE-2026-0001": {}}}, "no proper"),
        ({"openssl": {"| x": entry(trixie=row("open"))}}, "no proper"),
        ({"openssl": {"CVE-2026-0001": entry(trixie=row("solved"))}}, "unknown status"),
        ({"openssl": {"CVE-2026-0001": entry(trixie=row("resolved", "--x"))}}, "resolved in trixie by '--x'"),
        ({"openssl": {"CVE-2026-0001": entry(trixie={"urgency": "low"})}}, "no proper status"),
        ({"never-shipped": {"CVE-2010-0001": entry(bullseye=row("open"))}}, "knows nothing of trixie"),
    ],
)
def test_data_of_another_form_makes_no_card_look_sound(tmp_path: Path, damage: dict[str, Any], said: str) -> None:
    sound = {} if "nothing" in said else {"never-shipped": TRACKER["never-shipped"]}
    path = tmp_path / "data.json"
    path.write_text(json.dumps(sound | damage))
    told, read_from = statement.known(path, [OPENSSL])
    assert isinstance(told, str)
    assert "`data.json` cannot be read" in told
    assert said in told
    assert read_from == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "[" * 100_000])
def test_what_is_no_data_at_all_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.json"
    path.write_text(text)
    assert "cannot be read (not the tracker's data" in str(statement.known(path, [OPENSSL])[0])
    assert "cannot be read (No such file" in str(statement.known(tmp_path / "missing", [OPENSSL])[0])
    assert "no data of Debian's security tracker was given" in str(statement.known(None, [OPENSSL])[0])


def test_the_statement_is_written_of_the_packages_files(tmp_path: Path) -> None:
    deb(tmp_path, "libssl3t64", OPENSSL.version, "openssl")
    deb(tmp_path, KERNEL.name, KERNEL.version, "linux-signed-arm64 (7.3.4+1~bpo13+1)")
    # Of another version than the card's: whose faults it has is not known.
    deb(tmp_path, "bash", "5.3-1", "")
    (tmp_path / "earlier.manifest").write_text(OLD)
    (tmp_path / "data.json").write_text(json.dumps(TRACKER))
    entries = [
        ["libssl3t64", OPENSSL.version, "arm64", "ab" * 32, lock.ON_CARD],
        [KERNEL.name, KERNEL.version, "arm64", "ab" * 32, lock.ON_CARD],
        ["bash", "5.2.37-2+b10", "arm64", "ab" * 32, lock.ON_CARD],
        ["python:lgpio", "0.2.2.0", "source", "ab" * 32, lock.ON_CARD],
        ["openssl", "3.5.4-1~deb13u2", "amd64", "ab" * 32, lock.ONLY_TOOLS],
    ]
    asked = statement.Asked(tmp_path / "earlier.manifest", tmp_path / "data.json")
    said = statement.write(tmp_path, "porchlight-1.2.3-arm64", asked, entries, [tmp_path, tmp_path / "missing"])
    text = (tmp_path / "porchlight-1.2.3-arm64.changes.md").read_text()
    assert "The card holds 4 packages. Compared with `earlier.manifest`:" in text
    assert f"## Added: 3\n\n- libssl3t64: {OPENSSL.version}\n" in text
    # What only made the card is not on it.
    assert "## Removed: 3\n\n- libfoo1: 1:2.0-1\n- openssl: 3.5.4-1~deb13u1\n" in text
    assert "| openssl | 3.5.4-1~deb13u2 | CVE-2026-0001 | trixie | 3.5.4-1~deb13u3 | high |" in text
    assert "| linux | 7.3.4-1~bpo13+1 | CVE-2026-1002 | sid | 7.4-1 | not yet assigned |" in text
    assert "And 1 that Debian calls unimportant: openssl 1." in text
    assert "Not Debian's, so its tracker does not know them: lgpio." in text
    assert "Not looked up, since their source packages are not known here: bash." in text
    assert said == (
        "packages: 3 added, 3 removed, 0 upgraded, 0 downgraded;"
        " known faults: 2 fixed by a newer version, 1 unfixed, 1 undetermined, and 1 unimportant"
    )


def test_a_first_release_without_data_says_so(tmp_path: Path) -> None:
    entries = [["bash", "5.2.37-2+b10", "arm64", "ab" * 32, lock.ON_CARD]]
    said = statement.write(tmp_path, "porchlight-1.2.3-arm64", statement.Asked(), entries, [tmp_path])
    text = (tmp_path / "porchlight-1.2.3-arm64.changes.md").read_text()
    assert "There is no earlier manifest to compare it with." in text
    assert "Which known faults they have is not stated here: no data" in text
    assert "no earlier manifest" in said
    assert "is not stated here" in said


class Silent(cell.Cell):
    """Stands for the native tree: xz and minisign have nothing to do with what is listed."""

    def run(self, what: str, command: Any, binds: Any, env: Any, *, on_line: Any = None) -> None:
        if what == "Compressing":
            (packed,) = (outside for outside, inside in binds.items() if inside == "/output")
            (packed / command[-1]).write_bytes(b"compressed")


def published(folder: Path, asked: statement.Asked | None) -> set[str]:
    """The names under the checksums of a build, of which only the last stage is run."""
    wishes = Wishes(folder / "store", folder / "dist", "root", Sources(), asked=asked)
    build = Build(wishes)
    for path in (build.store.unfinished, wishes.output, folder / "keys"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "keys/update.pem").write_text("certificate")
    image = folder / "card.img"
    image.write_bytes(b"card")
    entries = [["bash", "5.2.37-2+b10", "arm64", "ab" * 32, lock.ON_CARD]]
    build._publish(Silent(folder, folder / "log", False), image, entries, folder / "keys")
    lines = (wishes.output / publish.SUMS).read_text().splitlines()
    names = {line.split("  ")[1] for line in lines}
    assert {path.name for path in wishes.output.iterdir()} == {*names, publish.SUMS}
    return {name for name in names if name.endswith(statement.ENDING)}


def test_it_is_under_the_checksums_and_goes_with_its_card(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    (name,) = published(tmp_path / "first", statement.Asked())
    # The next build's card is another one, and nobody asked what changed.
    (tmp_path / "first/dist").rename(tmp_path / "second/dist")
    assert (tmp_path / "second/dist" / name).exists()
    assert published(tmp_path / "second", None) == set()
    assert not (tmp_path / "second/dist" / name).exists()
