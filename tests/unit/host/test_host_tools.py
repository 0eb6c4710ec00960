"""Host tools: identities, dumps of another build, and distributions edited in place."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from buildgraph.host.host_tools import HostTools
from buildgraph.host.source_files import SourceFiles
from buildgraph.types.errors import BuildError


@pytest.fixture
def resolved(tmp_path: Path) -> HostTools:
    """Return host tools that have resolved programs and a distribution."""
    tools = HostTools(SourceFiles(str(tmp_path)))
    assert tools.find("sh") is not None and tools.find("no-such-program") is None
    assert "numpy" in tools.distributions(("numpy",))
    return tools


def _fresh(tmp_path: Path) -> HostTools:
    return HostTools(SourceFiles(str(tmp_path)))


def test_the_same_host_agrees_with_itself(resolved: HostTools, tmp_path: Path) -> None:
    assert _fresh(tmp_path).matches(resolved.dump())


@pytest.mark.parametrize("what", ["sh", "numpy"])
def test_another_identity_is_not_the_same(resolved: HostTools, tmp_path: Path, what: str) -> None:
    """Identities of programs and distributions must be equal; paths may differ."""
    tool = resolved.find("sh")
    assert tool is not None
    identity = (
        tool.identity if what == "sh" else resolved.distributions(("numpy",))["numpy"].identity
    )
    assert not _fresh(tmp_path).matches(
        [f"{word}0" if word == identity else word for word in resolved.dump()]
    )
    assert _fresh(tmp_path).matches(
        [f"{word}0" if word == tool.path else word for word in resolved.dump()]
    )


def test_an_added_or_removed_program_is_not_the_same(resolved: HostTools, tmp_path: Path) -> None:
    words = resolved.dump()
    assert not _fresh(tmp_path).matches(
        ["true" if word == "no-such-program" else word for word in words]
    )
    assert not _fresh(tmp_path).matches(["gone" if word == "sh" else word for word in words])


class Site:
    """Folder of installed distributions, with the layout of pip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def install(
        self, name: str, files: dict[str, str], requires: tuple[str, ...] = (), version: str = "1.0"
    ) -> Path:
        """Install a distribution, writing its RECORD last; return its dist-info folder."""
        notes = self.folder / f"{name}-{version}.dist-info"
        notes.mkdir()
        lines = [f"Requires-Dist: {need}\n" for need in requires]
        contents = {
            **files,
            f"{notes.name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\n"
            f"Version: {version}\n{''.join(lines)}",
        }
        record = []
        for path, text in contents.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
            sha = (
                base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
                .rstrip(b"=")
                .decode()
            )
            record.append(f"{path},sha256={sha},{len(text)}\n")
        time.sleep(0.02)  # so that the RECORD is later by a tick of the clock
        (notes / "RECORD").write_text("".join([*record, f"{notes.name}/RECORD,,\n"]))
        return notes


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Add a new site folder to sys.path."""
    site_folder = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(site_folder.folder)
    return site_folder


def identity(tmp_path: Path, name: str) -> str:
    """Return the identity that enters keys, resolved without any state."""
    return _fresh(tmp_path).distributions((name,))[name].identity


def test_a_file_edited_in_place_changes_the_identity(tmp_path: Path, site: Site) -> None:
    """An edit that keeps size and time is noticed.

    When it is undone, the identity is the old one.
    """
    site.install(
        "mine", {"mine/__init__.py": "X = 1\n", "mine/data.txt": "a", "mine/sub/more.py": ""}
    )
    clean = identity(tmp_path, "mine")
    seen = {clean}
    for path, text in {
        "mine/__init__.py": "X = 2\n",
        "mine/data.txt": "b",
        "mine/sub/more.py": "Y = 1\n",
    }.items():
        file = site.folder / path
        kept, before = file.read_text(), file.stat()
        file.write_text(text)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        seen.add(identity(tmp_path, "mine"))
        file.write_text(kept)
        assert identity(tmp_path, "mine") == clean
    (site.folder / "mine/sub/more.py").unlink()
    seen.add(identity(tmp_path, "mine"))
    (site.folder / "mine/sub/more.py").write_text("")
    for added in ("mine/fresh.py", "mine/sub/deeper/fresh.py"):
        (site.folder / added).parent.mkdir(exist_ok=True)
        (site.folder / added).write_text("")
        seen.add(identity(tmp_path, "mine"))
    assert len(seen) == 7


def test_a_copied_installation_and_bytecode_are_the_same_distribution(
    tmp_path: Path, site: Site
) -> None:
    """Times and the order of copying do not matter."""
    site.install("mine", {"mine/__init__.py": "X = 1\n"})
    clean = identity(tmp_path, "mine")
    for path in sorted(site.folder.rglob("*.*"), reverse=True):
        if path.is_file():
            shutil.copy(path, path.with_suffix(".other"))
            path.with_suffix(".other").replace(path)
    (site.folder / "mine/__pycache__").mkdir()
    (site.folder / "mine/__pycache__/x.cpython-311.pyc").write_text("")
    assert identity(tmp_path, "mine") == clean


def test_every_file_is_seen_by_a_build_in_which_nothing_changed(tmp_path: Path, site: Site) -> None:
    site.install("mine", {"mine/__init__.py": "", "mine/data.txt": ""})
    sources = SourceFiles(str(tmp_path))
    tools = HostTools(sources)
    tools.distributions(("mine",))
    assert {
        str(site.folder / name) for name in ("mine", "mine/__init__.py", "mine/data.txt")
    } <= sources.stamps.keys()
    assert any(path.endswith("mine-1.0.dist-info/RECORD") for path in tools.stamps)


def test_of_very_many_files_only_those_that_run_are_checked(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("buildgraph.host.distributions.FULL_CHECK_LIMIT", 3)
    site.install(
        "big", {"big/__init__.py": "", "big/tool": "", "big/lib/a.h": "", "big/lib/b.h": ""}
    )
    clean = identity(tmp_path, "big")
    sources = SourceFiles(str(tmp_path))
    HostTools(sources).distributions(("big",))
    assert (
        str(site.folder / "big") in sources.stamps
        and str(site.folder / "big/lib/a.h") not in sources.stamps
    )
    (site.folder / "big/tool").write_text("x")
    assert identity(tmp_path, "big") != clean


@pytest.mark.parametrize("how", ["direct_url.json", "finder"])
def test_an_editable_installation_is_refused(tmp_path: Path, site: Site, how: str) -> None:
    if how == "finder":
        site.install(
            "mine", {"__editable___mine_1_0_finder.py": "", "__editable__.mine-1.0.pth": ""}
        )
    else:
        notes = site.install("mine", {"mine.pth": "/src"})
        (notes / "direct_url.json").write_text(
            json.dumps({"url": "file:///src/mine", "dir_info": {"editable": True}})
        )
    with pytest.raises(BuildError) as error:
        identity(tmp_path, "mine")
    assert (
        "installed editable (development mode)" in error.value.what
        and "without -e" in error.value.fix
    )


def test_distributions_that_share_a_namespace_list_their_own_files(
    tmp_path: Path, site: Site
) -> None:
    site.install("one", {"space/one/__init__.py": "", "space/one/a.py": ""})
    site.install("two", {"space/two.py": "", "tests/__init__.py": ""})
    before = identity(tmp_path, "one")
    distributions = _fresh(tmp_path).distributions(("one", "two"))
    assert [name for name, _ in distributions["one"].entries] == ["one-1.0.dist-info", "space/one"]
    assert [name for name, _ in distributions["two"].entries] == [
        "space/two.py",
        "tests",
        "two-1.0.dist-info",
    ]
    (site.folder / "space/two.py").write_text("changed")
    assert identity(tmp_path, "one") == before


def test_names_extras_and_requirements(tmp_path: Path, site: Site) -> None:
    site.install(
        "My_Dist", {"mine.py": ""}, ("base", "more; extra == 'big'", "other[all]; extra == 'big'")
    )
    for name, requires in {
        "base": (),
        "more": (),
        "other": ("last; extra == 'all'",),
        "last": (),
    }.items():
        site.install(name, {f"{name}.py": ""}, requires)
    tools = _fresh(tmp_path)
    assert (
        list(tools.distributions(("my-dist",)))
        == list(tools.distributions(("MY.dist",)))
        == ["base", "my-dist"]
    )
    assert list(tools.distributions(("my_dist[Big]",))) == [
        "base",
        "last",
        "more",
        "my-dist",
        "other",
    ]
    for wrong, message in {
        "my-dist>=1": "not the requirement",
        "no name!": "is not the name",
    }.items():
        with pytest.raises(BuildError, match=message):
            tools.distributions((wrong,))


def test_the_first_of_two_versions_counts_and_an_earlier_one_is_noticed(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("mine", {"mine.py": "X = 1\n"})
    earlier = Site(tmp_path / "earlier")
    monkeypatch.syspath_prepend(earlier.folder)
    tools = _fresh(tmp_path)
    assert tools.distributions(("mine",))["mine"].identity.startswith("1.0 ")
    assert str(earlier.folder) in tools.stamps
    earlier.install("mine", {"mine.py": "X = 2\n"}, version="2.0")
    assert identity(tmp_path, "mine").startswith("2.0 ")
