"""Each input of an action, changed alone, changes the keys of the actions that use it and no other.

`why` names the changed input. A change of anything else changes no key. The tests install a copy of
the program, so they can change its tools, its interpreter, a distribution and a program of the
host, too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench.installed import installed
from tests.support.fault_counts import Tally

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mutations")]
RULES = '''
from dataclasses import dataclass
from buildgraph import Artifact, Ctx, Out, Program, Provider, rule
from buildgraph.rules.hardware import Hardware

@dataclass(frozen=True)
class Made(Provider):
    """What was made."""

    made: Artifact

@rule
def asked(ctx: Ctx, hardware: Hardware, level: str = "low") -> Made:
    """Reads one field of a board in argv, and one as a property of the platform that it runs on."""
    argv = (Program("sh"), "-c", "echo $0 > out/o", hardware.cpu)
    platform = (("profile field arch", hardware.arch), ("level", level))
    (made,) = ctx.run(argv, outputs=[Out("o")], title="a title", platform=platform)
    return Made(made)
'''
TOML = """
[workspace]
name = "w"
rules = ["my_rules.py"]

[board]
rule = "hardware"
profile = "raspberry-pi-5"

[asked]
rule = "asked"
hardware = ":board"

[copied]
rule = "command"
inputs = { text = "text.txt", link = "link.txt", run = "run.sh" }
outputs = { o = "o" }
argv = ["sh", "-c", "cat {text} {link} > {o}", "word"]
env = { NAME = "value", OTHER = "value" }
programs = ["odd"]
timeout = "50s"

[gathered]
rule = "files"
srcs = ["some/*"]

[python]
rule = "command"
inputs = { tool = "tool.py", made = ":copied" }
outputs = { o = "o" }
argv = ["python3", "{tool}", "{made}", "{o}"]
packages = ["oddity"]
"""
FILES = {
    "text.txt": "text\n",
    "one.txt": "one\n",
    "two.txt": "two\n",
    "run.sh": "#!/bin/sh\n",
    "some/a": "a\n",
    "some/b": "b\n",
    "tool.py": "import sys\nopen(sys.argv[2], 'w').write(open(sys.argv[1]).read())\n",
    "my_rules.py": RULES,
    "BUILD.toml": TOML,
}
EVERYTHING = {"//:asked", "//:copied", "//:gathered", "//:python"}


@dataclass
class World:
    """A workspace and the installation that builds it."""

    root: Path
    cache: Path
    program: Path
    site: Path
    programs: Path
    base: dict[str, str] = field(default_factory=dict)  # the keys of the first build

    def run(
        self,
        *words: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        umask: int = 0o022,
    ) -> str:
        """Run the program and return its standard output."""
        environ = (
            dict(os.environ)
            | {"BUILDGRAPH_CACHE": str(self.cache), "BUILDGRAPH_SANDBOX": "none"}
            | dict(env or {})
        )
        process = subprocess.run(
            [str(self.program), *words],
            cwd=cwd or self.root,
            env=environ,
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def keys(
        self,
        *words: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        umask: int = 0o022,
    ) -> dict[str, str]:
        """Build and map each label to its key; no manifest is used, since it has no keys."""
        shutil.rmtree((cwd or self.root) / ".buildgraph/manifests", ignore_errors=True)
        stdout = self.run("build", "--json", "//...", *words, cwd=cwd, env=env, umask=umask)
        events = [json.loads(line) for line in stdout.splitlines()]
        return {event["label"]: event["key"] for event in events if event["event"] == "done"}

    def write_files(self) -> None:
        """Restore the first state of the workspace."""
        for more in ("some/c", "renamed.txt"):
            (self.root / more).unlink(missing_ok=True)
        for name, text in FILES.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            if not (self.root / name).exists() or (self.root / name).read_text() != text:
                (self.root / name).write_text(text)
        (self.root / "run.sh").chmod(0o755)
        self.link("one.txt")

    def link(self, target: str) -> None:
        """Change the target of the link."""
        (self.root / "link.txt").unlink(missing_ok=True)
        (self.root / "link.txt").symlink_to(target)

    def toml(self, old: str, new: str) -> None:
        """Change BUILD.toml."""
        self.change(self.root / "BUILD.toml", old.encode(), new.encode())

    def change(self, path: Path, old: bytes, new: bytes) -> None:
        """Replace a file by a changed one, as editors and installers do."""
        data = path.read_bytes()
        assert old in data, old
        fresh = path.with_name(f".{path.name}.fresh")
        shutil.copy(path, fresh)
        fresh.write_bytes(data.replace(old, new, 1) if old else data + new)
        fresh.replace(path)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Create a world and build it once for all tests."""
    folder = tmp_path_factory.mktemp("mutations")
    program = installed(folder / "env", copies=True)
    [site] = (folder / "env").glob("lib/python*/site-packages")
    world = World(folder / "w", folder / "cache", program, site, folder / "programs")
    world.programs.mkdir()
    (world.programs / "odd").write_text("#!/bin/sh\necho odd\n")
    (world.programs / "odd").chmod(0o755)
    world.change(
        site / "buildgraph/host/host_tools.py",
        b'SEARCH = "',
        f'SEARCH = "{world.programs}:'.encode(),
    )
    (site / "oddity.py").write_text("odd = 1\n")
    dist_info = site / "oddity-1.0.dist-info"
    dist_info.mkdir()
    (dist_info / "METADATA").write_text("Metadata-Version: 2.1\nName: oddity\nVersion: 1.0\n")
    sha = base64.urlsafe_b64encode(hashlib.sha256(b"odd = 1\n").digest()).rstrip(b"=").decode()
    (dist_info / "RECORD").write_text(
        f"oddity.py,sha256={sha},8\n"
        "oddity-1.0.dist-info/METADATA,,\noddity-1.0.dist-info/RECORD,,\n"
    )
    world.write_files()
    world.base = world.keys()
    assert set(world.base) == EVERYTHING
    return world


@pytest.fixture
def restored(world: World) -> Iterator[World]:
    """Yield the world, then undo all changes of the test.

    The state that the workspace saved of its last build is restored, too.
    """
    before, memory = world.site.parent / "before", world.root / ".buildgraph"
    shutil.copytree(world.site, before, symlinks=True)
    shutil.copytree(memory, before.with_name("memory"), symlinks=True)
    python, odd = world.program.with_name("python").resolve(), world.programs / "odd"
    kept = {path: path.read_bytes() for path in (python, odd)}
    yield world
    shutil.rmtree(world.site)
    shutil.rmtree(memory)
    before.rename(world.site)
    before.with_name("memory").rename(memory)
    for path, data in kept.items():
        if path.read_bytes() != data:
            world.change(path, path.read_bytes(), data)
    world.write_files()


def upgrade_distribution(world: World) -> None:
    """Change the version of the distribution, but none of its files."""
    dist_info = world.site / "oddity-1.0.dist-info"
    world.change(dist_info / "METADATA", b"Version: 1.0", b"Version: 1.1")


def rewrite_record(world: World) -> None:
    """Change a file in the RECORD of the distribution, but not its version."""
    world.change(world.site / "oddity-1.0.dist-info/RECORD", b"sha256=", b"sha256=b")


def rename_source(world: World) -> None:
    """Rename a file that an input names, but keep its content."""
    shutil.copy(world.root / "text.txt", world.root / "renamed.txt")
    world.toml('"text.txt"', '"renamed.txt"')


def edit_in_place(world: World) -> None:
    """Edit a file of the distribution in place, but keep its size and its time.

    RECORD does not change.
    """
    file = world.site / "oddity.py"
    before = file.stat()
    file.write_text("odd = 2\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


# Name of a change: the change, the labels whose keys change, and the part that `why` names for the
# first label.
MATTERS: dict[str, tuple[Callable[[World], object], set[str], str]] = {
    "content": (
        lambda w: w.change(w.root / "text.txt", b"text", b"TEXT"),
        {"//:copied", "//:python"},
        "input text.txt",
    ),
    "exec bit": (lambda w: (w.root / "run.sh").chmod(0o644), {"//:copied"}, "input run.sh"),
    "link target": (lambda w: w.link("two.txt"), {"//:copied", "//:python"}, "input link.txt"),
    "name of a file": (rename_source, {"//:copied"}, "input renamed.txt"),
    "a file more": (
        lambda w: (w.root / "some/c").write_text("c"),
        {"//:gathered"},
        "input files/some/c",
    ),
    "argv": (lambda w: w.toml('"word"', '"words"'), {"//:copied"}, "argv 3"),
    "an argument less": (lambda w: w.toml(', "word"]', "]"), {"//:copied"}, "argv 3"),
    "env": (lambda w: w.toml('NAME = "value"', 'NAME = "other"'), {"//:copied"}, "env NAME"),
    "name of a variable": (
        lambda w: w.toml('NAME = "value"', 'NAMED = "value"'),
        {"//:copied"},
        "env NAME",
    ),
    "outputs": (
        lambda w: w.toml(
            'outputs = { o = "o" }\nargv = ["sh"', 'outputs = { o = "p" }\nargv = ["sh"'
        ),
        {"//:copied", "//:python"},
        "output out/p",
    ),
    "limit of time": (lambda w: w.toml("50s", "51s"), {"//:copied"}, "timeout"),
    "tool of ours": (
        lambda w: w.change(w.site / "buildgraph/rules/tools/copy_tree.py", b"", b"# comment\n"),
        {"//:gathered"},
        "input tools/copy_tree.py",
    ),
    "tool of the user's": (
        lambda w: w.change(w.root / "tool.py", b"", b"# comment\n"),
        {"//:python"},
        "input tool.py",
    ),
    "program of the host": (
        lambda w: w.change(w.programs / "odd", b"", b"# comment\n"),
        {"//:copied"},
        "program:odd",
    ),
    "interpreter": (
        lambda w: w.change(w.program.with_name("python").resolve(), b"", b"\0"),
        {"//:python", "//:gathered"},
        "program:python3",
    ),
    "version of a distribution": (upgrade_distribution, {"//:python"}, "distribution:oddity"),
    "file of a distribution": (rewrite_record, {"//:python"}, "distribution:oddity"),
    "file of a distribution, in place": (edit_in_place, {"//:python"}, "distribution:oddity"),
    "field of a profile in argv": (
        lambda w: w.toml("raspberry-pi-5", "raspberry-pi-4b"),
        {"//:asked"},
        "argv 3",
    ),
    "field of a profile in the platform": (
        lambda w: w.toml("raspberry-pi-5", "x86-64-generic"),
        {"//:asked"},
        "profile field arch",
    ),
    "property of the platform": (
        lambda w: w.toml('hardware = ":board"', 'hardware = ":board"\nlevel = "high"'),
        {"//:asked"},
        "level",
    ),
}


@pytest.mark.parametrize("name", MATTERS)
def test_what_matters_changes_the_key_and_why_names_it(
    restored: World, name: str, tally: Callable[[str, int], Tally]
) -> None:
    """Only keys of actions that use the changed input change."""
    count, (change, labels, part_name) = tally("mutation", 1), MATTERS[name]
    change(restored)
    after = restored.keys()
    assert {label for label in EVERYTHING if restored.base[label] != after[label]} == labels
    first = min(labels)
    reasons = json.loads(restored.run("why", "--json", first))["reasons"]
    parts = [part["name"] for reason in reasons for part in reason["parts"]]
    assert part_name in parts and set(parts) <= {part_name, *ALSO.get(name, ())}, parts
    count.survived()


# Changes that cannot be made alone: a path is in argv, too; boards differ in several fields.
ALSO = {
    "name of a file": {"input text.txt", "argv 2"},
    "name of a variable": {"env NAMED"},
    "outputs": {"output out/o", "argv 2"},
    "field of a profile in the platform": {"argv 3"},
}


def build_elsewhere(world: World) -> dict[str, str]:
    """Build a copy in a folder with an odd name."""
    other = world.root.with_name("another folder \u00fc")
    shutil.copytree(
        world.root, other, symlinks=True, ignore=shutil.ignore_patterns("out", ".buildgraph")
    )
    try:
        return world.keys(cwd=other)
    finally:
        shutil.rmtree(other)


def build_with_old_times(world: World) -> dict[str, str]:
    """Set the times of all files to the past and build."""
    for path in world.root.rglob("*"):
        if ".buildgraph" not in path.parts and "out" not in path.parts:
            os.utime(path, (10**9, 10**9), follow_symlinks=False)
    return world.keys()


def edit_and_build(
    old_text: str, new: str, name: str = "BUILD.toml"
) -> Callable[[World], dict[str, str]]:
    """Return a function that edits a file and builds."""

    def edit(world: World) -> dict[str, str]:
        world.change(world.root / name, old_text.encode(), new.encode())
        return world.keys()

    return edit


def reorder_tables(world: World) -> dict[str, str]:
    """Reverse the tables of BUILD.toml and build."""
    head, *rest = TOML.split("\n\n")
    (world.root / "BUILD.toml").write_text("\n\n".join([head, *reversed(rest)]))
    return world.keys()


MATTERS_NOT: dict[str, Callable[[World], dict[str, str]]] = {
    "comment in BUILD.toml": edit_and_build("[board]", "# comment\n[board] # comment"),
    "spaces in BUILD.toml": edit_and_build(
        'env = { NAME = "value", OTHER', 'env   = {NAME="value" ,  OTHER'
    ),
    "order of keys": edit_and_build(
        'NAME = "value", OTHER = "value"', 'OTHER = "value", NAME = "value"'
    ),
    "order of inputs": edit_and_build(
        'text = "text.txt", link = "link.txt"', 'link = "link.txt", text = "text.txt"'
    ),
    "order of tables": reorder_tables,
    "another way to write a text": edit_and_build('"word"]', "'word']"),
    "another way to write a time": edit_and_build('"50s"', '"50000ms"'),
    "a field that nobody reads": edit_and_build(
        'profile = "raspberry-pi-5"', 'profile = "raspberry-pi-5"\nmemory = "2GiB"\ncores = 1'
    ),
    "what is only shown": edit_and_build('title="a title"', 'title="another"', "my_rules.py"),
    "docstring of a rule": edit_and_build("Reads one field", "Reads some field", "my_rules.py"),
    "name of the workspace": edit_and_build('name = "w"', 'name = "other"'),
    "folder of the checkout": build_elsewhere,
    "time of all files": build_with_old_times,
    "-j1": lambda world: world.keys("-j1"),
    "-j9": lambda world: world.keys("-j9"),
    "umask": lambda world: world.keys(umask=0o077),
    "who builds": lambda world: world.keys(
        env={"USER": "somebody", "LOGNAME": "somebody", "HOME": "/nonexistent"}
    ),
    "time zone and language": lambda world: world.keys(
        env={"TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "LC_ALL": "C"}
    ),
    "hash seed": lambda world: world.keys(env={"PYTHONHASHSEED": "4711"}),
    "variables of the shell": lambda world: world.keys(
        env={"CFLAGS": "-O0", "SOURCE_DATE_EPOCH": "1", "PYTHONPATH": "/none"}
    ),
}


@pytest.mark.parametrize("name", MATTERS_NOT)
def test_what_does_not_matter_changes_no_key(
    restored: World, name: str, tally: Callable[[str, int], Tally]
) -> None:
    """All keys stay, so no action runs."""
    count = tally("no mutation", 1)
    assert MATTERS_NOT[name](restored) == restored.base
    count.survived()
