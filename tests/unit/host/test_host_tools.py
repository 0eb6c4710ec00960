"""What another build resolved is believed in a clone only where it is the same here."""

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
    """A toolchain that has looked for programs and a distribution."""
    made = HostTools(SourceFiles(str(tmp_path)))
    assert made.find("sh") is not None and made.find("no-such-program") is None
    assert "numpy" in made.distributions(("numpy",))
    return made


def _fresh(tmp_path: Path) -> HostTools:
    return HostTools(SourceFiles(str(tmp_path)))


def test_the_same_host_agrees_with_itself(resolved: HostTools, tmp_path: Path) -> None:
    assert _fresh(tmp_path).matches(resolved.dump())


@pytest.mark.parametrize("what", ["sh", "numpy"])
def test_another_identity_is_not_the_same(resolved: HostTools, tmp_path: Path, what: str) -> None:
    """Of a program or of a distribution; where it stands does not count."""
    found = resolved.find("sh")
    assert found is not None
    identity = (
        found.identity if what == "sh" else resolved.distributions(("numpy",))["numpy"].identity
    )
    assert not _fresh(tmp_path).matches(
        [f"{word}0" if word == identity else word for word in resolved.dump()]
    )
    assert _fresh(tmp_path).matches(
        [f"{word}0" if word == found.path else word for word in resolved.dump()]
    )


def test_what_came_or_went_is_not_the_same(resolved: HostTools, tmp_path: Path) -> None:
    words = resolved.dump()
    assert not _fresh(tmp_path).matches(
        ["true" if word == "no-such-program" else word for word in words]
    )
    assert not _fresh(tmp_path).matches(["gone" if word == "sh" else word for word in words])


class Site:
    """A folder of installed distributions, as pip lays them out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def install(
        self, name: str, files: dict[str, str], requires: tuple[str, ...] = (), version: str = "1.0"
    ) -> Path:
        """Install a distribution; the RECORD is written last. Its dist-info folder."""
        notes = self.folder / f"{name}-{version}.dist-info"
        notes.mkdir()
        lines = [f"Requires-Dist: {need}\n" for need in requires]
        given = {
            **files,
            f"{notes.name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{''.join(lines)}",
        }
        record = []
        for path, text in given.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
            sha = (
                base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
                .rstrip(b"=")
                .decode()
            )
            record.append(f"{path},sha256={sha},{len(text)}\n")
        time.sleep(0.02)  # a tick of the file system's clock
        (notes / "RECORD").write_text("".join([*record, f"{notes.name}/RECORD,,\n"]))
        return notes


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site of its own on sys.path."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(made.folder)
    return made


def identity(tmp_path: Path, name: str) -> str:
    """What enters keys, found out from the beginning."""
    return _fresh(tmp_path).distributions((name,))[name].identity


def test_what_was_edited_in_place_is_another_distribution(tmp_path: Path, site: Site) -> None:
    """Also with the size and time that it had; and when it is as recorded again, it is what it was."""
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
    """However old its files are then, and in whichever order they were copied."""
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


def test_of_very_many_files_what_runs_is_looked_at(
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
def test_an_editable_installation_is_refused_in_words(tmp_path: Path, site: Site, how: str) -> None:
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


def test_distributions_that_share_a_namespace_have_each_their_own_part(
    tmp_path: Path, site: Site
) -> None:
    site.install("one", {"space/one/__init__.py": "", "space/one/a.py": ""})
    site.install("two", {"space/two.py": "", "tests/__init__.py": ""})
    before = identity(tmp_path, "one")
    found = _fresh(tmp_path).distributions(("one", "two"))
    assert [name for name, _ in found["one"].entries] == ["one-1.0.dist-info", "space/one"]
    assert [name for name, _ in found["two"].entries] == [
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
    for wrong, said in {"my-dist>=1": "not the requirement", "no name!": "is not the name"}.items():
        with pytest.raises(BuildError, match=said):
            tools.distributions((wrong,))


def test_the_first_of_two_versions_counts_and_one_that_comes_before_it_is_seen(
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
