"""One list of everything that is wrong, whoever noticed it."""

import json
from pathlib import Path

from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.settings.problem import Problem
from appliance.status import lights
from appliance.status.gather import situation
from appliance.status.problems import DATA_LOST, of_relay, problems_now
from appliance.status.relay import PortStatus, RelayStatus, UpstreamStatus, publish, read


def make_paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    for folder in (paths.relay_status.parent, paths.lights_status.parent):
        folder.mkdir(parents=True)
    return paths


def test_nothing_wrong_is_an_empty_list(tmp_path: Path) -> None:
    assert problems_now(make_paths(tmp_path), situation(make_paths(tmp_path / "other"))) == ()


def test_settings_ports_upstream_lights_and_lost_data_stand_in_one_list(tmp_path: Path) -> None:
    paths = make_paths(tmp_path)
    paths.owner_file.write_text("[relay]\nworkers = true\n")
    publish(
        paths.relay_status,
        RelayStatus(
            since_boot(),
            "1",
            "running",
            ports=(PortStatus(443, "chat-tls", "Port 443 is in use by nginx."), PortStatus(587, "media")),
            upstreams={"chat": UpstreamStatus(True), "media": UpstreamStatus(False, "Media is unreachable.")},
        ),
    )
    status = {"written": since_boot(), "state": "starting", "trouble": "Pin 17 is in use."}
    paths.lights_status.write_text(json.dumps(status))
    paths.data_lost_note.touch()
    found = [problem.what for problem in problems_now(paths, situation(paths))]
    assert found[0] == DATA_LOST.what
    assert "relay.workers must be" in found[1]
    assert found[2:] == ["Port 443 is in use by nginx.", "Media is unreachable.", "Pin 17 is in use."]


def test_chat_trouble_hides_the_same_trouble_on_port_80() -> None:
    gone = UpstreamStatus(False, "WhatsApp does not answer.")
    found = of_relay(RelayStatus(1.0, "1", "running", upstreams={"chat": gone, "http": gone}))
    assert len(found) == 1


def test_lights_that_say_nothing_or_nonsense_or_long_ago_are_absent(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    assert lights.read(path, 100.0) is None
    for nonsense in (b"", b"[]", b"null", b'{"written": "x"}', b"\xff", b'{"written": 1}'):
        path.write_bytes(nonsense)
        assert lights.read(path, 100.0) is None
    path.write_text('{"written": 95.0, "state": "relaying", "trouble": ""}')
    assert lights.read(path, 100.0) == lights.LightsStatus(95.0, "relaying")
    assert lights.read(path, 200.0) is None


def test_what_is_wrong_with_the_relay_as_a_whole_is_shown_as_it_says_it(tmp_path: Path) -> None:
    problem = Problem("The relay could not make its certificate.", "The chat port stays closed.", "Is the card full?")
    path = tmp_path / "status.json"
    publish(path, RelayStatus(written=0.0, version="0.1.0", phase="running", problems=(problem,)))
    relay = read(path)
    assert relay is not None
    assert of_relay(relay) == (problem,)
    assert relay.troubles == (problem.what,)
