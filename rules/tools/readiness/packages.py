"""Packages of an image: what the SBOM lists, which binaries it leaves out, and their licences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.parser import HeaderParser

from readiness.image_files import ImageContent

_STATUS, _INFO, _DOC = "var/lib/dpkg/status", "var/lib/dpkg/info/", "usr/share/doc/"
_APK = "lib/apk/db/installed"
_METADATA = ".dist-info/METADATA"


@dataclass
class Inventory:
    """Packages as "name version", those without a licence, and the paths of their files."""

    packages: list[str] = field(default_factory=list)
    unlicensed: list[str] = field(default_factory=list)
    owned: set[str] = field(default_factory=set)

    def unowned(self, content: ImageContent, own: Iterable[str]) -> list[str]:
        """Return the binaries that belong to no package and are not the build's `own`."""
        known = self.owned | set(own)
        return sorted(
            path
            for path, file in content.files.items()
            if file.binary is not None and not known & set(_aliases(path))
        )


def take_inventory(content: ImageContent) -> Inventory:
    """Return the packages of dpkg, apk and Python that an image lists."""
    inventory = Inventory()
    for path, file in sorted(content.files.items()):
        text = file.data.decode("utf-8", "replace")
        if path == _STATUS or (path.startswith(f"{_STATUS}.d/") and not path.endswith("sums")):
            _add_debian(inventory, content, text)
        elif path.startswith(f"{_STATUS}.d/"):
            inventory.owned |= {line.partition("  ")[2].strip("/") for line in text.splitlines()}
        elif path.startswith(_INFO) and path.endswith(".list"):
            inventory.owned |= {line.strip("/") for line in text.splitlines()}
        elif path == _APK:
            _add_alpine(inventory, text)
        elif path.endswith(_METADATA):
            _add_python(inventory, content, path, text)
    return inventory


def _add_debian(inventory: Inventory, content: ImageContent, text: str) -> None:
    for paragraph in filter(str.strip, text.split("\n\n")):
        fields = HeaderParser().parsestr(paragraph.strip() + "\n")
        name = fields.get("Package", "")
        if name and "deinstall" not in fields.get("Status", ""):
            inventory.packages.append(f"{name} {fields.get('Version', '')}")
            if content.resolve(f"{_DOC}{name}/copyright") is None:
                inventory.unlicensed.append(name)


def _add_alpine(inventory: Inventory, text: str) -> None:
    for paragraph in filter(str.strip, text.split("\n\n")):
        fields, folder = dict[str, str](), ""
        for line in paragraph.splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key, value)
            folder = value if key == "F" else folder
            if key == "R":
                inventory.owned.add(f"{folder}/{value}".strip("/"))
        inventory.packages.append(f"{fields.get('P', '')} {fields.get('V', '')}")
        if not fields.get("L"):
            inventory.unlicensed.append(fields.get("P", ""))


def _add_python(inventory: Inventory, content: ImageContent, path: str, text: str) -> None:
    fields = HeaderParser().parsestr(text)
    name = fields.get("Name", "")
    inventory.packages.append(f"{name} {fields.get('Version', '')}")
    classifiers = fields.get_all("Classifier") or []
    licence = fields.get("License-Expression") or fields.get("License")
    if not licence and not any(line.startswith("License ::") for line in classifiers):
        inventory.unlicensed.append(name)
    site = path.rpartition("/")[0].rpartition("/")[0]
    top = {name.replace("-", "_"), f"{name.replace('-', '_')}.libs"}
    inventory.owned |= {
        file for file in content.files if file.removeprefix(f"{site}/").partition("/")[0] in top
    }


def _aliases(path: str) -> Iterator[str]:
    """Yield a path and its form without or with `usr/`, which merged systems link to each other."""
    yield path
    yield path.removeprefix("usr/") if path.startswith("usr/") else f"usr/{path}"
