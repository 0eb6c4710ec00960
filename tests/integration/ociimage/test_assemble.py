"""Images assembled in other processes, and read by skopeo."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import assemble_image

from tests.support.requirements import need
from tests.unit.ociimage.test_assemble import TOOL, digest_of_all, inputs


def test_bytes_do_not_depend_on_the_surroundings(tmp_path: Path) -> None:
    seen = set()
    for number, (mask, zone, language, when, mode) in enumerate(
        ((0o022, "UTC", "C", 1, 0o644), (0o077, "Asia/Tokyo", "tr_TR.UTF-8", 2**31, 0o600))
    ):
        folder = tmp_path / ("deep/" * number + f"path{number}")
        argv = inputs(folder)
        (folder / "scout").chmod(mode)
        os.utime(folder / "scout", (when, when))
        environment = {
            "TZ": zone,
            "LANG": language,
            "LC_ALL": language,
            "PYTHONHASHSEED": str(number),
        }
        subprocess.run(
            [sys.executable, str(TOOL), *argv],
            check=True,
            umask=mask,
            timeout=30,
            env={**os.environ, **environment},
            cwd=folder,
        )
        outputs = tmp_path / f"outputs{number}"
        outputs.mkdir()
        for name in ("out", "out.tar", "summary.json"):
            shutil.move(folder / name, outputs / name)
        seen.add(digest_of_all(outputs))
    assert len(seen) == 1


def test_skopeo_accepts_the_layout_and_the_archive(tmp_path: Path) -> None:
    skopeo = need("skopeo")
    assert assemble_image.main(inputs(tmp_path)) == 0
    summary = json.loads((tmp_path / "summary.json").read_bytes())

    def call(*words: str) -> bytes:
        return subprocess.run(
            [skopeo, "--override-arch", "arm64", "--override-variant", "v8", *words],
            cwd=tmp_path,
            check=True,
            timeout=60,
            capture_output=True,
        ).stdout

    output = json.loads(call("inspect", "oci:out"))
    assert output["Digest"] == summary["manifest"] and output["Architecture"] == "arm64"
    assert output["Layers"] == [layer["digest"] for layer in summary["layers"]]
    call("copy", "--insecure-policy", "oci:out", "dir:copied")
    copied = (tmp_path / "copied/manifest.json").read_bytes()
    assert "sha256:" + hashlib.sha256(copied).hexdigest() == summary["manifest"]
    call("copy", "--insecure-policy", "oci:out", "docker-archive:copied.tar")
    for archive in ("copied.tar", "out.tar"):
        call("copy", "--insecure-policy", f"docker-archive:{archive}", f"dir:{archive}.dir")
        manifest = json.loads((tmp_path / f"{archive}.dir/manifest.json").read_bytes())
        assert manifest["config"]["digest"] == summary["config"]
        assert [one["digest"] for one in manifest["layers"]] == [
            one["diff_id"] for one in summary["layers"]
        ]
    call("copy", "--insecure-policy", "oci-archive:out.tar", "dir:again")
    assert (tmp_path / "again/manifest.json").read_bytes() == copied
