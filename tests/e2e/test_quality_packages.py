"""Tools from lock files: trees in the store that gates run, without network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

from tests.support.requirements import need
from tests.support.workspace import Space, space

PYTHON = """
[workspace]
name = "w"

[tools]
rule = "python_packages"
lock = "pylock.toml"
files = ["wheels/*.whl"]

[checks.style]
rule = "flake8"
srcs = ["*.py"]
tools = "//:tools"
"""
NODE = """
[workspace]
name = "w"

[tools]
rule = "node_packages"
lock = "package-lock.json"
files = ["packages/*.tgz"]

[own]
rule = "node_packages"
modules = ["node_modules/**"]

[checks.locked]
rule = "gate"
argv = ["node:check", "{text}"]
inputs = { text = "a.txt" }
tools = "//:tools"

[checks.own]
rule = "gate"
argv = ["node:check", "{text}"]
inputs = { text = "a.txt" }
tools = "//:own"
"""
FLAKE8 = """\
import sys

for path in sys.argv[sys.argv.index("--") + 1 :]:
    for number, line in enumerate(open(path), 1):
        if "bad" in line:
            print(f"{path}:{number}:1: X1 bad")
            sys.exit(1)
"""
CHECK = """\
const { readFileSync, writeFileSync } = require("fs");
writeFileSync(process.argv[2] + ".copy", "the folder can be written");
process.exit(readFileSync(process.argv[2], "utf8").includes("bad") ? 1 : 0);
"""


def python_space(folder: Path) -> Space:
    """A workspace whose flake8 is a small program in a wheel."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("flake8/__init__.py", "")
        packed.writestr("flake8/__main__.py", FLAKE8)
    digest = hashlib.sha256(stream.getvalue()).hexdigest()
    workspace = space(folder, PYTHON)
    workspace.write("wheels/flake8-9-py3-none-any.whl", stream.getvalue())
    workspace.write(
        "pylock.toml",
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "flake8"\n'
        '[[packages.wheels]]\nurl = "https://files.example.org/flake8-9-py3-none-any.whl"\n'
        f'hashes = {{ sha256 = "{digest}" }}\n',
    )
    workspace.write("a.py", "good\n")
    return workspace


def test_a_python_tool_comes_from_its_lock(tmp_path: Path) -> None:
    workspace = python_space(tmp_path)
    workspace.run("test", "//checks:style")
    workspace.write("a.py", "good\nbad\n")
    run = workspace.run("test", "//checks:style", code=1)
    assert "a.py:2:1: error: X1 bad" in run.err


def test_a_wheel_that_is_not_that_of_the_lock_is_refused(tmp_path: Path) -> None:
    workspace = python_space(tmp_path)
    workspace.write("wheels/flake8-9-py3-none-any.whl", b"other")
    run = workspace.run("test", "//checks:style", code=2)
    assert "none of the 1 files has the hash of https://files.example.org/flake8-9" in run.err
    assert "BUILD.toml:7" in run.err


def test_a_node_tool_comes_from_its_lock_or_from_node_modules(tmp_path: Path) -> None:
    need("node")
    manifest = json.dumps({"name": "checker", "bin": {"check": "check.js"}})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, text in (("package.json", manifest), ("check.js", CHECK)):
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text)
            packed.addfile(info, io.BytesIO(text.encode()))
    data = stream.getvalue()
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
    row = {"version": "1.0.0", "integrity": integrity}
    workspace = space(tmp_path, NODE)
    workspace.write("packages/checker.tgz", data)
    workspace.write(
        "package-lock.json",
        json.dumps({"lockfileVersion": 3, "packages": {"node_modules/checker": row}}),
    )
    workspace.write("node_modules/checker/package.json", manifest)
    workspace.write("node_modules/checker/check.js", CHECK)
    workspace.write("a.txt", "good")
    workspace.run("test", "//checks:*")
    workspace.write("a.txt", "bad")
    for label in ("//checks:locked", "//checks:own"):
        run = workspace.run("test", "--json", label, code=1)
        assert [e["title"] for e in run.events if e["event"] == "failed"] == [
            f"gate {label.rpartition(':')[2]}"
        ]
