"""Labels `//package:name` and patterns `//...`, `//package/...`, `//package:*`, `-pattern`: one parser for all."""

from __future__ import annotations

from ..lite.record import record
from .errors import BuildError, Location

# Parts become names of folders below out/: systems take 255 bytes for one, and 4096 for all.
_PART, _ALL = 200, 1000
_OF_NAMES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
_OF_PACKAGES = _OF_NAMES - {"+"}
FORM = "a label is //package:name, or :name in the same package"


@record(order=True)
class Label:
    """Name of a target: `//package:name`, ASCII, the package without leading or trailing slash."""

    package: str
    name: str

    @classmethod
    def parse(cls, text: str, package: str = "", at: Location | None = None) -> Label:
        """Read `//package:name`, `//package` (name = last part) or `:name` seen from `package`."""
        if text.startswith(":"):
            found, name = package, text[1:]
        elif text.startswith("//"):
            found, colon, name = text[2:].partition(":")
            name = name if colon else found.rpartition("/")[2]
        else:
            raise _no_label(text, at)
        if not is_package(found) or not is_target_name(name):
            raise _no_label(text, at)
        return cls(found, name)

    def __str__(self) -> str:
        return f"//{self.package}:{self.name}"


@record
class Pattern:
    """A set of labels: one (`//p:n`), a package (`//p:*`), or all beneath (`//p/...`); `-` takes away."""

    package: str
    name: str | None
    recursive: bool
    negative: bool

    @classmethod
    def parse(cls, text: str, package: str = "", at: Location | None = None) -> Pattern:
        """Read a pattern as typed on the command line or written in a list of labels."""
        negative = text.startswith("-")
        body = text[1:] if negative else text
        if body == "//..." or (body.startswith("//") and body.endswith("/...")):
            base = body[2:-3].rstrip("/")
            if not is_package(base):
                raise _no_label(text, at)
            return cls(base, None, True, negative)
        if body.startswith("//") and body.endswith((":*", ":all")):
            base = body[2:].rpartition(":")[0]
            if not is_package(base):
                raise _no_label(text, at)
            return cls(base, None, False, negative)
        label = Label.parse(body, package, at)
        return cls(label.package, label.name, False, negative)

    def matches(self, label: Label) -> bool:
        """Whether a label belongs to the set, sign aside."""
        if self.name is not None:
            return label.package == self.package and label.name == self.name
        if not self.recursive:
            return label.package == self.package
        return not self.package or f"{label.package}/".startswith(f"{self.package}/")


def qualify_pattern(text: str, package: str) -> str:
    """Write `:*` and `:all` with their package, as `//package:*`; other texts stay."""
    sign, body = ("-", text[1:]) if text.startswith("-") else ("", text)
    return f"{sign}//{package}{body}" if body in (":*", ":all") else text


def _no_label(text: str, at: Location | None) -> BuildError:
    from .similar_names import describe_unusual

    beyond = describe_unusual(text)
    likely = " or ".join(map(repr, resolve_shorthand(text)))
    fix = f"it has {beyond}; {FORM}" if beyond else f"did you mean {likely}?" if likely else FORM
    return BuildError(f"{text!r} is not a label", at, fix, "label")


def resolve_shorthand(text: str) -> tuple[str, ...]:
    """Labels and patterns that a text which is none of them was probably meant for, likeliest first."""
    sign = "-" if text.startswith("-") else ""
    body = text[len(sign) :].strip().replace("\\", "/")
    body = body[body.find("//") :] if body.startswith("@") and "//" in body else body
    path, colon, name = body.partition(":")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    deep = not colon and bool(parts) and parts[-1] in ("...", "**")
    many = not colon and (path.endswith("/") or (bool(parts) and parts[-1] in ("*", "all")))
    if deep or (many and not path.endswith("/")):
        parts.pop()
    package = "/".join(parts)
    all_of, below = f"//{package}:*", f"//{package}/..." if package else "//..."
    if deep:
        likely = [below]
    elif many or name in ("...", "**"):
        likely = [all_of, below]
    elif colon:
        likely = (
            [all_of]
            if not name or (not _OF_NAMES.issuperset(name) and set(name) & set("*?["))
            else [f"//{package}:{name}"]
        )
    else:
        likely = (
            [f"//{'/'.join(parts[:-1])}:{parts[-1]}" if len(parts) > 1 else f":{parts[0]}"]
            if parts
            else []
        )
    bases = (one.lstrip("/").partition(":")[0].removesuffix("...").rstrip("/") for one in likely)
    names = (one.partition(":")[2] for one in likely)
    fine = all(map(is_package, bases)) and all(
        one in ("", "*") or is_target_name(one) for one in names
    )
    return tuple(f"{sign}{one}" for one in likely if f"{sign}{one}" != text) if fine else ()


def is_package(text: str) -> bool:
    """Whether text may be a package: empty, or parts that are no `.`, `..` and end in no dot."""
    return not text or (
        len(text) <= _ALL
        and all(
            0 < len(part) <= _PART and not part.endswith(".") and _OF_PACKAGES.issuperset(part)
            for part in text.split("/")
        )
    )


def is_target_name(text: str) -> bool:
    """Whether text may be a target's name."""
    return 0 < len(text) <= _PART and _OF_NAMES.issuperset(text) and bool(text.strip("."))
