"""Names of Python distributions: parse what a table declares, and suggest the right name.

The one door to packaging, which is imported late because that costs about 50 ms.
"""

from __future__ import annotations

from .. import DISTRIBUTION
from ..lite import TYPE_CHECKING
from ..types.errors import BuildError, Location

if TYPE_CHECKING:
    from typing import TypeAlias

    NameAndExtras: TypeAlias = tuple[str, frozenset[str]]

_DISTRIBUTION_OF_MODULE = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "pymdp": "inferactively-pymdp",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}


def normalize_name(name: str) -> str:
    """Return the normal form of a distribution's name (PEP 503)."""
    import re

    return re.sub(r"[-_.]+", "-", name).lower()


def parse_requirement(text: str, at: Location | None) -> NameAndExtras:
    """Parse a name with extras, such as `jax` or `jax[cuda]`; BuildError for anything else."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise BuildError(
            f"{text!r} is not the name of a Python distribution",
            at,
            suggest_distribution(text) or 'such as "numpy" or "jax[cuda]"',
        ) from None
    if requirement.specifier or requirement.url or requirement.marker:
        raise BuildError(
            f"packages takes names of installed distributions, not the requirement {text!r}",
            at,
            f'write "{requirement.name}": the installed version is used, and is part of the key',
        )
    return requirement.name, frozenset(map(normalize_name, requirement.extras))


def parse_requires(specs: list[str], extras: frozenset[str]) -> list[NameAndExtras]:
    """Parse the Requires-Dist lines of a distribution that apply here with `extras`."""
    if not specs:
        return []  # without importing packaging: most distributions require nothing
    from packaging.requirements import Requirement

    requirements = [Requirement(spec) for spec in specs]
    return [
        (requirement.name, frozenset(map(normalize_name, requirement.extras)))
        for requirement in requirements
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def suggest_distribution(name: str) -> str:
    """Return help for the name of a module whose distribution has another name; empty for others.

    Installed distributions are searched first, then a short list of well-known ones.
    """
    from importlib import metadata

    distributions = (
        sorted(set(metadata.packages_distributions().get(name, ())))
        or _DISTRIBUTION_OF_MODULE.get(name, "").split()
    )
    if not distributions:
        return ""
    names = " or ".join(map(repr, distributions))
    return f"{name!r} is a module of the distribution {names}: name that one"


def install_command(name: str) -> str:
    """Return the command that installs a distribution, as help for an error."""
    if normalize_name(name) == "buildgraph":
        return (
            f"the distribution of this program is called {DISTRIBUTION!r}; "
            f"{name!r} on the public index is another project"
        )
    return f"pip install '{DISTRIBUTION}[pymdp]'" if "pymdp" in name else f"pip install {name}"
