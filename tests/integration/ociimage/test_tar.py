"""Archives listed by the tar of the host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ociimage import tar

from tests.support.requirements import need
from tests.unit.ociimage.test_tar import packed


def test_the_host_tar_agrees(tmp_path: Path) -> None:
    entries = tar.complete(
        [tar.Entry("a/" + "n" * 120, source=b"deep"), tar.Entry("é", source=b"1")]
    )
    (tmp_path / "x.tar").write_bytes(packed(entries))
    (tmp_path / "out").mkdir()
    subprocess.run([need("tar"), "-xf", "x.tar", "-C", "out"], cwd=tmp_path, check=True, timeout=10)
    assert (tmp_path / "out/a" / ("n" * 120)).read_bytes() == b"deep"
    assert (tmp_path / "out/é").read_bytes() == b"1"
