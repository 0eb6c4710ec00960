"""buildgraph: declarative, content-addressed builds of active-inference agents for edge devices.

The names below are all a rule may import. They are resolved when first used, so that importing the package costs
nothing: the path of a build in which nothing changed starts here.
"""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .digest import Digest
    from .errors import BuildError, did_you_mean
    from .label import Label
    from .model import Artifact, Content, Gate, In, Out, Output, Program, Shipped, Source
    from .provider import Provider
    from .declare import Ctx, Globs, Tool, rule
    from .values import Duration, Size

__version__ = "0.1.0"
DISTRIBUTION = "buildgraph-edge"   # what pip installs; `buildgraph` on the public index is another project
__all__ = ["Artifact", "BuildError", "Content", "Ctx", "Digest", "Duration", "Gate", "Globs", "In", "Label", "Out",
           "Output", "Program", "Provider", "Shipped", "Size", "Source", "Tool", "did_you_mean", "rule"]

_HOME = {"Provider": "provider", "Digest": "digest", "BuildError": "errors", "did_you_mean": "errors",
         "Label": "label", "Ctx": "declare",
         "Globs": "declare", "Tool": "declare", "rule": "declare", "Duration": "values", "Size": "values"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'buildgraph' has no attribute {name!r}")
    from importlib import import_module
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'model')}"), name)
