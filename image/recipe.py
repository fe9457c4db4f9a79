"""What goes onto the card: package lists, pinned sources, what is taken away. Each line has its reason.

A change here changes the cache keys of exactly those trees that depend on it (see `roots`).
"""

from dataclasses import dataclass
from pathlib import Path

SUITE = "trixie"
KERNEL_SUITE = "trixie-backports"
NEXT_SUITE = "forky"
# Taken from there: what trixie has does not work with the card's kernel (image/roots.py).
FROM_NEXT = ("rauc", "libnl-3-200", "libnl-genl-3-200", "libnl-route-3-200")
ARCHITECTURE = "arm64"
COMPONENTS = "main,non-free-firmware"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PYTHON = "3.13"

# Files of Debian's packages carry no later date than this, so that the cached trees do not depend on the day.
BASE_EPOCH = 1_780_272_000  # 2026-06-01T00:00:00Z, seconds

# The native tree: the tools of the card's own release, whatever the host runs.
TOOLS = (
    "python3",  # 3.13, so that bytecode made here is the card's bytecode
    "python3-hatchling",  # builds the wheel of this repository
    "python3-installer",  # and installs it
    "python3-pip",  # fetches the two pinned GPIO libraries
    "python3-setuptools",  # pip asks lgpio's setup.py for its name
    "python3-wheel",
    f"libpython{PYTHON}-dev:{ARCHITECTURE}",  # the card's Python headers, for lgpio
    "swig",
    "gcc-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "e2fsprogs",  # mke2fs 1.47.2 honours SOURCE_DATE_EPOCH; bookworm's does not
    "dosfstools",
    "mtools",
    "genimage",
    "fdisk",
    "kmod",
    "cpio",
    "device-tree-compiler",
    "u-boot-tools",
    "systemd",  # systemctl --root, systemd-sysusers --root, systemd-analyze
    "ca-certificates",
    "xz-utils",
    "minisign",  # signs the checksums
    "rauc",  # makes and signs the update's bundle
    "squashfs-tools",  # which it calls for that
    "openssl",  # makes the development key of the updates
)

# What runs on the card. No openssh-server, no avahi (systemd-resolved answers for porchlight.local), no apt: the card
# is renewed as a whole.
USERLAND = (
    "systemd",
    "systemd-sysv",
    "systemd-resolved",
    "libidn2-0",  # systemd-resolved loads it at run time; without it the card is "linux.local" (seen with 257)
    "systemd-timesyncd",
    "udev",
    "kmod",
    "iproute2",
    "nftables",  # the firewall (appliance/firewall)
    "wpasupplicant",  # Wi-Fi, for those who ask for it in the settings file (appliance/wifi)
    "e2fsprogs",
    "ca-certificates",
    "tzdata",  # when the night begins for the lights; Python brings it too
    "python3-gevent",
    "python3-flask",
    "python3-netifaces",
    "python3-miniupnpc",  # UPnP, for the router service
    "python3-argon2",
    "python3-flaskext.wtf",
    "python3-flask-babel",  # the page in twelve languages
    "python3-segno",  # QR codes
    "python3-cryptography",
    "python3-prometheus-client",
    "python3-sdnotify",
    "python3-tomli-w",
    "rauc",  # checks a bundle's signature, streams it, writes it into the other slot
    "inadyn",  # the name that follows the home's address; brings GnuTLS
    "certbot",  # a publicly trusted certificate, for those who want one
)

# Only files are taken from these; none of their maintainer scripts runs. busybox is for the initramfs.
HARDWARE = (
    "linux-image-arm64",
    "raspi-firmware",
    "u-boot-rpi",
    "busybox-static",
    "firmware-brcm80211",  # what runs in the boards' Wi-Fi chips
    "wireless-regdb",  # what each country allows a radio to do
)

# Programs of maintainer scripts that cost minutes under emulation: silenced while packages are configured, their
# work redone natively by `image.native`.
DIVERTED = (
    "/usr/sbin/update-ca-certificates",
    "/usr/bin/py3compile",
    f"/usr/lib/python{PYTHON}/py_compile.py",
    "/usr/bin/systemd-hwdb",
)


@dataclass(frozen=True)
class Pinned:
    """One file of the Python package index: requirement, file name, SHA-256."""

    requirement: str
    filename: str
    sha256: str
    source: bool


# What provides `import RPi.GPIO`: the character device works on every Pi and without root; Debian's python3-rpi.gpio
# needs /dev/mem and does not know the Pi 5.
LGPIO = Pinned(
    "lgpio==0.2.2.0",
    "lgpio-0.2.2.0.tar.gz",
    "11372e653b200f76a0b3ef8a23a0735c85ec678a9f8550b9893151ed0f863fff",
    source=True,
)
RPI_LGPIO = Pinned(
    "rpi-lgpio==0.6",
    "rpi_lgpio-0.6-py3-none-any.whl",
    "0930b6e0ffbfbeee9366fbfa5038d29a7606be96a5229d570b1f81be8f776777",
    source=False,
)
PINNED = (LGPIO, RPI_LGPIO)

# Paths of the Debian tree that the card does without, as globs from its root.
# The page's languages (appliance.settings.kinds.LANGUAGES) and what Babel builds them on. What it knows of a thousand
# others would be 30 MB.
LOCALES = ("root", "en", "fr", "es", "pt", "de", "ar", "fa", "ru", "uk", "tr", "zh", "zh_Hans", "my")
LOCALE_DATA = ("usr/share/python-babel-localedata/locale-data", "usr/lib/python3/dist-packages/babel/locale-data")

TRIMMED = (
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/i18n",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/share/zsh",
    "usr/share/bug",
    "usr/share/common-licenses/*",
    "usr/share/perl5",
    "usr/share/perl",
    "usr/lib/*/perl-base",
    "usr/bin/perl*",
    "usr/lib/udev/hwdb.d",  # names of keyboards and mice
    "usr/lib/udev/hwdb.bin",
    "usr/lib/*/gconv/*",
    "usr/lib/systemd/boot",
    # Each runs at every start, before the first service, and finds nothing: an empty fstab, no logins, scripts of the
    # old init, TPM, GPT, remembered sleep or SSH; and nobody names programs on the kernel's command line.
    *(
        f"usr/lib/systemd/system-generators/systemd-{name}-generator"
        for name in (
            *("fstab", "getty", "gpt-auto", "hibernate-resume", "rc-local"),
            *("run", "ssh", "system-update", "sysv", "tpm2"),
        )
    ),
    "usr/lib/apt",
    "usr/bin/apt*",
    "usr/lib/*/libapt-*",
    "usr/lib/python3*/test",
    "usr/lib/python3*/ensurepip",
    "usr/lib/python3*/idlelib",
    "usr/lib/python3*/lib2to3",
    "usr/lib/python3*/turtledemo",
    "usr/lib/python3*/pydoc_data",
    "usr/lib/python3/dist-packages/*/tests",
    "usr/lib/python3/dist-packages/cffi",  # only its run-time half, _cffi_backend, is used
    "usr/lib/python3/dist-packages/pycparser",
    # inadyn's own service, and certbot's timer: porchlight runs both programs itself.
    "etc/inadyn.conf",
    "etc/default/inadyn",
    "etc/init.d/inadyn",
    "etc/rc?.d/*inadyn",
    "etc/ppp",
    "etc/cron.*",  # nothing reads them
    "etc/logrotate.d",
    "etc/letsencrypt",
    "usr/lib/systemd/system/certbot.*",
    "usr/lib/python3/dist-packages/*/_internal/tests",
    # porchlight starts the supplicant by itself, and talks to it by its output alone.
    "etc/ifplugd",
    "etc/network",
    "etc/wpa_supplicant",
    "usr/bin/wpa_passphrase",
    "usr/sbin/wpa_action",
    "usr/sbin/wpa_cli",
    "usr/lib/NetworkManager",
    "usr/lib/pm-utils",
    "usr/lib/systemd/system/wpa_supplicant*.service",
    "usr/share/dbus-1/*/fi.w1.wpa_supplicant1.*",
    "usr/share/dbus-1/system.d/wpa_supplicant.conf",
    # porchlight loads its own rules.
    "etc/nftables.conf",
    "usr/lib/systemd/system/nftables.service",
    # What only maintainer scripts need. No user is ever added on the card, and these bring programs that are root for
    # whoever calls them.
    "usr/share/adduser",
    *(
        f"usr/sbin/{name}"
        for name in ("adduser", "addgroup", "deluser", "delgroup", "newusers", "chpasswd", "chgpasswd")
    ),
    *(
        f"usr/sbin/{verb}"
        for verb in ("user*", "group*", "pwck", "pwconv", "pwunconv", "grpck", "grpconv", "grpunconv")
    ),
    *(f"usr/bin/{name}" for name in ("passwd", "chage", "chfn", "chsh", "expiry", "gpasswd")),
    "var/cache/*",
    "var/lib/apt/*",
    "var/log/*",
    "etc/apt",
    "boot/*",
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
)
