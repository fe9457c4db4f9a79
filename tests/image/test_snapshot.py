"""`--locked` from a snapshot of Debian's archive that expired long ago and has more than the lock names."""

import hashlib
import itertools
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from image import cache, lock, recipe, roots, verify
from image.errors import BuildError
from image.progress import Progress
from tests.image.deb import deb

DAY = "20260601T000000Z"
SNAPSHOT = f"https://snapshot.example.org/archive/debian/{DAY}"
SUITES = {"debian": ("trixie", "trixie-updates"), "debian-security": ("trixie-security",)}
OLD, NEW = "1.0-1", "1.0-2"
# As in the native tree: some packages are there for both processors, others for any.
ARCHITECTURES = ("amd64", "arm64")
PACKAGES = (("porch-lamp", "amd64"), ("porch-lamp", "arm64"), ("porch-wall", "all"))
PORCH = roots.Root(
    "hardware", "extract", ",".join(ARCHITECTURES), ("porch-lamp:amd64", "porch-lamp:arm64", "porch-wall")
)
# Root of a user namespace with one user is not enough: apt becomes another one to download.
ROOT = os.geteuid() == 0 and int(Path("/proc/self/uid_map").read_text().split()[2]) > 1
PREPARED = ROOT and all(shutil.which(tool) for tool in ("mmdebstrap", "gpg", "dpkg-deb"))


def maker(folder: Path, sources: roots.Sources, wanted: list[list[str]]) -> roots.Maker:
    store = cache.Cache(folder / "cache")
    store.open(shutil.rmtree)
    return roots.Maker(store, sources, False, folder, Progress(1), wanted)


def test_a_snapshots_security_updates_are_of_the_same_day() -> None:
    assert [line.split()[1:3] for line in roots.Sources(f"{SNAPSHOT}/").arguments()] == [
        [SNAPSHOT, "trixie"],
        [SNAPSHOT, "trixie-updates"],
        [f"https://snapshot.example.org/archive/debian-security/{DAY}", "trixie-security"],
    ]
    assert roots.beside("http://mirror.example.org/debian") == "http://mirror.example.org/debian-security"
    given = roots.Sources(SNAPSHOT, "http://mirror.example.org/security/").arguments()
    assert given[2].split()[1] == "http://mirror.example.org/security"


def test_only_a_lock_makes_apt_accept_what_has_expired(tmp_path: Path) -> None:
    free = maker(tmp_path / "free", roots.Sources(SNAPSHOT), [])
    held = maker(tmp_path / "held", roots.Sources(SNAPSHOT), [["bash", "5.2.37-2", "arm64", "ab" * 32, lock.ON_CARD]])
    for root in (roots.TOOLS, roots.USERLAND, roots.HARDWARE):
        commands = [one.command(root, tmp_path / "tree.tar", tmp_path) for one in (free, held)]
        assert [roots.ANY_DAY in command for command in commands] == [False, True]
        assert all(command[-4:] == [str(tmp_path / "tree.tar"), *free.sources.arguments()] for command in commands)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (roots.Sources(), []),
        (roots.Sources(SNAPSHOT), ["--mirror", SNAPSHOT]),
        (roots.Sources(SNAPSHOT, "http://s.example"), ["--mirror", SNAPSHOT, "--security-mirror", "http://s.example"]),
    ],
)
def test_the_second_build_asks_the_first_ones_archive(tmp_path: Path, sources: roots.Sources, said: list[str]) -> None:
    first = verify.First(
        tmp_path, tmp_path / "dist", "card", 1_790_000_000, False, sources, "https://example.org/cards"
    )
    command = verify.again(first, "/scratch", "unshare")
    assert command[1:11] == [
        *("-m", "image", "--cache", "/scratch/cache", "--output", "/scratch/out", "--mode", "unshare"),
        *("--locked", f"{tmp_path}/dist/card.lock"),
    ]
    assert command[11:] == [
        *said,
        *("--update-certificate", f"{tmp_path}/dist/porchlight-update.pem", "--url", "https://example.org/cards"),
    ]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An archive of Debian's form with two versions of each package, signed, and expired long ago."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", "Archive <archive@example.org>", "rsa3072", "sign"], check=True)
    keyring = tmp_path / "archive.gpg"
    subprocess.run([*gpg, "--output", str(keyring), "--export"], check=True)
    monkeypatch.setattr(recipe, "KEYRING", keyring)
    web = tmp_path / "web"
    trees = tmp_path / "trees"
    paragraphs = [
        package(web / f"debian/{DAY}", name, version, architecture, trees / f"{name}-{version}-{architecture}")
        for version in (OLD, NEW)
        for name, architecture in PACKAGES
    ]
    for archive, suites in SUITES.items():
        for suite in suites:
            release = publish(web / f"{archive}/{DAY}/dists/{suite}", suite, paragraphs if suite == "trixie" else [])
            subprocess.run(
                [*gpg, "--clearsign", "--output", str(release.with_name("InRelease")), str(release)], check=True
            )
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(web))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/debian/{DAY}"
        server.shutdown()
        thread.join()
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


def package(archive: Path, name: str, version: str, architecture: str, tree: Path) -> str:
    """Put one version of a package into an archive; its paragraph for the list of packages."""
    control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: Nobody\n"
    control += "Description: nothing\n" if architecture == "all" else "Multi-Arch: same\nDescription: nothing\n"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(control)
    (tree / name).write_text(version)
    file = archive / f"pool/{name}_{version}_{architecture}.deb"
    file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(file)], check=True, capture_output=True)
    size, digest = file.stat().st_size, cache.sha256(file)
    return f"{control}Filename: {file.relative_to(archive)}\nSize: {size}\nSHA256: {digest}\n\n"


def publish(folder: Path, suite: str, paragraphs: list[str]) -> Path:
    """Write the lists of one suite and its Release, which was good for a week of June."""
    lists = []
    for component, architecture in itertools.product(recipe.COMPONENTS.split(","), ARCHITECTURES):
        fit = [
            one for one in paragraphs if component == "main" and any(f" {a}\n" in one for a in (architecture, "all"))
        ]
        text = "".join(fit)
        path = folder / component / f"binary-{architecture}/Packages"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        lists.append(f" {digest} {len(text)} {path.relative_to(folder)}\n")
    made = datetime.strptime(DAY, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    dates = [f"{one:%a, %d %b %Y %H:%M:%S} UTC" for one in (made, made + timedelta(days=7))]
    head = f"Origin: Debian\nSuite: {suite}\nCodename: {suite}\nDate: {dates[0]}\nValid-Until: {dates[1]}\n"
    components = recipe.COMPONENTS.replace(",", " ")
    release = folder / "Release"
    release.write_text(
        f"{head}Architectures: {' '.join(ARCHITECTURES)}\nComponents: {components}\nSHA256:\n{''.join(lists)}"
    )
    return release


@pytest.mark.costly
@pytest.mark.skipif(not PREPARED, reason="needs root and mmdebstrap, which ./build installs, and gpg")
def test_an_expired_snapshot_serves_a_lock_and_nothing_else(snapshot: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        maker(tmp_path / "free", roots.Sources(snapshot), []).root(PORCH)
    assert "Release file" in (said := (tmp_path / "free/hardware.log").read_text())
    assert "is expired" in said
    wanted = [[name, OLD, architecture, "00" * 32, lock.ON_CARD] for name, architecture in PACKAGES]
    held = maker(tmp_path / "held", roots.Sources(snapshot), wanted)
    # What other builds have left: the newer ones, and a package of another name.
    kept = tmp_path / "held/cache/packages/hardware"
    kept.mkdir(parents=True)
    for path in (tmp_path / f"web/debian/{DAY}/pool").glob(f"*_{NEW}_*"):
        shutil.copy(path, kept)
    deb(kept, "porch-door", NEW)
    tree = held.root(PORCH)
    made = roots.entries_of(tree)
    # The older one of each, as the lock has it.
    assert [entry[:3] for entry in made] == [entry[:3] for entry in wanted]
    assert {path.name.split("_")[1] for path in kept.glob("*.deb")} == {OLD}
    with tarfile.open(tree / "tree.tar") as archive:
        assert [name for name in archive.getnames() if roots.CHOSEN in name] == []
    # Their hashes are others than the lock's, so no card would be made of them.
    with pytest.raises(BuildError, match=r"the same version 1\.0-1, but another file"):
        lock.insist([[*entry, lock.ON_CARD] for entry in made], wanted)
