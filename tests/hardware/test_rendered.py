"""Gerbers, models and pictures are what KiCad, OpenSCAD and our renderer make of the sources that are here."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import Image

from hardware import office, rendered
from hardware.board.circuit import NAME, circuit
from hardware.board.footprints import FOOTPRINTS
from hardware.board.layout import BUTTON, LIGHTS
from hardware.case.mesh import box, cylinder, dome, from_binary, to_binary
from hardware.case.view import Body, picture
from hardware.drawn import KICAD, ROOT
from hardware.rendered import CASE, FABRICATION, MODELS, STEPS, Step
from image.errors import BuildError

INSIDE = 28.6  # millimetres from the table to the lid's lower face: case.scad's sum


@pytest.fixture(scope="module")
def drawing_office() -> office.Office:
    """KiCad and OpenSCAD; made when they are missing and can be had."""
    try:
        return office.enter()
    except BuildError as error:
        pytest.skip(str(error))


def test_everything_rendered_is_up_to_date() -> None:
    assert rendered.out_of_date() == [], "run: python3 -m hardware"


def test_every_rendered_file_is_in_the_record() -> None:
    known = {name for step in rendered.record().values() for name in dict(step["files"])}  # type: ignore[call-overload]
    there = {path for folder in (FABRICATION, CASE) for path in (ROOT / folder).iterdir()}
    kept = {str(path.relative_to(ROOT)) for path in there if path.suffix not in (".py", ".scad", "") and path.is_file()}
    assert kept <= known


def test_a_file_changed_by_hand_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered, "sha256", lambda data: "0" * 64)
    assert any("is not what was made" in line for line in rendered.out_of_date())


def test_another_source_is_noticed() -> None:
    models = next(step for step in STEPS if step.name == "models")
    step = Step("models", (*models.sources, "LICENSE"), models.make)
    assert rendered.out_of_date([step]) == ["models: made from other sources than those that are here"]


@pytest.mark.parametrize("name", MODELS)
def test_models_are_closed_bodies(name: str) -> None:
    """What a slicer asks of a model: closed, all faces looking outwards."""
    mesh = trimesh.load(ROOT / CASE / f"{name}.stl", file_type="stl")
    assert isinstance(mesh, trimesh.Trimesh)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 100
    assert _bodies(mesh) == (3 if name == "pipes" else 1), "nothing hangs in the air"


def _bodies(mesh: trimesh.Trimesh) -> int:
    """How many bodies there are that touch nowhere."""
    body = np.arange(len(mesh.vertices))
    while True:
        least = body[mesh.faces].min(axis=1)
        joined = body.copy()
        np.minimum.at(joined, mesh.faces.ravel(), np.repeat(least, 3))
        if (joined == body).all():
            return len(np.unique(body[mesh.faces]))
        body = joined


@pytest.mark.parametrize("model", ["pi3", "pi4", "pi5", "zero"])
def test_lights_and_button_lie_below_their_holes(model: str) -> None:
    lid = trimesh.load(ROOT / CASE / f"lid-{model}.stl", file_type="stl")
    assert isinstance(lid, trimesh.Trimesh)
    # The lid is printed upside down: its y is turned, and so is the board's.
    depth = 30 if model == "zero" else 56
    for x, y in [*LIGHTS.values(), BUTTON]:
        ray = np.array([x, -(depth - y) + 0.37])
        assert not _hits(lid, ray), "a free way through the lid"
        assert _hits(lid, ray + np.array([5.5, 0])), "and the lid beside it"


def _hits(mesh: trimesh.Trimesh, origin: NDArray[np.float64]) -> bool:
    """Whether a line straight up from a point meets any triangle."""
    flat = mesh.triangles[:, :, :2] - origin
    nxt = np.roll(flat, -1, axis=1)
    side = flat[:, :, 0] * nxt[:, :, 1] - flat[:, :, 1] * nxt[:, :, 0]
    return bool(((side > 1e-9).all(axis=1) | (side < -1e-9).all(axis=1)).any())


@pytest.mark.parametrize("model", ["pi3", "pi4", "pi5", "zero"])
def test_base_and_lid_fit_together(model: str) -> None:
    base, lid = (
        from_binary((ROOT / CASE / f"{part}-{model}.stl").read_bytes()).reshape(-1, 3) for part in ("base", "lid")
    )
    assert np.ptp(base[:, 2]) == pytest.approx(INSIDE, abs=1e-4)
    assert np.ptp(base[:, 0]) == pytest.approx(np.ptp(lid[:, 0]), abs=1e-4)
    assert np.ptp(base[:, 1]) == pytest.approx(np.ptp(lid[:, 1]), abs=1e-4)
    assert np.ptp(lid[:, 2]) < INSIDE


def test_fabrication_files_have_every_hole() -> None:
    with zipfile.ZipFile(ROOT / FABRICATION / f"{NAME}.zip") as archive:
        names = archive.namelist()
        plated = archive.read(f"{NAME}-PTH.drl").decode()
        holes = archive.read(f"{NAME}-NPTH.drl").decode()
        for name in names:
            assert archive.read(name) == (ROOT / FABRICATION / name).read_bytes()
    assert len(re.findall(r"^X.*Y", plated, re.M)) == sum(
        len(FOOTPRINTS[part.footprint].pads) for part in circuit() if part.in_bill
    )
    assert len(re.findall(r"^X.*Y", holes, re.M)) == 4
    assert {Path(name).suffix for name in names} > {".gtl", ".gbl", ".gts", ".gbs", ".gto", ".gbo", ".gm1"}, (
        "all layers"
    )


def test_positions_name_every_part() -> None:
    text = (ROOT / FABRICATION / f"{NAME}-positions.csv").read_text()
    assert {line.split('"')[1] for line in text.splitlines()[1:]} == {part.ref for part in circuit() if part.in_bill}
    assert '"J1"' in next(line for line in text.splitlines() if line.endswith("bottom"))


@pytest.mark.costly
def test_pictures_are_pictures() -> None:
    for step in rendered.record().values():
        for name in dict(step["files"]):  # type: ignore[call-overload]
            if name.endswith(".png"):
                with Image.open(ROOT / name) as image:
                    assert image.width >= 800
                    assert len(image.convert("RGB").getcolors(1 << 24) or []) > 8, f"{name} is empty"


def test_the_renderer_draws_the_nearer_body() -> None:
    red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    data = picture([Body(box(0, 0, 0, 10, 10, 1), blue), Body(box(4, 4, 1, 2, 2, 5), red)], 100, 0, 90)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    middle, beside = image.getpixel((50, image.height // 2)), image.getpixel((20, image.height // 2))
    assert isinstance(middle, tuple)
    assert isinstance(beside, tuple)
    assert middle[0] > 100 > middle[2]
    assert beside[2] > 100 > beside[0]


def test_models_do_not_depend_on_the_order_of_triangles() -> None:
    body = np.concatenate([cylinder(0, 0, 0, 3, 5), dome(9, 9, 9, 2)])
    data = to_binary(body, "body")
    assert to_binary(np.roll(body[::-1], 1, axis=1), "body") == data
    assert len(from_binary(data)) == len(body)


@pytest.mark.slow
@pytest.mark.timeout(900)  # making the drawing office takes a minute or two, where it is missing
def test_kicad_finds_nothing_wrong(drawing_office: office.Office, tmp_path: Path) -> None:
    """Electrical rules, layout rules, and that board and schematic agree: no error and no warning."""
    rendered.rules(drawing_office, tmp_path)
    electrical, layout = (json.loads((tmp_path / name).read_text()) for name in ("erc.json", "drc.json"))
    assert [sheet["violations"] for sheet in electrical["sheets"]] == [[]]
    assert [layout[key] for key in ("violations", "unconnected_items", "schematic_parity")] == [[], [], []]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("file", "spoil"),
    [
        ("kicad_pcb", lambda text: re.sub(r"\t\(segment\n(?:\t\t.*\n)+?\t\)\n", "", text, count=1)),
        ("kicad_pcb", lambda text: text.replace('(net 1 "', '(net 2 "', 3)),
        ("kicad_sch", lambda text: re.sub(r"\t\(no_connect\n(?:\t\t.*\n)+?\t\)\n", "", text, count=1)),
    ],
)
def test_kicad_would_find_a_mistake(
    drawing_office: office.Office,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    spoil: Callable[[str], str],
) -> None:
    original = rendered.project

    def spoilt(folder: Path) -> None:
        original(folder)
        path = folder / f"{NAME}.{file}"
        text = path.read_text()
        assert spoil(text) != text
        path.write_text(spoil(text))

    monkeypatch.setattr(rendered, "project", spoilt)
    with pytest.raises(BuildError, match="KiCad's check"):
        rendered.rules(drawing_office, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("step", [step for step in STEPS if step.repeatable], ids=lambda step: step.name)
def test_the_same_bytes_come_out_again(drawing_office: office.Office, tmp_path: Path, step: Step) -> None:
    for path, data in step.make(drawing_office, tmp_path).items():
        kept = (ROOT / path).read_bytes()
        assert kept == data or _look_alike(kept, data), f"{path} comes out differently"


def _look_alike(one: bytes, other: bytes) -> bool:
    """Whether two pictures differ in no more than a few pixels: processors round differently where two edges meet."""
    if not one.startswith(b"\x89PNG"):
        return False
    first, second = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16) for data in (one, other))
    return first.shape == second.shape and float((abs(first - second).max(axis=2) > 24).mean()) < 0.001


def test_pictures_that_differ_are_told_apart() -> None:
    one, other = (picture([Body(box(0, 0, 0, 10, 10, height), (1.0, 0.5, 0.0))], 200, 30, 30) for height in (4, 4.4))
    assert _look_alike(one, one)
    assert not _look_alike(one, other)
    assert not _look_alike(b"solid", b"body")


def test_without_an_office_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(office, "confined", lambda: True)
    with pytest.raises(office.NotHere, match="python3 -m hardware once"):
        office.enter(tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_project_is_complete() -> None:
    assert {path.suffix for path in (ROOT / KICAD).iterdir()} >= {
        ".kicad_pro",
        ".kicad_sch",
        ".kicad_pcb",
        ".kicad_sym",
    }
