"""`build --check` runs actions again and reports outputs that depend on more than their inputs."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from buildgraph.explain.content_diff import first_difference
from tests.support.requirements import absent
from tests.support.workspace import Space, space

TABLE = """
[{name}]
rule = "command"
inputs = {{ tool = "{name}.py", other = "words.txt" }}
outputs = {{ o = "{output}" }}
argv = ["python3", "{{tool}}", "{{o}}"]
"""


def python_workspace(folder: Path, **tools: str) -> Space:
    """A workspace with a command per Python program; `x__json` writes `x.json`, `tree` a folder."""
    tables = "".join(
        TABLE.format(name=name, output="t/" if name == "tree" else name.replace("__", "."))
        for name in tools
    )
    workspace = space(folder, '[workspace]\nname = "w"\n' + tables)
    workspace.write("words.txt", "words\n")
    for name, program in tools.items():
        workspace.write(f"{name}.py", "import os, sys, time, json\nout = sys.argv[1]\n" + program)
    return workspace


def differences(workspace: Space, *words: str, code: int) -> dict[str, str]:
    """Label -> first difference of an output."""
    events = workspace.run("build", "--json", *words, code=code).events
    judged = [event for event in events if event["event"] == "judged"]
    return {event["label"]: event["why"] for event in judged if event["verdict"] == "failed"}


def test_outputs_that_depend_on_inputs_only_pass(tmp_path: Path) -> None:
    workspace = python_workspace(
        tmp_path, good="open(out, 'w').write('x')\n", tree="open(out + '/f', 'w').write('x')\n"
    )
    assert differences(workspace, "--check", "//...", code=0) == {}
    done = workspace.run("build", "--check", "//...").out
    assert "passed       check: 2 actions produced the same outputs again" in done


BROKEN = {
    "time__json": ("json.dump({'a': [1, {'at': time.time_ns()}]}, open(out, 'w'))", "$.a[1].at: "),
    "zone": ("open(out, 'w').write('same\\n' + time.strftime('%Z'))", "line 2: 'UTC' -> "),
    "order": (
        "open(out, 'w').write(' '.join({'one', 'two', 'three', 'four', 'five', 'six', 'seven'}))",
        "line 1: ",
    ),
    "cpus": ("open(out, 'w').write(str(len(os.sched_getaffinity(0))))", "line 1: "),
    "mask": (
        "open(out, 'w'); os.chmod(out, 0o700 if os.umask(0) == 0o22 else 0o600)",
        "executable: True -> False",
    ),
    "tree": ("open(out + '/' + str(time.time_ns()), 'w')", " is only in the first"),
    "dies": (
        "open(out, 'w')\nif os.umask(0) != 0o22: sys.exit('no luck')",
        "it succeeded once, then failed: exit code 1: no luck",
    ),
}


def _needs_two_cpus() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        absent("this machine has one CPU")


@pytest.mark.parametrize("name", BROKEN)
def test_each_hidden_dependency_is_reported(tmp_path: Path, name: str) -> None:
    program, why = BROKEN[name]
    if name == "cpus":
        _needs_two_cpus()
    workspace = python_workspace(tmp_path, **{name: program, "good": "open(out, 'w').write('x')\n"})
    workspace.build("//...")
    reasons = differences(workspace, "--check", "//...", code=3)
    assert list(reasons) == [f"//:{name}"] and why in reasons[f"//:{name}"]


def test_a_limit_selects_the_same_actions_each_time(tmp_path: Path) -> None:
    program = "open(out, 'w').write('{}' + str(time.time_ns()))"
    workspace = python_workspace(
        tmp_path, **{f"n{number}": program.format(number) for number in range(6)}
    )
    workspace.build("//...")
    first = differences(workspace, "--check=2", "//...", code=3)
    assert len(first) == 2 and list(differences(workspace, "--check=2", "//...", code=3)) == list(
        first
    )
    assert len(differences(workspace, "--check", "//...", code=3)) == 6


def test_the_built_outputs_stay_as_they_are(tmp_path: Path) -> None:
    workspace = python_workspace(tmp_path, late="open(out, 'w').write(str(time.time_ns()))\n")
    workspace.build("//...")
    before = (workspace.root / "out/late/late").read_text()
    differences(workspace, "--check", "//...", code=3)
    workspace.build("//...")
    assert (workspace.root / "out/late/late").read_text() == before
    assert not list((workspace.cache / "work").iterdir()) and not list(
        (workspace.cache / "tmp").iterdir()
    )


def test_a_wrong_number_is_refused(tmp_path: Path) -> None:
    workspace = python_workspace(tmp_path, good="open(out, 'w')")
    assert "no number" in workspace.run("build", "--check=x", "//...", code=2).err


def zipped(**members: bytes) -> bytes:
    """A zip with members of one time."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return data.getvalue()


def array(shape: tuple[int, ...], *values: float, fortran: bool = False) -> bytes:
    """A .npy file of float64."""
    head = str({"descr": "<f8", "fortran_order": fortran, "shape": shape})
    head = head[:-1] + ", }" + " " * (117 - len(head)) + "\n"
    data = struct.pack(f"<{len(values)}d", *values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data


def tarred(mtime: int, content: bytes) -> bytes:
    """A tar of one file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        info = tarfile.TarInfo("etc/x.json")
        info.size, info.mtime = len(content), mtime
        archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def elf(text: bytes) -> bytes:
    """The smallest 64-bit ELF file with sections."""
    names = b"\0.text\0.shstrtab\0"
    body = text.ljust(16, b"\0") + names
    heads = [(0, 0, 0, 0, 0, 0), (1, 1, 0, 0, 64, len(text)), (7, 3, 0, 0, 80, len(names))]
    table = b"".join(struct.pack("<IIQQQQ", *head) + bytes(24) for head in heads)
    start = b"\x7fELF\x02\x01\x01".ljust(40, b"\0") + struct.pack(
        "<QIHHHHHH", 64 + len(body), 0, 64, 0, 0, 64, 3, 2
    )
    return start + body + table


CASES = [
    (b'{"a":[1,2]}', b'{"a":[1,3]}', "$.a[1]: 2 -> 3"),
    (b'{"a":1}', b'{"b":1,"a":1}', "$.b: nothing -> 1"),
    (b'{"a": 1}', b'{"a":1}', "line 1: '{\"a\": 1}' -> '{\"a\":1}'"),
    (b"one\ntwo\n", b"one\n2\n", "line 2: 'two\\n' -> '2\\n'"),
    (array((2, 3), *range(6)), array((2, 3), 0, 1, 2, 3, 9, 5), "[1, 1]: 4.0 -> 9.0"),
    (
        array((2, 3), *range(6), fortran=True),
        array((2, 3), 0, 1, 2, 3, 9, 5, fortran=True),
        "[2, 0]: 4.0 -> 9.0",
    ),
    (array((2,), 0, 1), array((1, 2), 0, 1), "type and shape: f8 [2] -> f8 [1, 2]"),
    (zipped(a=b"1", b=array((1,), 1)), zipped(a=b"1", b=array((1,), 2)), "b: [0]: 1.0 -> 2.0"),
    (zipped(a=b"1"), zipped(a=b"1", b=b""), "b is only in the second"),
    (tarred(0, b"[1]"), tarred(7, b"[1]"), "etc/x.json: mtime 0 -> 7"),
    (tarred(0, b"[1]"), tarred(0, b"[2]"), "etc/x.json: $[0]: 1 -> 2"),
    (elf(b"abc"), elf(b"abd"), "section .text: byte 0x2: 63 -> 64"),
    (b"\0a", b"\0b", "byte 0x1: 61 -> 62"),
    (b"\0a", b"\0ab", "2 bytes -> 3 bytes"),
    (b"PK\x03\x04 damaged", b"PK\x03\x04 damages", "line 1: "),
    (b"[" * 100_000, b"[" * 100_000 + b"1", "line 1: "),
    (b"same", b"same", ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[2])
def test_differences_are_described_by_the_format_of_the_file(
    case: tuple[bytes, bytes, str],
) -> None:
    before, after, expected = case
    text = first_difference(before, after)
    assert text == expected or (expected.endswith(": ") and text.startswith(expected))


def test_json_in_a_tree_is_named_by_its_path(tmp_path: Path) -> None:
    workspace = python_workspace(
        tmp_path,
        tree="os.mkdir(out + '/d')\njson.dump([time.time_ns()], open(out + '/d/x.json', 'w'))\n",
    )
    workspace.build("//...")
    assert "t/d/x.json: $[0]: " in json.dumps(differences(workspace, "--check", "//...", code=3))
