"""Images of several platforms, read by skopeo."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ociimage import merge as image_index

from tests.support.requirements import need
from tests.unit.ociimage.test_merge import layout


def test_skopeo_picks_each_platform(tmp_path: Path) -> None:
    skopeo = need("skopeo")
    image_index.merge(
        [layout(tmp_path / name, name) for name in ("amd64", "arm64")], tmp_path / "out"
    )
    for name in ("amd64", "arm64"):
        inspect = [skopeo, "--override-arch", name, "inspect", "oci:out"]
        output = subprocess.run(
            inspect, cwd=tmp_path, check=True, timeout=60, capture_output=True
        ).stdout
        assert json.loads(output)["Architecture"] == name
    copy = ["copy", "--all", "--insecure-policy", "oci:out", "oci:copy"]
    subprocess.run([skopeo, *copy], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    ours, theirs = (
        json.loads((tmp_path / name / "index.json").read_bytes())["manifests"][0]["digest"]
        for name in ("out", "copy")
    )
    assert ours == theirs
