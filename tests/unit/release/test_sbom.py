"""SBOMs: valid CycloneDX 1.6, one component for each entry of each platform, no time."""

from __future__ import annotations

import json
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from buildgraph.release.sbom import owners, sbom
from tests.support.oci_layouts import write_index


def test_each_entry_of_each_platform_has_one_owner(tmp_path: Path) -> None:
    text = sbom(write_index(tmp_path), "swarm/agent:v1", "MIT OR Apache-2.0")
    document = json.loads(text)
    for platform in ("linux/amd64", "linux/arm64"):
        owned = owners(document, platform)
        assert owned.keys() == {"/agent"} and [
            len(components) for components in owned.values()
        ] == [1]
    assert len(document["components"]) == 2


def test_it_is_valid_and_has_no_time(tmp_path: Path) -> None:
    text = sbom(write_index(tmp_path), "swarm/agent:v1", "MIT OR Apache-2.0").decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    metadata = json.loads(text)["metadata"]
    assert "timestamp" not in metadata
    assert metadata["component"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]


def test_the_serial_number_follows_from_the_digest(tmp_path: Path) -> None:
    first, second, other = (
        json.loads(sbom(write_index(tmp_path / name, machines), "swarm/agent:v1", ""))
        for name, machines in (
            ("a", ("amd64", "arm64")),
            ("b", ("amd64", "arm64")),
            ("c", ("amd64", "386")),
        )
    )
    assert first == second
    assert first["serialNumber"] != other["serialNumber"]
