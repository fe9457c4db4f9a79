"""One run of the updater with a card in a file and a feed on a real HTTPS server; only RAUC's part is played."""

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance import __version__
from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.paths import Paths
from appliance.status import relay as relay_status
from appliance.status import update as update_status
from appliance.status.relay import RelayStatus, UpstreamStatus
from appliance.update import record, trial
from appliance.update.disk import Memory
from appliance.update.environment import Environment
from appliance.update.feed import COMPATIBLE
from appliance.update.record import Outcome, Record
from appliance.update.service import Updates, wish
from appliance.update.verdict import PATIENCE, PATIENCE_WITHOUT_LINE, Seen

NEW = "99.0.0"
ALL = Seen(page=True, ports=True, relayed=True, direct=True)


class Card:
    """A card whose slots are words: what RAUC does to them is noted."""

    def __init__(self, paths: Paths, memory: Memory) -> None:
        self.paths, self.memory = paths, memory
        self.written: list[str] = []
        self.restarts = 0
        self.fails = False
        self.updates = self.start("A")

    def start(self, slot: str) -> Updates:
        """Start from a slot."""
        self.updates = Updates(
            self.paths, self.memory, "B" if slot == "B" else "A", self._restart, self._write, time.time
        )
        return self.updates

    def said(self) -> update_status.UpdateStatus:
        """What page and lights read."""
        found = update_status.read(self.paths.update_status, since_boot())
        assert found
        return found

    def _restart(self) -> None:
        self.restarts += 1

    def _write(self, source: str, progress: Callable[[int], None], folder: Path) -> None:
        other: str = "B" if self.updates.booted == "A" else "A"
        self.memory.write(self.memory.read().marked_bad("B" if other == "B" else "A"))
        progress(50)
        if self.fails:
            raise UpdateError("The update is damaged.")
        self.written.append(source)
        self.memory.write(self.memory.read().on_trial("B" if other == "B" else "A"))


@pytest.fixture
def card(paths: Paths, memory: Memory) -> Card:
    """A card that relays, with slot A running."""
    upstreams = {"chat": UpstreamStatus(True)}
    relay_status.publish(paths.relay_status, RelayStatus(since_boot(), "0.1.0", "running", upstreams=upstreams))
    return Card(paths, memory)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """An HTTPS server that this process trusts: its address, and the folder that it shows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=36500))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = tmp_path / "server.pem"
    plain = serialization.NoEncryption()
    pem.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    folder = tmp_path / "www"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *words: object) -> None:
            """Nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{listening.server_address[1]}/update.json", folder
        listening.shutdown()


def offer(paths: Paths, server: tuple[str, Path], version: str, extra: str = "") -> None:
    """Offer a version, and name the feed in the settings."""
    address, folder = server
    said = {"version": version, "url": "x.raucb", "compatible": COMPATIBLE}
    (folder / "update.json").write_text(json.dumps(said))
    paths.owner_file.write_text(f'[update]\nfeed = "{address}"\n{extra}')


def test_a_newer_version_is_installed_and_tried(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    offer(paths, server, NEW)
    card.updates.settle()
    card.updates.look(now=True)
    assert card.written == [server[0].replace("update.json", "x.raucb")]
    assert card.restarts == 1
    assert (card.said().phase, card.said().version) == ("restarting", NEW)
    assert record.read(paths.update_record) == Record(NEW, "B", __version__)
    assert card.memory.read().trial == "B"


@pytest.mark.parametrize("version", [__version__, "0.0.9"])
def test_what_is_not_newer_is_left_alone(card: Card, paths: Paths, server: tuple[str, Path], version: str) -> None:
    offer(paths, server, version)
    card.updates.look(now=True)
    assert card.written == []
    assert card.memory.read() == Environment()
    assert "no newer version" in card.said().said


def test_a_card_that_is_too_old_for_it_is_told_so(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    """Not that there is nothing newer: it would never be updated again, and nobody would know."""
    offer(paths, server, NEW)
    (server[1] / "update.json").write_text(
        json.dumps({"version": NEW, "url": "x.raucb", "compatible": COMPATIBLE, "since": NEW})
    )
    with pytest.raises(UpdateError, match=NEW) as refused:
        card.updates.look(now=True)
    assert "flash the card again" in str(refused.value)
    assert card.written == []
    assert card.restarts == 0


@pytest.mark.parametrize(("extra", "expected"), [("", 1), ("enabled = false\n", 0)])
def test_by_itself_only_when_allowed(
    card: Card, paths: Paths, server: tuple[str, Path], extra: str, expected: int
) -> None:
    hour = int(time.time() // 3600) % 24
    offer(paths, server, NEW, f"hour = {hour}\n{extra}")
    card.updates.look()
    assert len(card.written) == expected
    # And not again within the same hour.
    card.updates.look()
    assert len(card.written) == expected


@pytest.mark.parametrize("resting", ["off", "paused", "quota"])
def test_not_while_the_relay_rests(card: Card, paths: Paths, server: tuple[str, Path], resting: str) -> None:
    offer(paths, server, NEW, f"hour = {int(time.time() // 3600) % 24}\n")
    relaying = RelayStatus(since_boot(), "0.1.0", "running")
    relay_status.publish(paths.relay_status, replace(relaying, resting=resting))
    card.updates.look()
    assert card.written == []
    # As soon as it relays again, within the same hour.
    relay_status.publish(paths.relay_status, relaying)
    card.updates.look()
    assert len(card.written) == 1


def test_not_before_its_hour(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    offer(paths, server, NEW, f"hour = {(int(time.time() // 3600) + 12) % 24}\n")
    card.updates.look()
    assert card.written == []


def test_nobody_named_a_feed(card: Card) -> None:
    card.updates.look()
    with pytest.raises(UpdateError, match="Nobody has told"):
        card.updates.look(now=True)


def test_a_feed_that_is_not_there_is_told(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    offer(paths, server, NEW)
    (server[1] / "update.json").unlink()
    with pytest.raises(UpdateError, match="cannot be asked"):
        card.updates.look(now=True)


def test_a_server_that_nobody_vouches_for_is_not_asked(
    card: Card, paths: Paths, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(paths, server, NEW)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UpdateError, match="cannot be asked"):
        card.updates.look(now=True)


def test_a_bundle_that_is_refused_changes_nothing(card: Card, paths: Paths) -> None:
    card.fails = True
    with pytest.raises(UpdateError, match="damaged"):
        card.updates.install("/x.raucb", NEW)
    assert card.restarts == 0
    assert card.memory.read().primary == "A"
    assert record.read(paths.update_record) is None


def test_a_version_that_failed_waits_for_the_owner(card: Card, paths: Paths, server: tuple[str, Path]) -> None:
    offer(paths, server, NEW, f"hour = {int(time.time() // 3600) % 24}\n")
    record.write(paths.update_record, Record(NEW, "B", __version__, outcome=Outcome.FAILED))
    card.updates.look()
    assert card.written == []
    assert (card.said().phase, card.said().version) == ("waiting", NEW)
    # The timer comes each hour, and the feed is asked once a day.
    card.updates.settle()
    assert (card.said().phase, card.said().version) == ("waiting", NEW)
    card.updates.look(now=True)
    assert len(card.written) == 1


def test_the_former_system_is_not_written_over_during_a_trial(card: Card) -> None:
    card.updates.install("/x.raucb", NEW)
    with pytest.raises(UpdateError, match="has not shown yet"):
        card.start("B").install("/x.raucb", NEW)


def test_only_one_at_a_time(card: Card) -> None:
    started, end = threading.Event(), threading.Event()

    def slow(source: str, progress: Callable[[int], None], folder: Path) -> None:
        started.set()
        end.wait(30)

    first = replace(card.updates, write=slow)
    thread = threading.Thread(target=first.install, args=("/x.raucb", NEW))
    thread.start()
    assert started.wait(30)
    with pytest.raises(UpdateError, match="already"):
        card.updates.install("/x.raucb", NEW)
    end.set()
    thread.join()


def test_a_slot_that_used_its_tries_up_has_failed(card: Card, paths: Paths) -> None:
    card.updates.install("/x.raucb", NEW)
    # What the boot script does: three starts that led to nothing, then the other slot.
    card.memory.write(card.memory.read().with_left("B", 0))
    last = card.start("A").settle()
    assert last
    assert last.outcome is Outcome.FAILED
    assert card.memory.read() == replace(Environment(("B", "A"), None, 3, 0), written=card.memory.read().written)
    assert "did not work here" in card.said().said
    assert card.said().other_version == NEW


def judged(card: Card, seen: Seen) -> Outcome:
    """The outcome of a trial of what was installed, when all looks are alike."""
    card.updates.install("/x.raucb", NEW)
    card.restarts = 0
    # So that every patience is over.
    return trial.run(card.start("B"), patience=0.0, see=lambda: seen, wait=lambda seconds: None)


def test_good_is_what_relays(card: Card) -> None:
    assert judged(card, ALL) is Outcome.GOOD
    held = card.memory.read()
    assert (held.primary, held.trial, card.restarts) == ("B", None, 0)
    assert "it works" in card.said().said
    assert card.said().other_version == __version__
    # And so it stays at the next start.
    last = card.start("B").settle()
    assert last
    assert last.outcome is Outcome.GOOD


@pytest.mark.parametrize("seen", [Seen(), replace(ALL, page=False), replace(ALL, ports=False)])
def test_what_does_not_work_gives_way(card: Card, seen: Seen) -> None:
    assert judged(card, seen) is Outcome.FAILED
    held = card.memory.read()
    assert (held.primary, held.left("B"), card.restarts) == ("A", 0, 1)
    card.start("A").settle()
    assert "did not work here" in card.said().said


def test_without_the_internet_the_former_one_has_to_show_it(
    card: Card, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "since_boot", lambda: PATIENCE_WITHOUT_LINE + PATIENCE)
    assert judged(card, Seen(page=True, ports=True)) is Outcome.UNCLEAR
    assert card.memory.read().primary == "A"
    card.start("A").settle()
    assert "could not show that it relays" in card.said().said
    found = record.read(paths.update_record)
    assert found
    assert not record.refused(found, NEW)
    # Once more, and it is enough.
    assert judged(card, Seen(page=True, ports=True)) is Outcome.UNCLEAR
    found = record.read(paths.update_record)
    assert found
    assert record.refused(found, NEW)


def test_wishes_are_taken_once(paths: Paths) -> None:
    assert wish(paths.update_wish) is None
    for content, expected in ((b"{}", ""), (b'{"file": "/x.raucb"}', "/x.raucb"), (b"nonsense", None)):
        paths.update_wish.write_bytes(content)
        assert wish(paths.update_wish) == expected
        assert not paths.update_wish.exists()
