"""The table of providers, held against the inadyn that is installed."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

from appliance.name.account import Account
from appliance.name.configuration import render
from appliance.name.providers import ALL, BY_KEY, FIRST, OTHERS, OWN, TOKEN
from tests.name.stage import OUTER, see

HOST = "example.mooo.com"
SECRET = "s3cr3t-T0ken"
# What each of the first five is asked, beside the address; who it is that is asked.
ASKED = {
    "duckdns.org": ("www.duckdns.org", f"/update?domains={HOST}&token={SECRET}&ip={OUTER}", ""),
    "desec.io": ("update.dedyn.io", f"/?hostname={HOST}&myipv4={OUTER}", f"{HOST}:{SECRET}"),
    "dynv6.com": ("ipv4.dynv6.com", f"/api/update?hostname={HOST}&token={SECRET}&ipv4={OUTER}", f":{SECRET}"),
    "freedns.afraid.org": ("freedns.afraid.org", f"/dynamic/update.php?A1B2&address={OUTER}", ""),
    "noip.com": ("dynupdate.no-ip.com", f"/nic/update?hostname={HOST}&myip={OUTER}", f"alice:{SECRET}"),
}
# Servers that inadyn 2.10 and 2.11 ask for the address.
SAY_ADDRESS = ("wtfismyip.com", "checkipv4.dedyn.io", "api.ipify.org", "ifconfig.me", "ip1.dynupdate.no-ip.com")
# Came with inadyn 2.11: Debian 12 and Ubuntu 24.04 test with 2.10 and 2.11.
NEW = {
    *("3322.org", "all-inkl.com", "core-networks.de", "dnsever.com", "dnshome.de", "dnsmadeeasy.com", "dnsmax.com"),
    *("do.de", "domaindiscount24.com", "domopoli.de", "dy.fi", "dyndns.it", "goip.de", "he.net", "infomaniak.com"),
    *("inwx.com", "itsdns.de", "joker.com", "moniker.com", "mydns.jp", "myonlineportal.net", "namecheap.com"),
    *("oray.com", "regfish.de", "schokokeks.org", "simply.com", "thatip.com", "twodns.de", "udmedia.de"),
    *("variomedia.de", "gira.de", "duiadns.net"),
}


def _account(key: str) -> Account:
    provider = BY_KEY[key]
    return Account(key, "" if provider.user_label is None else "alice", SECRET)


@pytest.mark.namespaces
def test_what_the_first_five_are_asked() -> None:
    """By inadyn itself, over HTTPS; their servers are this machine."""
    hosts = sorted({*SAY_ADDRESS, *(host for host, _, _ in ASKED.values())})
    seen = see([render(one, HOST, _account(one.key)) for one in FIRST], hosts, HOST)
    assert [one.key for one in FIRST] == list(ASKED)
    for provider, (requests, said) in zip(FIRST, seen, strict=True):
        host, path, credentials = ASKED[provider.key]
        assert f"Successful alias table update for {HOST} => new IP# {OUTER}" in said, provider.key
        last = requests[-1]
        assert (last.safe, last.host, last.path) == (True, host, path)
        sent = last.authorization.removeprefix("Basic ")
        assert base64.b64decode(sent).decode() == credentials
        # Whoever listens on the way hears at most that somebody asks for an address.
        assert not [one for one in requests if not one.safe and (SECRET in one.path or one.authorization)]


def test_inadyn_knows_the_others(tmp_path: Path) -> None:
    unknown = set()
    version = _inadyn("--version").split()[0]
    for provider in OTHERS:
        file = tmp_path / "inadyn.conf"
        file.write_text(render(provider, HOST, _account(provider.key)))
        said = _inadyn("--check-config", "-l", "none", f"--config={file}", f"--cache-dir={tmp_path}")
        if "Cannot find" in said or "Guessing" in said:
            unknown.add(provider.key)
    assert unknown <= (NEW if version.startswith("2.10") else set())


def _inadyn(*words: str) -> str:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
    done = subprocess.run(["inadyn", *words], capture_output=True, text=True, env=environment, check=False)
    return done.stdout + done.stderr


def test_the_table() -> None:
    assert len(BY_KEY) == len(ALL)
    for one in ALL:
        assert bool(one.plugin) != bool(one.update) or one is OWN
        assert one.username in ("user", "secret", "host")
        assert one.steps
    for one in FIRST:
        assert 2 <= len(one.steps) <= 3
        assert one.register.startswith("https://")
    # Whatever goes into a web address unencoded is a token, and asked for as one.
    for one in ALL:
        bare = one.username == "secret" or (one.update is not None and "%p" in one.update.url)
        assert one.token or not bare
    assert TOKEN.fullmatch(SECRET)


def test_docs_name_each_provider() -> None:
    words = Path("docs/names.md").read_text()
    assert not [one.key for one in ALL if f"`{one.key}`" not in words]
