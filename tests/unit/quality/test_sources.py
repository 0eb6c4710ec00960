"""Keys of verdicts: what changes which of them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from quality.plan import Files, Plan
from quality.sources import Sees, Sources

TEXTS = {
    "conftest.py": "",
    "app/__init__.py": "",
    "app/low.py": "def low() -> int:\n    return 1\n",
    "app/high.py": "from app.low import low\n\n\ndef high() -> int:\n    return low()\n",
    "app/other.py": "",
    "tests/test_high.py": "from app.high import high\n",
}


def keys(folder: Path, sees: Sees, changed: dict[str, str]) -> dict[str, str]:
    """The keys of all files with some texts changed."""
    language: Literal["python", "script"] = "python"
    for path, text in (TEXTS | changed).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    files = Files(Plan("g", "t", "", tuple(TEXTS)), folder)
    return Sources(files, language, {}).keys([*TEXTS], sees)


BODY = {"app/low.py": "def low() -> int:\n    return 2\n"}
TYPE = {"app/low.py": "def low() -> str:\n    return 1\n"}
USERS = {"app/low.py", "app/high.py", "tests/test_high.py"}


@pytest.mark.parametrize(
    ("sees", "changed", "expected"),
    [
        ("file", BODY, {"app/low.py"}),
        ("interfaces", BODY, {"app/low.py"}),
        ("interfaces", TYPE, USERS),
        ("closure", BODY, USERS),
        ("closure", {"conftest.py": "x = 1"}, set(TEXTS)),
        ("closure", {"app/other.py": "x = 1"}, {"app/other.py"}),
        ("all", BODY, set(TEXTS)),
    ],
)
def test_a_change_reaches_what_sees_it(
    tmp_path: Path, sees: Sees, changed: dict[str, str], expected: set[str]
) -> None:
    before, after = keys(tmp_path, sees, {}), keys(tmp_path, sees, changed)
    assert {path for path in TEXTS if before[path] != after[path]} == expected


def test_a_file_that_imports_computed_names_sees_all(tmp_path: Path) -> None:
    dynamic = {"app/low.py": "from importlib import import_module\n"}
    before = keys(tmp_path, "closure", dynamic)
    after = keys(tmp_path, "closure", {**dynamic, "app/other.py": "x = 1"})
    assert before["tests/test_high.py"] != after["tests/test_high.py"]
