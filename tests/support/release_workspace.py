"""A workspace for tests of releases: a git repository whose images take milliseconds to build."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.requirements import need
from tests.support.workspace import Space

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0100",
    "GIT_COMMITTER_DATE": "1700000000 +0100",
}
BUILD = """[workspace]
name = "swarm"

[workspace.release]
source = "https://example.org/swarm.git"
licenses = "Apache-2.0"

[exports.jetson]
rule = "command"
inputs = { tool = "make_image.py", text = "hello.txt" }
outputs = { image = "image/", note = "note.txt" }
argv = ["python3", "{tool}", "{text}", "{image}", "{note}", "arm64"]

[exports.pc]
rule = "command"
inputs = { tool = "make_image.py", text = "hello.txt" }
outputs = { image = "image/", note = "note.txt" }
argv = ["python3", "{tool}", "{text}", "{image}", "{note}", "amd64"]

[checks.text]
rule = "gate"
inputs = { text = "hello.txt" }
argv = ["python3", "-c", "import sys; sys.exit('hello' not in open(sys.argv[1]).read())", "{text}"]
"""
TOOL = '''"""Write an OCI layout of one layer with a file, a folder and a link."""
import gzip, hashlib, io, json, os, sys, tarfile

text, out, note, arch = sys.argv[1:]
blobs = os.path.join(out, "blobs", "sha256")
os.makedirs(blobs, exist_ok=True)


def blob(kind, data):
    name = hashlib.sha256(data).hexdigest()
    open(os.path.join(blobs, name), "wb").write(data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{name}",
            "size": len(data)}


data, raw = open(text, "rb").read(), io.BytesIO()
with tarfile.open(fileobj=raw, mode="w") as archive:
    kinds = {"agent": tarfile.REGTYPE, "data": tarfile.DIRTYPE, "run": tarfile.SYMTYPE}
    for name, kind in kinds.items():
        member = tarfile.TarInfo(name)
        member.type = kind
        member.size = len(data) if name == "agent" else 0
        member.linkname = "agent" if name == "run" else ""
        archive.addfile(member, io.BytesIO(data))
diff = hashlib.sha256(raw.getvalue()).hexdigest()
layer = blob("layer.v1.tar+gzip", gzip.compress(raw.getvalue(), mtime=0))
config = {"architecture": arch, "os": "linux", "config": {"Labels": {"title": "agent"}},
          "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]}}
config = blob("config.v1+json", json.dumps(config).encode())
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [layer]}
manifest = blob("manifest.v1+json", json.dumps(manifest).encode())
index = {"schemaVersion": 2, "manifests": [manifest]}
json.dump(index, open(os.path.join(out, "index.json"), "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(os.path.join(out, "oci-layout"), "w"))
config = "blobs/" + config["digest"].replace(":", "/")
layer = "blobs/" + layer["digest"].replace(":", "/")
docker = [{"Config": config, "RepoTags": None, "Layers": [layer]}]
json.dump(docker, open(os.path.join(out, "manifest.json"), "w"))
open(note, "w").write("a note\\n")
'''
FILES = {
    "BUILD.toml": BUILD,
    "make_image.py": TOOL,
    "hello.txt": "hello\n",
    ".gitignore": "/out/\n/.buildgraph/\n/releases/\n",
}


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, without the user's configuration, and return what it prints."""
    need("git")
    return subprocess.run(
        ["git", "-C", str(folder), *words],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | GIT,
    ).stdout


def release_workspace(
    folder: Path, files: Mapping[str, str] = FILES, cache: Path | None = None
) -> Space:
    """Create a workspace with one commit in `folder/w`."""
    space = Space(folder / "w", cache or folder / "cache", dict(GIT))
    for name, text in files.items():
        space.write(name, text)
    git(space.root, "init", "-q", "-b", "main")
    commit(space)
    return space


def commit(space: Space, message: str = "a commit") -> str:
    """Commit all files of a workspace; return the hash."""
    git(space.root, "add", "-A")
    git(space.root, "commit", "-q", "--allow-empty", "-m", message)
    return git(space.root, "rev-parse", "HEAD").strip()
