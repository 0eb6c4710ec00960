"""Labels `//package:name` and patterns `//...`, `//package/...`, `//package:*`, `-pattern`: one parser for all."""
from __future__ import annotations

from .errors import BuildError, Where
from .noun import noun

# Parts become names of folders below out/: systems take 255 bytes for one, and 4096 for all.
_PART, _ALL = 200, 1000
_OF_NAMES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
_OF_PACKAGES = _OF_NAMES - {"+"}
_FORM = "a label is //package:name, or :name in the same package"


@noun(order=True)
class Label:
    """Name of a target: `//package:name`, ASCII, the package without leading or trailing slash."""

    package: str
    name: str

    @classmethod
    def parse(cls, text: str, package: str = "", at: Where | None = None) -> Label:
        """Read `//package:name`, `//package` (name = last part) or `:name` seen from `package`."""
        if text.startswith(":"):
            found, name = package, text[1:]
        elif text.startswith("//"):
            found, colon, name = text[2:].partition(":")
            name = name if colon else found.rpartition("/")[2]
        else:
            raise BuildError(f"{text!r} is not a label", at, _FORM, "label")
        if not valid_package(found) or not valid_name(name):
            raise BuildError(f"{text!r} is not a label", at, _FORM, "label")
        return cls(found, name)

    def __str__(self) -> str:
        return f"//{self.package}:{self.name}"


@noun
class Pattern:
    """A set of labels: one (`//p:n`), a package (`//p:*`), or all beneath (`//p/...`); `-` takes away."""

    package: str
    name: str | None
    recursive: bool
    negative: bool

    @classmethod
    def parse(cls, text: str, package: str = "", at: Where | None = None) -> Pattern:
        """Read a pattern as typed on the command line or written in a list of labels."""
        negative = text.startswith("-")
        body = text[1:] if negative else text
        if body == "//..." or (body.startswith("//") and body.endswith("/...")):
            base = body[2:-3].rstrip("/")
            if not valid_package(base):
                raise BuildError(f"{text!r} is not a pattern", at, _FORM, "label")
            return cls(base, None, True, negative)
        if body.startswith("//") and body.endswith((":*", ":all")):
            return cls(body[2:].rpartition(":")[0], None, False, negative)
        label = Label.parse(body, package, at)
        return cls(label.package, label.name, False, negative)

    def matches(self, label: Label) -> bool:
        """Whether a label belongs to the set, sign aside."""
        if self.name is not None:
            return label.package == self.package and label.name == self.name
        if not self.recursive:
            return label.package == self.package
        return not self.package or f"{label.package}/".startswith(f"{self.package}/")


def valid_package(text: str) -> bool:
    """Whether text may be a package: empty, or parts that are no `.`, `..` and end in no dot."""
    return not text or len(text) <= _ALL and all(
        0 < len(part) <= _PART and not part.endswith(".") and _OF_PACKAGES.issuperset(part) for part in text.split("/"))


def valid_name(text: str) -> bool:
    """Whether text may be a target's name."""
    return 0 < len(text) <= _PART and _OF_NAMES.issuperset(text) and bool(text.strip("."))
