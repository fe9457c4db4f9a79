"""What is looked for on every page, and the pictures that a person looks at.

``PORCHLIGHT_PICTURES=docs/pictures ./test tests/browser`` makes the pictures of the documentation anew;
``PORCHLIGHT_MORE_PICTURES`` names a folder for all of them.
"""

import os
import re
from io import BytesIO
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page as Tab

from tests.browser.home import PAGE

SERIOUS = ("serious", "critical")
# Those that the documentation shows; all others are only to be looked at.
DOCUMENTED = re.compile(
    r"page-(phone|desktop)|home-phone-fa|setup-(2-claim|3-name|4-open|5-arrived|5-share)-phone-(en|fa)"
)
SCHEMES = ("light", "dark")


def complaints(tab: Tab) -> list[str]:
    """Everything that the console complains about, and every request that fails or goes elsewhere; fills up later."""
    found: list[str] = []
    # Chromium wishes for a field with the user's name beside each password; here there is one user and no name.
    tab.on("console", lambda said: found.append(said.text) if said.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: found.append(str(error)))
    tab.on("request", lambda asked: None if asked.url.startswith(PAGE) else found.append(asked.url))
    return found


def faults(tab: Tab) -> list[str]:
    """What is wrong with the page in the window: for screen readers in both colour schemes, for eyes, for thumbs."""
    found = []
    for scheme in SCHEMES:
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for one in Axe().run(tab).response["violations"]:
            if one["impact"] in SERIOUS:
                where = "; ".join(node["html"][:120] for node in one["nodes"])
                found.append(f"{scheme}: {one['id']} ({one['impact']}): {one['help']}: {where}")
    tab.emulate_media(color_scheme="light")
    if tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        found.append("wider than the window")
    small = tab.evaluate(
        """[...document.querySelectorAll("button, input:not([type=hidden]), select, a.button, nav a")]
           .filter(one => one.checkVisibility() && !one.closest(".way") && !["radio", "checkbox"].includes(one.type)
             && one.getBoundingClientRect().height < 40).map(one => one.outerHTML.slice(0, 80))"""
    )
    found += [f"too small for a thumb: {one}" for one in small]
    cut = tab.evaluate(
        """[...document.querySelectorAll("main *")].filter(one => one.checkVisibility() && one.children.length === 0
             && !one.closest(".unseen, .way") && one.clientWidth && one.scrollWidth > one.clientWidth + 1
             && !["INPUT", "SELECT", "OPTION"].includes(one.tagName)).map(one => one.outerHTML.slice(0, 80))"""
    )
    found += [f"cut off: {one}" for one in cut]
    return [f"{tab.url}: {one}" for one in found]


def picture(tab: Tab, name: str, *, whole: bool = True) -> None:
    """Keep a picture, where somebody asks for pictures.

    Args:
        tab: what is shown.
        name: of the file, without its ending.
        whole: the whole page, or what the window shows of it.
    """
    folders = [os.environ.get("PORCHLIGHT_MORE_PICTURES")]
    folders += [os.environ.get("PORCHLIGHT_PICTURES")] if DOCUMENTED.fullmatch(name) else []
    # Lights that blink would make another picture each time.
    tab.emulate_media(reduced_motion="reduce")
    for folder in filter(None, folders):
        shot = Image.open(BytesIO(tab.screenshot(full_page=whole, animations="disabled"))).convert("RGB")
        if name.startswith("setup"):
            # A third of the size; on the start page the dusk would fall in steps.
            shot = shot.quantize(256, method=Image.Quantize.FASTOCTREE, kmeans=4, dither=Image.Dither.NONE)
        shot.save(Path(folder) / f"{name}.png", optimize=True)
