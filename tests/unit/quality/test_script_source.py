"""Imports of JavaScript and TypeScript files."""

from __future__ import annotations

import pytest
from quality.script_source import import_targets, script_facts

TEXT = b"""\
import { a } from "./a";
import "./side.css";
export * from '../b';
const c = require("./c.js");
const d = await import("pkg/d");
jest.mock("./e");
/// <reference path="./globals.d.ts" />
"""


def test_every_form_of_import_counts() -> None:
    names = script_facts(TEXT, "src/x.ts").imports
    assert names == ("../b", "./a", "./c.js", "./e", "./globals.d.ts", "./side.css", "pkg/d")


@pytest.mark.parametrize(
    ("text", "dynamic"),
    [
        (b'import("./a")', False),
        (b"import(name)", True),
        (b"require(`./${name}`)", True),
        (b'import { readFileSync } from "node:fs"', True),
        (b'import x from "./fs-like"', False),
    ],
)
def test_computed_imports_and_reads_are_dynamic(text: bytes, dynamic: bool) -> None:
    assert script_facts(text, "a.ts").is_dynamic == dynamic


@pytest.mark.parametrize(
    ("text", "path", "is_global"),
    [
        (b"declare const VERSION: string;", "a.d.ts", True),
        (b"export const x = 1;", "a.ts", False),
        (b"export {};\ndeclare global { const y: 1 }", "a.ts", True),
        (b"var x = 1", "a.js", False),
    ],
)
def test_declarations_without_a_module_are_global(text: bytes, path: str, is_global: bool) -> None:
    assert script_facts(text, path).is_global == is_global


FILES = {"src/a.ts", "src/a.d.ts", "src/b/index.tsx", "src/b.js", "src/lib/c.ts", "d.json"}


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("src/x.ts", "./a", ["src/a.d.ts", "src/a.ts"]),
        ("src/x.ts", "./a.js", ["src/a.d.ts", "src/a.ts"]),
        ("src/x.ts", "./b", ["src/b.js", "src/b/index.tsx"]),
        ("src/x.ts", "../d.json", ["d.json"]),
        ("src/x.ts", "../../a", []),
        ("src/x.ts", "@app/c", ["src/lib/c.ts"]),
        ("src/x.ts", "node:fs", []),
    ],
)
def test_an_import_may_mean_every_file_that_fits(path: str, name: str, expected: list[str]) -> None:
    assert sorted(import_targets(path, name, FILES)) == expected
