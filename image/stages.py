"""The stages of a build, in order: what each takes from the cache and what it leaves there."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from image import cache, cell, host, lock, publish, pypi, recipe, roots, statement, updatekey
from image.errors import BuildError
from image.progress import Progress

STAGES = 8
REPOSITORY = Path(__file__).resolve().parent.parent
# What the base is made of besides the two trees: the modules that make it.
BASE_CODE = ("native.py", "bytecode.py", "drivers.py", "devicetree.py", "boards.py", "recipe.py")


@dataclass(frozen=True)
class Wishes:
    """What the command line asked for."""

    store: Path
    output: Path
    mode: str
    sources: roots.Sources
    fresh: bool = False
    locked: Path | None = None
    release: publish.Release = field(default_factory=publish.Release)
    asked: statement.Asked | None = None


def version() -> str:
    """`__version__` of the appliance, read and not imported."""
    text = (REPOSITORY / "appliance/__init__.py").read_text()
    found = re.search(r'^__version__\s*(?::[^=]+)?=\s*"([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise BuildError("appliance/__init__.py has no __version__.", "The card has no name.", "Restore that line.")
    return found.group(1)


def epoch() -> int:
    """The time of the card, seconds: SOURCE_DATE_EPOCH, or the time of the last commit, or the base's."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdigit():
        return int(given)
    command = ["git", "-c", "safe.directory=*", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        shown = ""
    return int(shown) if shown.isdigit() else recipe.BASE_EPOCH


class Build:
    """One run of `./build`."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.progress = Progress(STAGES)
        self.store = cache.Cache(wishes.store)
        self.rootless = False
        self.stated = ""
        self.name = f"porchlight-{version()}-arm64"
        # Once: somebody may commit while it is at work.
        self.epoch = epoch()

    def run(self) -> Path:
        """Build the card; the path of the compressed image back."""
        stage = self.progress.stage
        wishes = self.wishes
        wanted = lock.read(wishes.locked) if wishes.locked else []
        unsure = ""
        if wishes.asked:
            # Not after half an hour of building.
            statement.before(wishes.asked)
            unsure = statement.older(wishes.asked, version())
        with stage("checking this machine"):
            host.check_platform()
            host.check_tools()
            self.rootless = host.rootless(wishes.mode)
            host.check_emulation()
            host.check_space(wishes.store, wishes.output)
            self.store.open(self._remove)
            wishes.output.mkdir(parents=True, exist_ok=True)
            logs = wishes.store / "logs"
            logs.mkdir(exist_ok=True)
            if wishes.fresh:
                for path in wishes.store.glob("*-*"):
                    self._remove(path)
            self.progress.note("ordinary user, by user namespaces" if self.rootless else "as root")
        try:
            maker = roots.Maker(self.store, wishes.sources, self.rootless, logs, self.progress, wanted)
            made = self._stages(maker, logs)
        finally:
            self._remove(self.store.unfinished)
        self.stated = ". ".join(filter(None, (self.stated, unsure)))
        return made

    def _stages(self, maker: roots.Maker, logs: Path) -> Path:
        stage = self.progress.stage
        with stage("native tools"):
            packed = maker.root(roots.TOOLS)
            # Owners differ between root and an ordinary user's namespace, so each has a copy of its own.
            tree = f"toolroot{'-user' if self.rootless else ''}-{packed.name.rpartition('-')[2]}"
            tools = self.store.get(tree, lambda draft: self._unpack(packed / "tree.tar", draft))
        work = cell.Cell(tools, logs / "assembly.log", self.rootless)
        work.log.unlink(missing_ok=True)
        with stage("two Python packages from their index"):
            pinned = self.store.get(f"pypi-{pypi.KEY}", lambda draft: pypi.fetch(work, draft))
        with stage("Debian for the card, installed under emulation"):
            userland = maker.root(roots.USERLAND)
        with stage("kernel, firmware and loader"):
            hardware = maker.root(roots.HARDWARE)
            entries = self._lock(packed, userland, hardware)
            if maker.wanted:
                self._insist(entries, maker, tools)
        with stage("base: modules, bytecode, what the card does without"):
            code = [REPOSITORY / "image" / name for name in BASE_CODE]
            trees = [path.name for path in (packed, userland, hardware)]
            key = cache.key([*trees, pypi.KEY, *code])
            binds = {userland: "/cache/userland", hardware: "/cache/hardware", pinned: "/cache/pypi"}
            base = self.store.get(f"base-{key}.tar", lambda draft: self._base(work, binds, draft))
        with stage("this card"):
            release = self.wishes.release
            found = updatekey.choose(
                work, self.store.directory / "keys", release.update_certificate, release.update_key
            )
            keys = updatekey.lend(found, self.store.unfinished / "update-keys")
            image = self._card(work, base, keys)
        with stage("update, compressing, checksums, signature"):
            result = self._publish(work, image, entries, keys)
            self.store.prune(self._remove)
            self.progress.note(f"{result.name}, {result.stat().st_size / 1e6:.1f} MB")
        return result

    def _insist(self, entries: list[list[str]], maker: roots.Maker, tools: Path) -> None:
        try:
            lock.insist(entries, maker.wanted)
        except BuildError:
            # They bear the lock's name and are not what it says: the next build may have a better archive.
            for path in maker.held:
                if path.name.startswith(roots.TOOLS.kind):
                    self._remove(tools)  # unpacked from it
                self._remove(path)
            raise

    def _remove(self, path: Path) -> None:
        cell.remove(path, self.rootless)

    def _unpack(self, archive: Path, draft: Path) -> None:
        draft.mkdir()
        command = ["tar", "--extract", f"--file={archive}", f"--directory={draft}", "--same-permissions"]
        command += ["--numeric-owner", "--exclude=./dev/*"]
        prefix = cell.namespaces(True) if self.rootless else []
        log = self.store.directory / "logs/unpack.log"
        if cell.run([*prefix, *command], log=log):
            raise cell.failure("Unpacking the native tools", log)

    def _inside(self, work: cell.Cell, what: str, arguments: list[str], binds: Mapping[Path, str]) -> None:
        def show(line: str) -> None:
            if line.startswith(">>> "):
                self.progress.note(line[4:])

        env = {"PYTHONPATH": "/source", "PYTHONDONTWRITEBYTECODE": "1", "TZ": "UTC"}
        env["SOURCE_DATE_EPOCH"] = str(self.epoch)
        try:
            command = ["python3", "-m", "image.assembly", *arguments]
            work.run(what, command, {REPOSITORY: "/source", **binds}, env, on_line=show)
        except BuildError as error:
            told = [line[4:] for line in work.log.read_text(errors="replace").splitlines() if line.startswith("!!! ")]
            if len(told) >= 3:
                raise BuildError("\n    ".join(told[:-2]), told[-2], told[-1]) from error
            raise

    def _scratch(self, name: str) -> Path:
        path = self.store.unfinished / name
        path.mkdir()
        return path

    def _base(self, work: cell.Cell, binds: Mapping[Path, str], draft: Path) -> None:
        out = self._scratch("base-output")
        self._inside(work, "Making the base", ["base"], {**binds, self._scratch("base"): "/work", out: "/output"})
        (out / "base.tar").rename(draft)
        self._remove(self.store.unfinished / "base")

    def _card(self, work: cell.Cell, base: Path, keys: Path) -> Path:
        out = self._scratch("card-output")
        binds = {base: "/cache/base.tar", self._scratch("card"): "/work", out: "/output", keys: "/keys"}
        place = f"{self.wishes.release.place.rstrip('/')}/" if self.wishes.release.place else ""
        self._inside(work, "Making the card", ["card", str(self.epoch), f"{self.name}.img", place], binds)
        self._remove(self.store.unfinished / "card")
        return out / f"{self.name}.img"

    def _publish(self, work: cell.Cell, image: Path, entries: list[list[str]], keys: Path) -> Path:
        packed = self._scratch("packed")
        file = f"{self.name}.img.xz"
        shutil.copyfile(keys / "update.pem", packed / publish.UPDATE_CERTIFICATE)
        bundle = f"{self.name}.raucb"
        if (keys / "update.key").exists():
            binds = {image.parent: "/work", packed: "/output", keys: "/keys"}
            self._inside(work, "Packing the update", ["bundle", version(), str(self.epoch), bundle], binds)
            publish.offer(packed, bundle, version(), self.wishes.release.since)
        binds = {image.parent: "/work", packed: "/output"}
        self._inside(work, "Compressing", ["pack", image.name, file], binds)
        card = publish.Card(self.name, version(), self.epoch, image.stat().st_size, cache.sha256(image))
        release = self.wishes.release
        place = f"{release.place.rstrip('/')}/" if release.place else f"{self.wishes.output.as_uri()}/"
        icon = REPOSITORY / "appliance/page/static/lamp.svg"
        publish.describe(packed, card, entries, place, icon)
        asked = self.wishes.asked
        if asked:
            folders = [self.store.directory / "packages" / kind for kind in (roots.USERLAND.kind, roots.HARDWARE.kind)]
            self.stated = statement.write(packed, self.name, asked, entries, folders)
        publish.sign(work, packed, card, release.key, self.store.directory / "keys")
        optional = (bundle, publish.FEED, f"{self.name}{statement.ENDING}")
        publish.replace(packed, self.wishes.output, file, optional)
        return self.wishes.output / file

    def _lock(self, tools: Path, userland: Path, hardware: Path) -> list[list[str]]:
        """What is on the card and what made it, as the lock has it, sorted."""
        entries = [[*entry, lock.ONLY_TOOLS] for entry in roots.entries_of(tools)]
        entries += [[*entry, lock.ON_CARD] for entry in roots.entries_of(userland)]
        named = tuple(name for name in recipe.HARDWARE if name != "linux-image-arm64")
        for entry in roots.entries_of(hardware):
            # Since 7.3 the kernel lies in linux-binary, its modules in linux-modules, and linux-image is all but empty.
            used = entry[0] in named or re.match(r"linux-(image|binary|modules)-\d", entry[0])
            entries.append([*entry, lock.ON_CARD if used else lock.ONLY_TOOLS])
        for pin in recipe.PINNED:
            name, _, number = pin.requirement.partition("==")
            entries.append([f"python:{name}", number, "source" if pin.source else "all", pin.sha256, lock.ON_CARD])
        return sorted(entries, key=lambda entry: (entry[4], entry))
