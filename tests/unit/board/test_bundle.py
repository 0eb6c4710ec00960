"""Bundles of images: layers, whiteouts, settings, and what a board cannot run."""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from board import bundle, cpio
from board.errors import BoardError
from ociimage.layout import canonical, gzip_member, write_blob

from tests.unit.board.test_cpio import members

CONFIG = {
    "User": "65532:65531",
    "Entrypoint": ["/agent"],
    "Cmd": ["--listen", ":8080"],
    "ExposedPorts": {"8080/tcp": {}},
    "Env": ["A=b c"],
    "Healthcheck": {"Test": ["CMD", "/agent", "--health"]},
}
PROGRAM = b'\x7fELF {"schema":1,"state":"0123456789abcdef"}'


def layer(*entries: tuple[str, bytes | str | None], links: dict[str, str] | None = None) -> bytes:
    """Return a tar: bytes are a file, text is a symlink, None is a folder; `links` are hard."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in entries:
            info = tarfile.TarInfo(path)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
        for path, target in (links or {}).items():
            info = tarfile.TarInfo(path)
            info.type, info.linkname = tarfile.LNKTYPE, target
            tar.addfile(info)
    return out.getvalue()


def layout(folder: Path, config: dict[str, Any], *layers: bytes, packed: bool = True) -> Path:
    """Write an OCI layout with one image."""
    kind = "application/vnd.oci.image.layer.v1.tar" + "+gzip" * packed
    blobs = [write_blob(folder, kind, gzip_member(tar) if packed else tar) for tar in layers]
    described = write_blob(folder, "config", canonical({"config": config}))
    manifest = {
        "config": described.document(),
        "layers": [blob.document() for blob in blobs],
    }
    written = write_blob(folder, "manifest", canonical(manifest))
    (folder / "index.json").write_text(json.dumps({"manifests": [written.document()]}))
    return folder


def image(folder: Path, **changes: object) -> bundle.Image:
    """Return an image of one program with changes of its configuration."""
    tar = layer(("data", None), ("agent", PROGRAM))
    return bundle.read_image(layout(folder, {**CONFIG, **changes}, tar))


def settings(packed: bundle.Bundle) -> list[str]:
    """Return the rows of a bundle's settings."""
    name, _, content = members(packed.content)[0]
    assert name == "settings"
    return content.decode().splitlines()


def test_a_bundle_says_what_runs_as_whom_and_whose_state_it_takes(tmp_path: Path) -> None:
    packed = bundle.pack(image(tmp_path))
    assert settings(packed) == [
        "bgbundle 1",
        "user 65532",
        "group 65531",
        "port 8080",
        "state /data",
        "identity 0123456789abcdef",
        "run /agent",
        "run --listen",
        "run :8080",
        "run --state",
        "run /data/state",
        "health /agent",
        "health --health",
        "env A=b c",
    ]
    assert [name for name, _, _ in members(packed.content)[1:-1]] == ["root/agent", "root/data"]
    assert packed.digest == sha256(packed.content).hexdigest()
    assert packed.name == f"sha256-{packed.digest}.cpio"


def test_a_note_changes_nothing_but_the_digest(tmp_path: Path) -> None:
    one, two = bundle.pack(image(tmp_path / "a")), bundle.pack(image(tmp_path / "b"), "again")
    assert one.digest != two.digest and settings(two) == [*settings(one), "note again"]


def test_upper_layers_replace_and_remove(tmp_path: Path) -> None:
    lower = layer(
        ("etc", None), ("etc/a", b"1"), ("etc/b", b"2"), ("old", None), ("old/x", b"3"), ("c", b"4")
    )
    upper = layer(("etc/.wh.a", b""), ("old/.wh..wh..opq", b""), ("old/y", b"5"), (".wh.c", b""))
    for packed in (True, False):
        root = bundle.read_image(
            layout(tmp_path / str(packed), CONFIG, lower, upper, packed=packed)
        ).root
        assert sorted(root) == ["etc", "etc/b", "old", "old/y"]


def test_links_are_kept_or_copied(tmp_path: Path) -> None:
    tar = layer(("agent", PROGRAM), ("bin", "usr/bin"), links={"other": "agent"})
    root = bundle.read_image(layout(tmp_path, CONFIG, tar)).root
    assert root["bin"].data == b"usr/bin"
    assert (root["other"].data, root["other"].mode) == (root["agent"].data, root["agent"].mode)


@pytest.mark.parametrize("user", ["", "0", "0:0", "root", "agent"])
def test_a_user_that_is_no_ordinary_number_is_refused(tmp_path: Path, user: str) -> None:
    with pytest.raises(BoardError, match="not the number of an ordinary user"):
        bundle.pack(image(tmp_path, User=user))


def test_a_word_with_a_line_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="without line ends"):
        bundle.pack(image(tmp_path, Env=["A=1\nrun /evil"]))


def test_settings_that_boardinit_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="more than 8191 bytes"):
        bundle.pack(image(tmp_path, Env=["A=" + "x" * 8200]))


def test_a_damaged_blob_is_refused(tmp_path: Path) -> None:
    folder = layout(tmp_path, CONFIG, layer(("agent", PROGRAM)))
    for blob in (folder / "blobs/sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(BoardError, match="is damaged"):
        bundle.read_image(folder)


def test_an_image_without_a_port_or_health_check(tmp_path: Path) -> None:
    plain = image(tmp_path, ExposedPorts=None, Healthcheck={"Test": ["NONE"]}, Cmd=None)
    rows = settings(bundle.pack(plain))
    assert "port 0" in rows and not [row for row in rows if row.startswith("health")]
    assert bundle.command(plain) == ["/agent", "--state", "/data/state"]
    assert isinstance(plain.root["agent"], cpio.Member)
