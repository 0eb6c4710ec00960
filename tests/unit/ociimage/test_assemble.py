"""The program `assemble_image`: options, refusals, and bytes that depend on nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import assemble_image
import pytest

TOOL = Path(assemble_image.__file__)
CONFIG: dict[str, Any] = {
    "architecture": "arm64",
    "variant": "v8",
    "entrypoint": ["/bin/agent"],
    "cmd": ["--tick", "5"],
    "env": {"B": "2", "A": "1"},
    "labels": {"org.opencontainers.image.title": "foragers"},
    "healthcheck": {
        "test": ["/bin/agent", "--health"],
        "interval": "10s",
        "timeout": "500ms",
        "retries": 3,
    },
}
# The bytes of every image depend on this: a change here changes all images.
GOLDEN = "sha256:be091df3f6bab72ee232a2b33a760836eb66f3bf92f51f1a0bdd415ee6839f52"


def inputs(folder: Path, **changes: Any) -> list[str]:
    """A small agent, a model and a configuration in `folder`, and the arguments that pack them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent").write_bytes(b"\x7fELF agent")
    (folder / "agent").chmod(0o755)
    (folder / "scout").write_bytes(bytes(range(256)) * 40)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    return [
        "--layer",
        "program",
        "--file",
        f"bin/agent={folder}/agent:0755",
        "--layer",
        "models",
        "--file",
        f"models/scout.f32={folder}/scout",
        "--dir",
        "tmp:1777",
        "--config",
        f"{folder}/config.json",
        "--annotation",
        "org.opencontainers.image.source=//exports:jetson",
        "--out",
        f"{folder}/out",
        "--tar",
        f"{folder}/out.tar",
        "--summary",
        f"{folder}/summary.json",
    ]


def config_of(folder: Path) -> dict[str, Any]:
    """The configuration blob of the image in `folder`/out."""
    digest = json.loads((folder / "summary.json").read_bytes())["config"]
    built: dict[str, Any] = json.loads(
        (folder / "out/blobs" / digest.replace(":", "/")).read_bytes()
    )
    return built


def refusal(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The message of a refusal, as one line."""
    assert assemble_image.main(argv) == 1
    message = capsys.readouterr().err
    assert message.startswith("assemble: ") and message.count("\n") == 1
    return message


def digest_of_all(folder: Path) -> str:
    """One digest of the names and bytes of all that was written."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            whole.update(f"{path.relative_to(folder)} {content}\n".encode())
    return whole.hexdigest()


def test_golden_manifest(tmp_path: Path) -> None:
    assert assemble_image.main(inputs(tmp_path)) == 0
    assert json.loads((tmp_path / "summary.json").read_bytes())["manifest"] == GOLDEN


def test_order_of_files_in_a_layer_does_not_matter_and_order_of_layers_does(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    digests = []
    base = inputs(tmp_path)[-12:-6]
    for number, files in enumerate(
        (["bin/agent", "a"], ["a", "bin/agent"], ["a", "/", "bin/agent"])
    ):
        argv = ["--layer", "one"]
        for name in files:
            argv += ["--layer", "two"] if name == "/" else ["--file", f"{name}={tmp_path}/f:755"]
        assert assemble_image.main([*argv, *base[:4], "--out", f"{tmp_path}/{number}"]) == 0
        digests.append(digest_of_all(tmp_path / str(number)))
    assert digests[0] == digests[1] != digests[2]


def test_the_configuration(tmp_path: Path) -> None:
    assert assemble_image.main([*inputs(tmp_path), "--epoch", "86400"]) == 0
    config = config_of(tmp_path)
    assert (config["architecture"], config["os"], config["variant"]) == ("arm64", "linux", "v8")
    assert config["created"] == "1970-01-02T00:00:00Z"
    assert [entry["created"] for entry in config["history"]] == [config["created"]] * 2
    assert [entry["created_by"] for entry in config["history"]] == [
        "buildgraph: layer program",
        "buildgraph: layer models",
    ]
    assert config["config"] == {
        "User": "65532:65532",
        "WorkingDir": "/",
        "Entrypoint": ["/bin/agent"],
        "Cmd": ["--tick", "5"],
        "Env": ["A=1", "B=2"],
        "Labels": {"org.opencontainers.image.title": "foragers"},
        "Healthcheck": {
            "Test": ["CMD", "/bin/agent", "--health"],
            "Interval": 10**10,
            "Timeout": 5 * 10**8,
            "Retries": 3,
        },
    }


def test_members_of_the_layers(tmp_path: Path) -> None:
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/run").write_bytes(b"#")
    (tmp_path / "tree/sub/run").chmod(0o700)
    (tmp_path / "tree/link").symlink_to("sub/run")
    argv = inputs(tmp_path)
    assert assemble_image.main(["--tree", f"opt={tmp_path}/tree:10:20", *argv]) == 0
    layers = json.loads((tmp_path / "summary.json").read_bytes())["layers"]
    result = []
    for layer in layers:
        with tarfile.open(tmp_path / "out/blobs" / layer["digest"].replace(":", "/")) as members:
            result.append(
                [(m.name, oct(m.mode), m.uid, m.gid, m.mtime, m.linkname) for m in members]
            )
    assert [layer["name"] for layer in layers] == ["files", "program", "models"]
    assert result == [
        [
            ("opt", "0o755", 10, 20, 0, ""),
            ("opt/link", "0o777", 10, 20, 0, "sub/run"),
            ("opt/sub", "0o755", 10, 20, 0, ""),
            ("opt/sub/run", "0o755", 10, 20, 0, ""),
        ],
        [("bin", "0o755", 0, 0, 0, ""), ("bin/agent", "0o755", 0, 0, 0, "")],
        [
            ("models", "0o755", 0, 0, 0, ""),
            ("models/scout.f32", "0o644", 0, 0, 0, ""),
            ("tmp", "0o1777", 0, 0, 0, ""),
        ],
    ]


def test_a_folder_is_the_same_in_every_layer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = inputs(tmp_path)
    assert assemble_image.main([*argv, "--dir", "bin:0750:7:8"]) == 0
    for layer in json.loads((tmp_path / "summary.json").read_bytes())["layers"]:
        with tarfile.open(tmp_path / "out/blobs" / layer["digest"].replace(":", "/")) as members:
            result = members.getmember("bin")
            assert (result.mode, result.uid, result.gid) == (0o750, 7, 8)
    shutil.rmtree(tmp_path / "out")
    assert "'bin' is in layer" in refusal(["--dir", "bin:0700", *argv, "--dir", "bin:0750"], capsys)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--file", "/etc/x={f}", "absolute"),
        ("--file", "../x={f}", "plain relative path"),
        ("--file", "bin/agent={f}", "'bin/agent' is in layer 'program' and in 'models'"),
        ("--file", "models/scout.f32={f}", "given twice"),
        ("--file", "models={f}", "needs it to be a directory"),
        ("--file", "x={f}:4755", "setuid"),
        ("--file", "x={f}.absent", "is not a file here"),
        ("--file", "nothing", "not of the form IMAGE=HOST"),
        ("--tree", "x={f}", "not a folder"),
        ("--layer", "empty", "layer 'empty' is empty"),
        ("--dir", "tmp:0700", "given twice"),
        ("--owner", "root", "UID:GID"),
        ("--annotation", "novalue", "KEY=VALUE"),
        ("--annotation", "name=\udcff", "surrogates not allowed"),
    ],
)
def test_arguments_that_are_refused(
    option: str, value: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = inputs(tmp_path)
    assert words in refusal([*argv, option, value.format(f=f"{tmp_path}/scout")], capsys)
    assert not (tmp_path / "out/index.json").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": "0"}, "superuser"),
        ({"user": "0:5"}, "superuser"),
        ({"user": "agent"}, "in numbers"),
        ({"entrypoint": "/bin/agent --tick"}, "list of strings"),
        ({"entrypoint": ["agent"]}, "absolute path"),
        ({"entrypoint": ["/bin/agnet"]}, "no layer holds"),
        ({"entrypoint": ["/models/scout.f32"]}, "may not execute"),
        ({"entrypont": ["/bin/agent"]}, "did you mean 'entrypoint'?"),
        ({"architecture": "aarch64"}, "is not one of"),
        ({"env": {"A=B": "1"}}, "environment variable"),
        ({"env": ["A=1"]}, "table of strings"),
        ({"labels": {"a": 1}}, "table of strings"),
        ({"workingdir": "tmp"}, "absolute"),
        ({"healthcheck": {"test": ["/bin/sh", "-c", "x"]}}, "no layer holds"),
        (
            {"healthcheck": {"test": ["/bin/agent"], "interval": 5}},
            "healthcheck.interval must be a time",
        ),
        ({"healthcheck": {"test": ["/bin/agent"], "retries": 0}}, "healthcheck.retries"),
        ({"healthcheck": {"test": ["/bin/agent"], "intervall": "5s"}}, "did you mean 'interval'?"),
        ({"healthcheck": {"interval": "5s"}}, "'test'"),
    ],
)
def test_configurations_that_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refusal(inputs(tmp_path, **changes), capsys)


def test_a_used_output_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = inputs(tmp_path)
    assert assemble_image.main(argv) == 0
    assert "is not empty" in refusal(argv, capsys)
