"""The lock of a tree names the package files that it was made of, whatever else lies in the cache."""

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from image import cache, lock, roots
from image.errors import BuildError
from image.progress import Progress
from image.stages import Build, Wishes
from tests.image.deb import deb

OLD_KERNEL, NEW_KERNEL = "linux-image-7.2.1+deb13-arm64", "linux-image-7.3.4+deb13-arm64"


def tree(path: Path, *packages: tuple[str, str]) -> Path:
    """A tree in which dpkg has installed these; in one that was extracted dpkg never ran, and there are none."""
    form = "Package: {}\nStatus: install ok installed\nVersion: {}\nArchitecture: arm64\n\n"
    data = "".join(form.format(*one) for one in packages).encode()
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("./var/lib/dpkg/status")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.deb")}


def record(folder: Path, *files: Path) -> None:
    """As apt writes it: where the files were while the tree was made."""
    (folder / roots.CHOSEN).write_text("".join(f"/tmp/mmdebstrap.x{roots.ARCHIVES}/{one.name}\n" for one in files))


@pytest.mark.parametrize("chosen", [OLD_KERNEL, NEW_KERNEL])
def test_a_kernel_of_another_build_is_not_on_the_card(tmp_path: Path, chosen: str) -> None:
    files = {name: deb(tmp_path, name, f"{name.split('-')[2]}-1") for name in (OLD_KERNEL, NEW_KERNEL)}
    record(tmp_path, files[chosen])
    made = roots.locked(roots.HARDWARE, tree(tmp_path / "tree.tar"), tmp_path)
    version = f"{chosen.split('-')[2]}-1"
    assert made == [(chosen, version, "arm64", cache.sha256(files[chosen]))]
    assert names(tmp_path) == {files[chosen].name}
    # What it says is of this tree, and not of the next one.
    assert not (tmp_path / roots.CHOSEN).exists()


@pytest.mark.parametrize("root", [roots.USERLAND, roots.HARDWARE], ids=lambda root: root.kind)
@pytest.mark.parametrize("taken", [0, 1])
def test_the_version_that_was_taken_counts_and_not_the_newest(tmp_path: Path, root: roots.Root, taken: int) -> None:
    versions = ("1:1.0-1", "1:1.0-2")
    files = [deb(tmp_path, "porch-lamp", version) for version in versions]
    if root is roots.HARDWARE:
        record(tmp_path, files[taken])
    installed = [("porch-lamp", versions[taken])] if root is roots.USERLAND else []
    made = roots.locked(root, tree(tmp_path / "tree.tar", *installed), tmp_path)
    assert made == [("porch-lamp", versions[taken], "arm64", cache.sha256(files[taken]))]
    assert names(tmp_path) == {files[taken].name}


def test_what_is_not_known_is_no_lock(tmp_path: Path) -> None:
    kept = {deb(tmp_path, "porch-lamp", "1.0-1").name, deb(tmp_path, "porch-wall", "1.0-1").name}
    with pytest.raises(BuildError, match="hardware tree were not kept: none of them"):
        roots.locked(roots.HARDWARE, tree(tmp_path / "tree.tar"), tmp_path)
    record(tmp_path, tmp_path / "porch-door_1.0-1_arm64.deb")
    with pytest.raises(BuildError, match="not kept: porch-door_"):
        roots.locked(roots.HARDWARE, tree(tmp_path / "tree.tar"), tmp_path)
    with pytest.raises(BuildError, match="userland tree were not kept: porch-lamp"):
        roots.locked(roots.USERLAND, tree(tmp_path / "tree.tar", ("porch-lamp", "1.0-2")), tmp_path)
    assert names(tmp_path) == kept


def test_half_a_file_is_thrown_away(tmp_path: Path) -> None:
    whole = deb(tmp_path, "porch-lamp", "1.0-1")
    (tmp_path / "porch-wall_1.0-1_arm64.deb").write_bytes(whole.read_bytes()[:100])
    record(tmp_path, whole)
    assert len(roots.locked(roots.HARDWARE, tree(tmp_path / "tree.tar"), tmp_path)) == 1
    assert names(tmp_path) == {whole.name}


def test_only_where_dpkg_never_runs_apt_is_asked(tmp_path: Path) -> None:
    store = cache.Cache(tmp_path)
    maker = roots.Maker(store, roots.Sources(), False, tmp_path, Progress(1))
    for root in (roots.TOOLS, roots.USERLAND, roots.HARDWARE):
        command = maker.command(root, tmp_path / "tree.tar", tmp_path)
        asked = [hook for hook in command if roots.CHOSEN in hook]
        assert len(asked) == (2 if root is roots.HARDWARE else 0)
    # What is taken away again was fetched before.
    hooks = [hook for hook in command if hook.startswith("--extract-hook=")]
    assert [roots.RECORDED in hook for hook in hooks] == [False, True]


def test_trees_that_are_not_the_lock_s_do_not_keep_its_name(tmp_path: Path) -> None:
    """Or the next build, with a better archive, would find them and be refused again."""
    wanted = [["bash", "5.2.37-2", "arm64", "ab" * 32, lock.ON_CARD]]
    made = [["bash", "5.3-1", "arm64", "ab" * 32, lock.ON_CARD]]
    build = Build(Wishes(tmp_path / "store", tmp_path / "dist", "root", roots.Sources()))
    build.store.open(shutil.rmtree)
    store = build.store.directory
    for name in ("tools-0", "toolroot-0", "userland-0", "hardware-0"):
        (store / name).mkdir()
    maker = roots.Maker(build.store, roots.Sources(), False, tmp_path, Progress(1), wanted)
    maker.held = {store / "tools-0", store / "userland-0"}
    with pytest.raises(BuildError, match="not those of the lock"):
        build._insist(made, maker, store / "toolroot-0")
    assert {path.name for path in store.glob("*-0")} == {"hardware-0"}
    build._insist(wanted, maker, store / "toolroot-0")
