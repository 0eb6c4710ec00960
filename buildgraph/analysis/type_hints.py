"""Questions about the type hints of rules."""

from __future__ import annotations

import types
from dataclasses import MISSING, Field, is_dataclass
from typing import Any, TypeGuard, Union, get_args, get_origin

from ..types.provider import Provider
from .scope import Kinds


def is_provider(hint: object) -> TypeGuard[type[Provider]]:
    """True for Provider and its subclasses."""
    return isinstance(hint, type) and issubclass(hint, Provider)


def is_union(hint: object) -> bool:
    """True for `A | B` and `Optional[A]`."""
    return get_origin(hint) in (Union, types.UnionType)


def provider_kinds(hint: Any) -> Kinds:
    """Return the provider classes of a class or a union of them; empty if another type is in it."""
    members = get_args(hint) if is_union(hint) else (hint,)
    return members if all(map(is_provider, members)) else ()


def is_dataclass_type(hint: object) -> bool:
    """True for a dataclass, False for an instance of one."""
    return isinstance(hint, type) and is_dataclass(hint)


def is_optional(field: Field[Any]) -> bool:
    """True for a field with a default."""
    return field.default is not MISSING or field.default_factory is not MISSING
