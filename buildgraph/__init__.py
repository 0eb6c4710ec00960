"""buildgraph: declarative, content-addressed builds of active-inference agents for edge devices.

The names below are all a rule may import. They are resolved when first used, so that importing the
package costs nothing: the path of a build in which nothing changed starts here.
"""

from __future__ import annotations

from .lite import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis.rule_api import Ctx, Globs, Tool, rule
    from .types.action import Artifact, Content, Gate, In, Out, Output, Program, Shipped, Source
    from .types.digest import Digest
    from .types.errors import BuildError, did_you_mean
    from .types.label import Label
    from .types.provider import Provider
    from .types.quantities import Duration, Size

__version__ = "0.2.0"
DISTRIBUTION = (
    "buildgraph-edge"  # what pip installs; `buildgraph` on the public index is another project
)
__all__ = [
    "Artifact",
    "BuildError",
    "Content",
    "Ctx",
    "Digest",
    "Duration",
    "Gate",
    "Globs",
    "In",
    "Label",
    "Out",
    "Output",
    "Program",
    "Provider",
    "Shipped",
    "Size",
    "Source",
    "Tool",
    "did_you_mean",
    "rule",
]

_HOME = {
    "Provider": "types.provider",
    "Digest": "types.digest",
    "BuildError": "types.errors",
    "did_you_mean": "types.errors",
    "Label": "types.label",
    "Ctx": "analysis.rule_api",
    "Globs": "analysis.rule_api",
    "Tool": "analysis.rule_api",
    "rule": "analysis.rule_api",
    "Duration": "types.quantities",
    "Size": "types.quantities",
}

if not TYPE_CHECKING:  # a type checker that knows of it would accept every name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'buildgraph' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOME.get(name, 'types.action')}"), name)
