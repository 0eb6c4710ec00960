"""Secrets of the user and traces of the host are in no output, stored file, log or trace."""

from __future__ import annotations

import os
import platform
import secrets
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildgraph.sandbox.job import LEVELS
from tests.support.fault_counts import Tally
from tests.support.requirements import absent
from tests.support.workspace import Space, space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
NAMES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "NPM_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "SSH_AUTH_SOCK",
    "GPG_AGENT_INFO",
    "KUBECONFIG",
    "DATABASE_URL",
    "PGPASSWORD",
    "PIP_INDEX_URL",
    "http_proxy",
    "HF_TOKEN",
    "OPENAI_API_KEY",
    "USER",
    "LOGNAME",
    "HOSTNAME",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
)
FILES = (
    ".netrc",
    ".docker/config.json",
    ".ssh/id_ed25519",
    ".aws/credentials",
    ".pypirc",
    ".gitconfig",
    ".bash_history",
)
BESIDE = (".env", ".git/config", "notes.txt")
GREEDY = """
import os, pathlib, sys
found = [repr(sorted(os.environ.items())), os.getcwd(), repr(sys.argv)]
for place in sys.argv[2:]:
    try:
        found.append(pathlib.Path(place).read_text())
    except OSError as fault:
        found.append(type(fault).__name__)
pathlib.Path(sys.argv[1]).write_text("\\n".join(found))
print("\\n".join(found))
"""
TOML = """
[workspace]
name = "w"

[greedy]
rule = "command"
inputs = {{ tool = "greedy.py" }}
outputs = {{ o = "o" }}
argv = ["python3", "{{tool}}", "{{o}}", {places}]

[failing]
rule = "command"
outputs = {{ o = "o" }}
argv = ["sh", "-c", "env; pwd; exit 1"]
"""


def greedy(of: Space, home: Path) -> dict[str, str]:
    """Create an action that reads all it can; return the canaries by the name of their place."""
    canaries = {name: f"canary{secrets.token_hex(12)}" for name in (*NAMES, *FILES, *BESIDE)}
    for names, folder in ((FILES, home), (BESIDE, of.root)):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(canaries[name])
    of.env |= {name: canaries[name] for name in NAMES} | {"HOME": str(home)}
    places = [
        *(str(home / name) for name in FILES),
        *BESIDE,
        *(f"../{name}" for name in BESIDE),
        "/proc/1/environ",
        f"/proc/{os.getpid()}/environ",
        "/proc/self/environ",
    ]
    of.write("BUILD.toml", TOML.format(places=", ".join(f'"{place}"' for place in places)))
    of.write("greedy.py", GREEDY)
    return canaries


def kept(of: Space) -> Iterator[tuple[str, bytes]]:
    """Yield every file that a build leaves, unpacked where it is compressed."""
    for top in (of.cache, of.root / ".buildgraph", of.root / "out"):
        for path in top.rglob("*"):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                yield str(path), data
                try:
                    yield f"{path}, unpacked", zlib.decompress(data, 47)
                except zlib.error:
                    pass


@pytest.mark.parametrize("level", LEVELS[:2])
def test_no_secret_is_kept(tmp_path: Path, level: str, tally: Callable[[str, int], Tally]) -> None:
    """The level `none` promises nothing, because actions can read the home folder."""
    of, home = space(tmp_path, ""), tmp_path / "home"
    home.mkdir()
    canaries = greedy(of, home)
    count = tally("secret", len(canaries))
    trace = tmp_path / "trace.json"
    words = of.command("build", "-k", "--sandbox", level, "--trace", str(trace), "//...")
    # Paths in argv are in the key, and so in the record; their contents must not be.
    done = subprocess.run(
        words, cwd=of.root, env=of.environ(), capture_output=True, text=True, check=False
    )
    if done.returncode == 30:
        absent(f"the sandbox {level} does not work here")
    assert done.returncode == 1 and (of.root / "out/greedy/o").stat().st_size > 100, done.stderr
    everything = [
        *kept(of),
        ("trace", trace.read_bytes()),
        ("screen", (done.stdout + done.stderr).encode()),
    ]
    for name, canary in canaries.items():
        assert not [path for path, data in everything if canary.encode() in data], name
    outputs = [
        (path, data)
        for path, data in everything
        if str(of.root) in path and "/.buildgraph/manifests/" not in path
    ]
    assert outputs and not [
        path for path, data in outputs if platform.node().encode() in data and level == "namespaces"
    ]
    count.survived(len(canaries))
