"""The table of checkers: which files have verdicts, and what these depend on."""

from __future__ import annotations

from pathlib import Path

import pytest
from quality.plan import Files, Plan
from quality.rows import ROWS


def files(folder: Path, tool: str, settings: str = "", *args: str) -> Files:
    """The files of a gate with these settings."""
    (folder / "settings").write_text(settings)
    return Files(Plan("g", tool, "", (), config="settings", args=args), folder)


@pytest.mark.parametrize(
    ("tool", "path", "settings", "is_unit"),
    [
        ("mypy", "a/b.pyi", "", True),
        ("flake8", "a.toml", "", False),
        ("tsc", "a.tsx", "", True),
        ("tsc", "a.js", "", False),
        ("tsc", "a.js", '{"compilerOptions": {"checkJs": true}}', True),
        ("jest", "a.test.ts", "", True),
        ("jest", "a.ts", "", False),
    ],
)
def test_files_with_a_verdict(
    tmp_path: Path, tool: str, path: str, settings: str, is_unit: bool
) -> None:
    assert ROWS[tool].is_unit(path, files(tmp_path, tool, settings)) == is_unit


@pytest.mark.parametrize(
    ("tool", "settings", "sees"),
    [
        ("mypy", "[mypy]\nstrict = True\n", "interfaces"),
        ("mypy", "[mypy]\nplugins = pydantic.mypy\n", "closure"),
        ("mypy", "[mypy]\nfollow_imports = skip\n", "all"),
        ("flake8", "", "file"),
        ("eslint", "", "closure"),
        ("eslint", '"import/no-unused-modules": 2', "all"),
    ],
)
def test_settings_decide_what_a_verdict_depends_on(
    tmp_path: Path, tool: str, settings: str, sees: str
) -> None:
    assert ROWS[tool].sees_here(files(tmp_path, tool, settings)) == sees
