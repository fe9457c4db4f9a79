"""The base of the card: Debian's tree with the work redone that was diverted, and what the card does without removed.

Runs in the native tree as the owner of all files. Depends on nothing that is specific to one version of porchlight, so
that its result is cached.
"""

import gzip
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

from image import drivers, recipe
from image.boards import BOARDS, WIFI_RULES, wifi_files
from image.errors import BuildError

PACKAGES = Path("usr/lib/python3/dist-packages")


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tree with owners and modes; devices are left out, the card has devtmpfs."""
    target.mkdir()
    command = ["tar", "--extract", f"--file={archive}", f"--directory={target}", "--numeric-owner"]
    subprocess.run([*command, "--same-permissions", "--exclude=./dev/*", "--xattrs", "--xattrs-include=*"], check=True)


def trim(root: Path) -> None:
    """Remove what `recipe.TRIMMED` lists, and of Babel's data all but the page's languages."""
    for pattern in recipe.TRIMMED:
        for path in sorted(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for folder in recipe.LOCALE_DATA:
        for path in sorted((root / folder).glob("*.dat")):
            if path.stem not in recipe.LOCALES:
                path.unlink()
    for name in ("var/cache", "var/log", "var/tmp", "tmp"):
        (root / name).mkdir(exist_ok=True)


def lend_nothing(root: Path) -> None:
    """Take the set-user and set-group bits from every file: nobody on the card has to become somebody else.

    Folders keep theirs, which only say whose group new files get.
    """
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                path.chmod(stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))


def certificates(root: Path) -> None:
    """The same package's certificates as installed in the native tree, where its script did run."""
    ours = root / "usr/share/ca-certificates"
    theirs = Path("/usr/share/ca-certificates")
    if sorted(p.name for p in ours.rglob("*.crt")) != sorted(p.name for p in theirs.rglob("*.crt")):
        raise BuildError(
            "The native tree and the card have different sets of certificate authorities.",
            "They were made at different times, with an update of ca-certificates in between.",
            "Run ./build --fresh, which makes both anew.",
        )
    target = root / "etc/ssl/certs"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree("/etc/ssl/certs", target, symlinks=True)
    shutil.copy2("/etc/ca-certificates.conf", root / "etc/ca-certificates.conf")


def compile_python(root: Path, *folders: str) -> None:
    """The bytecode of everything below some folders, as ``bytecode.py`` makes it."""
    program = Path(__file__).with_name("bytecode.py")
    subprocess.run(["python3", "-P", "-X", "no_debug_ranges", str(program), str(root), *folders], check=True)


def gpio(root: Path, pinned: Path, scratch: Path) -> None:
    """What provides `import RPi.GPIO`: lgpio built for the card with the cross compiler, rpi-lgpio on top of it."""
    scratch.mkdir()
    with tarfile.open(pinned / recipe.LGPIO.filename) as archive:
        archive.extractall(scratch, filter="data")
    source = scratch / recipe.LGPIO.filename.removesuffix(".tar.gz")
    subprocess.run(["swig", "-python", "-o", "lgpio_wrap.c", "lgpio.i"], cwd=source, check=True)
    module = f"_lgpio.cpython-{recipe.PYTHON.replace('.', '')}-aarch64-linux-gnu.so"
    sources = sorted(path.name for path in (source / "src").glob("lg*.c"))
    command = ["aarch64-linux-gnu-gcc", "-shared", "-fPIC", "-O2", "-g0", "-pthread", "-w", "-ffile-prefix-map=.=lgpio"]
    command += ["-fstack-protector-strong", "-Wl,-z,relro,-z,now", "-Wl,--build-id=none", "-Isrc"]
    command += [f"-I/usr/include/python{recipe.PYTHON}", "-I/usr/include", "-o", module, "lgpio_wrap.c"]
    command += [*(f"src/{name}" for name in sources), "src/rgpiod.c", "-lrt", "-ldl"]
    subprocess.run(command, cwd=source, check=True)
    target = root / PACKAGES
    for name in (module, "lgpio.py"):
        shutil.copyfile(source / name, target / name)
    with zipfile.ZipFile(pinned / recipe.RPI_LGPIO.filename) as wheel:
        wheel.extractall(target)  # noqa: S202  # the hash is pinned
    # So that importlib.metadata, and whoever lists what is installed, sees it.
    information = target / f"{recipe.LGPIO.requirement.replace('==', '-')}.dist-info"
    information.mkdir()
    shutil.copyfile(source / "PKG-INFO", information / "METADATA")


def kernel(hardware: Path, root: Path) -> str:
    """Kernel and modules into the slot's tree; the kernel's version back."""
    versions = sorted(path.name for path in (hardware / "usr/lib/modules").iterdir())
    if len(versions) != 1:
        raise BuildError(
            f"The hardware tree has {len(versions)} kernels: {', '.join(versions)}.",
            "It is not clear which one the card shall have.",
            "Run ./build --fresh.",
        )
    version = versions[0]
    if not (hardware / "lib").exists():
        (hardware / "lib").symlink_to("usr/lib")
    subprocess.run(["depmod", "-b", str(hardware), version], check=True)
    folder = hardware / "usr/lib/modules" / version
    trees = [(folder / "dtb/broadcom" / board.tree).read_bytes() for board in BOARDS]
    announced = drivers.announced(folder, trees)
    drivers.install(hardware, root, version, (*drivers.SYSTEM, *drivers.needed_by_boards(), *announced))
    boot = root / "boot"
    (boot / "firmware").mkdir(exist_ok=True)
    image = hardware / "usr/lib/modules" / version / "vmlinuz"
    data = image.read_bytes() if image.exists() else (hardware / f"boot/vmlinuz-{version}").read_bytes()
    if data[:2] != b"\x1f\x8b":
        with (boot / "vmlinuz").open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(data)
    else:
        (boot / "vmlinuz").write_bytes(data)
    return version


def wifi(hardware: Path, root: Path) -> None:
    """Into the slot what the boards' Wi-Fi chips load, and each country's rules; `firmware.check` looks at it."""
    source, target = hardware / "usr/lib/firmware", root / "usr/lib/firmware"
    (target / "brcm").mkdir(parents=True, exist_ok=True)
    asked = [names for board in BOARDS for chip in board.wifi for names in wifi_files(board, chip)]
    for names in asked:
        found = next((name for name in names if (source / name).exists()), None)
        if found and not (target / found).exists():
            shutil.copyfile(source / found, target / found)
    for name in WIFI_RULES:
        # Two signers; Debian's kernel trusts Debian's own without asking further.
        shutil.copyfile(source / f"{name}-debian", target / name)


def firmware(hardware: Path, target: Path, version: str) -> None:
    """Everything of the FAT partition that comes from Debian: loader files, U-Boot, the promised boards' trees."""
    target.mkdir()
    loader = {name for board in BOARDS for name in board.loader}
    for name in sorted(loader):
        shutil.copyfile(hardware / "usr/lib/raspi-firmware" / name, target / name)
    shutil.copyfile(hardware / "usr/lib/u-boot/rpi_arm64/u-boot.bin", target / "u-boot.bin")
    for board in BOARDS:
        shutil.copyfile(hardware / "usr/lib/modules" / version / "dtb/broadcom" / board.tree, target / board.tree)


def make(cache: Path, work: Path, output: Path) -> None:
    """From `userland/tree.tar`, `hardware/tree.tar` and `pypi/` in `cache` to the tar of the base at `output`."""
    root, hardware, base = work / "base/root", work / "hardware", work / "base"
    base.mkdir()
    unpack(cache / "userland/tree.tar", root)
    unpack(cache / "hardware/tree.tar", hardware)
    trim(root)
    lend_nothing(root)
    version = kernel(hardware, root)
    wifi(hardware, root)
    certificates(root)
    gpio(root, cache / "pypi", work / "lgpio")
    compile_python(root, f"usr/lib/python{recipe.PYTHON}", str(PACKAGES))
    firmware(hardware, base / "firmware", version)
    (base / "tools").mkdir()
    shutil.copyfile(hardware / "usr/bin/busybox", base / "tools/busybox")
    pack(base, output)


def pack(tree: Path, output: Path) -> None:
    """A tar that does not depend on the day, the order of the directory, or who made it."""
    command = ["tar", "--create", f"--file={output}", f"--directory={tree}", "--sort=name", "--numeric-owner"]
    command += ["--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "--xattrs"]
    subprocess.run([*command, "--clamp-mtime", f"--mtime=@{recipe.BASE_EPOCH}", "."], check=True)
