"""Analysis of large workspaces: long chains, many errors, deep folders and many links."""

from __future__ import annotations

import time
from pathlib import Path

from buildgraph.files.remove_tree import remove
from tests.support.analysed_workspace import analysed, faults, write
from tests.unit.analysis.test_analysis import chain, globbed, only


def test_a_thousand_missing_labels_take_no_time(tmp_path: Path) -> None:
    targets = "".join(
        f'[t.n{number}]\nrule = "node"\ndeps = ["//t:m{number}"]\n' for number in range(1000)
    )
    write(tmp_path, {"BUILD.toml": targets})
    begin = time.process_time()
    assert len(faults(tmp_path)) == 1000
    assert time.process_time() - begin < 5


def test_many_links_to_each_other_are_refused_in_time(tmp_path: Path) -> None:
    for one in range(12):
        (tmp_path / f"f{one}").mkdir()
        for other in range(12):
            (tmp_path / f"f{one}/to{other}").symlink_to(f"../f{other}")
    write(tmp_path, {"BUILD.toml": '[g]\nrule = "files"\nsrcs = ["**/x.txt"]\n'})
    start = time.process_time()
    assert "folders behind links" in only(tmp_path).what and time.process_time() - start < 10


def test_globs_of_deep_folders_need_no_recursion(tmp_path: Path) -> None:
    deep = tmp_path / "f"
    for _ in range(1500):
        deep.mkdir()
        deep /= "f"
    (deep.parent / "x.txt").touch()
    try:
        assert globbed(tmp_path, "**/x.txt") == [str((deep.parent / "x.txt").relative_to(tmp_path))]
    finally:
        assert remove(str(tmp_path / "f"))


def test_long_chains_and_long_cycles_need_no_recursion(tmp_path: Path) -> None:
    names = [f"c:n{number}" for number in range(3000)]
    write(tmp_path, {"BUILD.toml": chain(names)})
    assert "(2993 more)" in only(tmp_path).what
    write(tmp_path, {"BUILD.toml": chain(names).replace('deps = ["//c:n0"]', "")})
    assert len(analysed(tmp_path, "//c:n0").order) == 3000
