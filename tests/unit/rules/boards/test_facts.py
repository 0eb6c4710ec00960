"""The table of facts is complete and true: each field has a row, each reader reads it."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, is_dataclass
from importlib import import_module
from types import ModuleType

import pytest

from rules.boards.facts import FACTS, Fact, facts_of
from rules.boards.types import Accelerator, Board, Caches, Core, PowerMode, Software
from rules.hardware import CacheSizes, Hardware, hardware

RECORDS = {
    "core": Core,
    "accelerator": Accelerator,
    "software": Software,
    "power_modes": PowerMode,
    "caches": Caches,
}


def test_every_field_of_a_board_has_one_row() -> None:
    names = []
    for item in fields(Board):
        record = RECORDS.get(item.name)
        names += [f"{item.name}.{part.name}" for part in fields(record)] if record else [item.name]
    assert sorted(fact.board for fact in FACTS if fact.board) == sorted(names)


def test_every_record_of_a_board_is_known_here() -> None:
    module = import_module("rules.boards.types")
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    records = {one.__name__ for one in classes if is_dataclass(one)}
    assert records == {"Board", *(record.__name__ for record in RECORDS.values())}


def test_every_field_of_the_provider_has_one_row() -> None:
    names = [fact.hardware for fact in FACTS if fact.hardware]
    assert sorted(names) == sorted(item.name for item in fields(Hardware) if item.name != "label")


def test_every_key_of_the_table_has_one_row() -> None:
    keys = list(inspect.signature(hardware).parameters)[1:]
    assert sorted({fact.key.partition(".")[0] for fact in FACTS if fact.key}) == sorted(keys)
    caches = [fact.key for fact in FACTS if fact.key.startswith("caches.")]
    assert caches == [f"caches.{item.name}" for item in fields(CacheSizes)]


def test_only_informative_facts_have_no_reader() -> None:
    assert all((fact.use == "informative") == (not fact.readers) for fact in FACTS)


def function(module: ModuleType, name: str) -> ast.FunctionDef:
    """The definition of a function or method of a module."""
    tree = ast.parse(inspect.getsource(module))
    [definition] = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return definition


@pytest.mark.parametrize(
    "fact", [fact for fact in FACTS if fact.readers], ids=lambda fact: fact.board or fact.hardware
)
def test_every_reader_reads_the_fact(fact: Fact) -> None:
    field = fact.hardware or fact.board.rpartition(".")[2]
    for reader in fact.readers:
        module, _, name = reader.partition(":")
        body = function(import_module(module), name)
        read = {node.attr for node in ast.walk(body) if isinstance(node, ast.Attribute)}
        assert field in read, f"{reader} does not read {field}"


def test_the_rows_of_a_record() -> None:
    assert [fact.board for fact in facts_of("caches")] == [
        "caches.l1d_kib",
        "caches.l2_kib",
        "caches.l3_kib",
    ]
    assert [fact.use for fact in facts_of("memory_mib")] == ["limit"]
