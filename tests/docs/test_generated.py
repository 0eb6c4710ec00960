"""The generated parts of the docs are what the code gives, and leave nothing out."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from buildgraph.analysis.key_meanings import EXAMPLES
from buildgraph.cli.dispatch import VERBS
from tests.house.test_layers import modules
from tests.support import generate, reference_json, reference_verbs
from tests.support.reference_environment import OTHERS, OWN
from tests.support.workspace import space

_READ = re.compile(r"BUILDGRAPH_[A-Z_]+")


@pytest.fixture(scope="module")
def contents() -> dict[str, str]:
    """The generated contents, by path below the docs."""
    return generate.contents()


@pytest.mark.parametrize("name", [*generate.GENERATED, *(page for page, _ in generate.INSERTED)])
def test_what_is_generated_is_up_to_date(name: str, contents: dict[str, str]) -> None:
    if name not in generate.GENERATED and not (generate.DOCS / name).exists():
        pytest.skip(f"the docs have no {name}")
    assert (generate.DOCS / name).read_text() == contents[name], (
        "run: python -m tests.support.generate --write"
    )


def test_check_names_what_is_out_of_date_and_write_makes_it_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    monkeypatch.setattr(
        generate, "GENERATED", {"reference/rules.md": lambda: "rules", "images/a.svg": lambda: "a"}
    )
    assert generate.main([]) == 1
    assert "out of date: buildgraph/docs/reference/rules.md" in capsys.readouterr().out
    assert generate.main(["--write"]) == 0 and generate.main(["--check"]) == 0
    (tmp_path / "reference/rules.md").write_text("edited")
    assert generate.main(["--check"]) == 1
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "out of date: buildgraph/docs/reference/rules.md"
    )


def test_a_part_of_a_page_is_put_between_its_comments() -> None:
    page = "# A\n\n<!-- generated: part -->\nold\n<!-- end -->\n\nB\n"
    text = generate.insert_part(page, "part", "new\n")
    assert text == "# A\n\n<!-- generated: part -->\nnew\n<!-- end -->\n\nB\n"
    assert generate.insert_part(text, "part", "new") == text
    with pytest.raises(
        ValueError, match="the page lacks the lines <!-- generated: other --> and <!-- end -->"
    ):
        generate.insert_part(page, "other", "new")


def test_the_examples_of_the_rules_make_a_workspace(tmp_path: Path) -> None:
    """Together, with the files and targets that they name."""
    text = "\n\n".join(["[workspace]", *EXAMPLES.values()])
    assert {table["rule"] for table in _targets(tomllib.loads(text))} == EXAMPLES.keys()
    workspace = space(
        tmp_path,
        f'{text}\n\n[models.picker]\nrule = "model"\nsource = "models/scout.npz"\n\n'
        '[hardware.pc]\nrule = "hardware"\nprofile = "x86-64-generic"\n\n'
        '[exports.x86]\nrule = "export"\ncoalition = "//coalitions:foragers"\n'
        'hardware = "//hardware:pc"\n',
    )
    for name in (
        "models/scout.npz",
        "models/scout.json",
        "tools/render.py",
        "tools/check.py",
        "page.md",
        "logs/a/b.csv",
        "linux-image-6.1.0-50-cloud-arm64_6.1.176-1_arm64.deb",
        "pylock.toml",
        "package-lock.json",
        "tsconfig.json",
        "eslint.config.mjs",
        "jest.config.mjs",
        "shapes/area.py",
        "tests/test_area.py",
        "src/mean.ts",
        "test/mean.test.ts",
    ):
        workspace.write(name, "{}")
    assert "//exports:jetson" in workspace.run("query", "deps", "//...").out


def _targets(table: dict[str, object]) -> list[dict[str, object]]:
    targets = [table] if "rule" in table else []
    return targets + [
        target for value in table.values() if isinstance(value, dict) for target in _targets(value)
    ]


def test_every_verb_has_exit_codes() -> None:
    assert reference_verbs.OF_VERBS.keys() == VERBS.keys()
    assert all(
        codes.keys() <= reference_verbs.EXIT_CODES.keys()
        for codes in reference_verbs.OF_VERBS.values()
    )


def test_every_event_and_field_has_a_meaning() -> None:
    fields = {
        reference_json.name_of(event): set(event.__match_args__)
        for event in reference_json.classes()
    }
    assert {name: set(meanings) for name, (_, meanings) in reference_json.EVENTS.items()} == fields


def test_every_variable_of_its_own_is_listed() -> None:
    read = {
        name
        for path in [*modules("buildgraph"), *modules("rules")]
        for name in _READ.findall(_code(path))
    }
    assert read == {name for name, _, _ in OWN}


@pytest.mark.parametrize("name", [name for name, _, _ in OTHERS])
def test_a_listed_variable_of_the_system_is_read(name: str) -> None:
    assert any(
        f'"{name}"' in path.read_text() for path in [*modules("buildgraph"), *modules("rules")]
    )


def _code(path: Path) -> str:
    """The texts of a module that are not docstrings."""
    tree = ast.parse(path.read_text())
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
