"""Labels `//package:name` and patterns `//...`, `//package/...`, `//package:*`, `-pattern`."""

from __future__ import annotations

from ..lite.record import Record
from .errors import BuildError, Location

# Parts become names of folders below out/: Linux accepts 255 bytes for a name, and 4096 for a path.
_MAX_PART, _MAX_PACKAGE = 200, 1000
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
_PACKAGE_CHARACTERS = _NAME_CHARACTERS - {"+"}
FORM = "a label is //package:name, or :name in the same package"


class Label(Record, order=True):
    """The name of a target: `//package:name`, in ASCII. The package has no slash at its ends."""

    package: str
    name: str

    @classmethod
    def parse(cls, text: str, package: str = "", at: Location | None = None) -> Label:
        """Parse `//package:name`, `//package` (its last part is the name), or `:name` in `package`.

        BuildError at `at` for any other text.
        """
        if text.startswith(":"):
            target_package, name = package, text[1:]
        elif text.startswith("//"):
            target_package, colon, name = text[2:].partition(":")
            name = name if colon else target_package.rpartition("/")[2]
        else:
            raise _label_error(text, at)
        if not is_package(target_package) or not is_target_name(name):
            raise _label_error(text, at)
        return cls(target_package, name)

    def __str__(self) -> str:
        return f"//{self.package}:{self.name}"


class Pattern(Record):
    """A set of labels: one (`//p:n`), a package (`//p:*`), or all packages below (`//p/...`).

    A `negative` pattern removes its labels from those of the patterns before it.
    """

    package: str
    name: str | None
    recursive: bool
    negative: bool

    @classmethod
    def parse(cls, text: str, package: str = "", at: Location | None = None) -> Pattern:
        """Parse a pattern of the command line or of a list of labels.

        BuildError at `at` for any other text.
        """
        negative = text.startswith("-")
        body = text[1:] if negative else text
        if body == "//..." or (body.startswith("//") and body.endswith("/...")):
            base = body[2:-3].rstrip("/")
            if not is_package(base):
                raise _label_error(text, at)
            return cls(base, None, True, negative)
        if body.startswith("//") and body.endswith((":*", ":all")):
            base = body[2:].rpartition(":")[0]
            if not is_package(base):
                raise _label_error(text, at)
            return cls(base, None, False, negative)
        label = Label.parse(body, package, at)
        return cls(label.package, label.name, False, negative)

    def matches(self, label: Label) -> bool:
        """True if the label belongs to the set. The sign of the pattern is ignored."""
        if self.name is not None:
            return label.package == self.package and label.name == self.name
        if not self.recursive:
            return label.package == self.package
        return not self.package or f"{label.package}/".startswith(f"{self.package}/")


def qualify_pattern(text: str, package: str) -> str:
    """Write `:*` and `:all` with their package, as `//package:*`; other texts stay."""
    sign, body = ("-", text[1:]) if text.startswith("-") else ("", text)
    return f"{sign}//{package}{body}" if body in (":*", ":all") else text


def _label_error(text: str, at: Location | None) -> BuildError:
    from .similar_names import describe_unusual

    unusual = describe_unusual(text)
    likely = " or ".join(map(repr, resolve_shorthand(text)))
    fix = f"it has {unusual}; {FORM}" if unusual else f"did you mean {likely}?" if likely else FORM
    return BuildError(f"{text!r} is not a label", at, fix, "label")


def resolve_shorthand(text: str) -> tuple[str, ...]:
    """Labels and patterns that were probably meant by a text that is neither, the likeliest first.

    Such texts are paths, globs, labels of other build systems, and names without `:`.
    """
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
        is_glob = not name or (not _NAME_CHARACTERS.issuperset(name) and set(name) & set("*?["))
        likely = [all_of] if is_glob else [f"//{package}:{name}"]
    elif len(parts) > 1:
        likely = [f"//{'/'.join(parts[:-1])}:{parts[-1]}"]
    else:
        likely = [f":{part}" for part in parts]
    if not all(map(_is_label_or_pattern, likely)):
        return ()
    return tuple(f"{sign}{label}" for label in likely if f"{sign}{label}" != text)


def _is_label_or_pattern(text: str) -> bool:
    package, _, name = text.lstrip("/").partition(":")
    return is_package(package.removesuffix("...").rstrip("/")) and (
        name in ("", "*") or is_target_name(name)
    )


def is_package(text: str) -> bool:
    """True if a text is a valid package: empty, or parts that do not end with a dot."""
    return not text or (
        len(text) <= _MAX_PACKAGE
        and all(
            0 < len(part) <= _MAX_PART
            and not part.endswith(".")
            and _PACKAGE_CHARACTERS.issuperset(part)
            for part in text.split("/")
        )
    )


def is_target_name(text: str) -> bool:
    """True if a text is a valid name of a target."""
    return (
        0 < len(text) <= _MAX_PART and _NAME_CHARACTERS.issuperset(text) and bool(text.strip("."))
    )
