"""The software bill of materials: what is on the card, in CycloneDX 1.6, for the programs that look for known faults.

https://cyclonedx.org/docs/1.6/json/ has the fields, https://github.com/package-url/purl-spec the names of packages.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from image import recipe

# Any fixed number will do: it makes serial numbers that depend on the contents alone.
NAMESPACE = uuid.UUID("706f7263-686c-5967-8874-736f66747761")


def make(name: str, version: str, epoch: int, entries: Sequence[Sequence[str]]) -> str:
    """The bill of materials as JSON.

    Args:
        name: of the card's file, without ending.
        version: of porchlight.
        epoch: the card's time, seconds since 1970.
        entries: name, version, architecture and SHA-256 of each package on the card; what follows is not looked at.
    """
    components = [_component(*entry[:4]) for entry in entries]
    card = {"type": "firmware", "bom-ref": name, "name": "porchlight", "version": version}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(NAMESPACE, json.dumps([name, version, epoch, components])).urn,
        "version": 1,
        "metadata": {"timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(), "component": card},
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [one["bom-ref"] for one in components]}],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(name: str, version: str, architecture: str, digest: str) -> dict[str, object]:
    library = name.removeprefix("python:")
    if library != name:
        purl = f"pkg:pypi/{library}@{quote(version)}"
    else:
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro={recipe.SUITE}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": library,
        "version": version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }
