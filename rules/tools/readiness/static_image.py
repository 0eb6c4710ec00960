"""Checks of the gate `static`: the content of an image, read from its OCI layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from readiness.evidence import Check, Json
from readiness.image_files import ImageContent, ImageFile
from readiness.libraries import missing_libraries
from readiness.packages import take_inventory
from readiness.secrets import secret_variables

IMAGE, BINARIES, HEADERS = "the image", "all ELF files of the image", "headers of all layers"
CONFIG = "configuration of the image"
SHELLS = frozenset("ash bash busybox csh dash fish ksh mksh sh tcsh toybox zsh".split())
MANAGERS = frozenset(
    "apk apt apt-get dnf dpkg microdnf opkg pacman pip pip3 rpm yum zypper".split()
)
HANDLED = ("SIGTERM", "SIGINT", "15", "2")
"""Signals on which the program ends."""
_LEVELS = {"x86_64": 1, "x86_64_v2": 2, "x86_64_v3": 3, "x86_64_v4": 4}
_MOST = 20  # entries of a list in the evidence
_OTHER_IMAGE = "choose a base image without them"


@dataclass(frozen=True)
class Board:
    """Facts that an image must fit: OCI architecture and variant, and the compiler's core."""

    arch: str
    variant: str
    cpu: str


@dataclass(frozen=True)
class Finding:
    """A check of which nothing may be found: its name, its method, and what was found."""

    name: str
    how: str
    paths: Sequence[str]
    what: str
    fix: str = ""
    on: str = IMAGE


def checks(content: ImageContent, board: Board, allow: Sequence[str]) -> list[Check]:
    """Return the checks of an image for a board; those in `allow` pass whatever they find."""
    results = [
        _platform(content, board),
        *map(_judge, _binaries(content, board)),
        _user(content),
        *map(_judge, _permissions(content)),
        *map(_judge, _contents(content)),
        *_packages(content),
        _health(content),
        _stop_signal(content),
    ]
    return [_allowed(check) if check.name in allow else check for check in results]


def unread_checks(names: Sequence[str], why: str) -> list[Check]:
    """Return the checks of an image whose layers cannot be read here."""
    return [Check(name, "not checked", HEADERS, IMAGE, why=why) for name in names]


def _allowed(check: Check) -> Check:
    if check.verdict != "failed":
        return check
    why = f'allowed by allow = ["{check.name}"]: {check.why}'
    return replace(check, verdict="passed", why=why, fix="", key="allow")


def _judge(finding: Finding) -> Check:
    check = Check(finding.name, "passed", finding.how, finding.on, measured=0, limit=0)
    if not finding.paths:
        return check
    listed = sorted(finding.paths)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    why = f"{finding.what}: {', '.join(listed[:3])}{more}"
    return replace(check, verdict="failed", measured=listed[:_MOST], why=why, fix=finding.fix)


def _platform(content: ImageContent, board: Board) -> Check:
    config = content.config
    stated = [str(config.get(key, "")) for key in ("os", "architecture", "variant")]
    limit = ["linux", board.arch, board.variant]
    check = Check("platform", "passed", CONFIG, IMAGE, _joined(stated), _joined(limit))
    # An image for arm64 without a variant is one for v8.
    if stated == limit or (stated[:2] == limit[:2] and {stated[2], limit[2]} <= {"", "v8"}):
        return check
    why = f"the image says {check.measured}, and the board is {check.limit}"
    return replace(check, verdict="failed", why=why, fix="build the image for the board")


def _joined(parts: Sequence[str]) -> str:
    return "/".join(filter(None, parts))


def _binaries(content: ImageContent, board: Board) -> Iterator[Finding]:
    binaries = [(file.path, file.binary) for file in content.files.values() if file.binary]
    yield Finding(
        "machine",
        "e_machine of the ELF headers",
        [f"{path} ({one.machine})" for path, one in binaries if one.machine != board.arch],
        f"binaries for another processor than {board.arch}",
        "replace them by those of the board's architecture",
        BINARIES,
    )
    level = _LEVELS.get(board.cpu, 4)
    yield Finding(
        "instruction-set",
        "x86-64 level of the GNU notes; `emulation` runs the instructions themselves",
        [f"{path} (x86-64-v{one.level})" for path, one in binaries if one.level > level],
        f"binaries for a higher level than {board.cpu} has",
        "compile them for the board's processor",
        BINARIES,
    )
    yield Finding(
        "libraries",
        "DT_NEEDED, RUNPATH, ld.so.conf and PT_INTERP, symlinks followed",
        missing_libraries(content),
        "libraries that the image lacks",
        "add them to the image, or link the program statically",
        BINARIES,
    )


def _user(content: ImageContent) -> Check:
    user = str((content.config.get("config") or {}).get("User", ""))
    check = Check("user", "passed", CONFIG, IMAGE, user)
    if user.partition(":")[0] not in ("", "0", "root"):
        return check
    why, fix = "the image runs as the superuser", "set another user, such as 65532:65532"
    return replace(check, verdict="failed", why=why, fix=fix)


def _permissions(content: ImageContent) -> Iterator[Finding]:
    files = [file for file in content.files.values() if file.kind != "symlink"]
    special = [file.path for file in files if file.kind == "file" and file.mode & 0o6000]
    yield Finding("setuid", HEADERS, special, "setuid or setgid files", _OTHER_IMAGE)
    # A sticky folder such as /tmp lets nobody replace the files of others.
    writable = [file.path for file in files if file.mode & 0o002 and not file.mode & 0o1000]
    fix = "take the permission of others to write"
    yield Finding("writable", HEADERS, writable, "files that everybody can write", fix)
    devices = [file.path for file in files if file.kind == "device"]
    yield Finding("devices", HEADERS, devices, "devices and FIFOs", "remove them from the image")
    shells = [file.path for file in content.files.values() if _runs(file, SHELLS)]
    yield Finding("shell", HEADERS, shells, "shells", f'{_OTHER_IMAGE}, or allow = ["shell"]')
    managers = [file.path for file in content.files.values() if _runs(file, MANAGERS)]
    fix = f'{_OTHER_IMAGE}, or allow = ["package-manager"]'
    yield Finding("package-manager", HEADERS, managers, "package managers", fix)


def _runs(file: ImageFile, names: frozenset[str]) -> bool:
    """True for an executable of one of these names; a folder or a text of that name is none."""
    is_program = file.kind == "symlink" or (file.kind == "file" and bool(file.mode & 0o111))
    folder, _, name = file.path.rpartition("/")
    return is_program and name in names and folder.rpartition("/")[2] in ("bin", "sbin", "")


def _contents(content: ImageContent) -> Iterator[Finding]:
    process = content.config.get("config") or {}
    variables = [f"variable {name}" for name in secret_variables(process.get("Env") or [])]
    yield Finding(
        "secrets",
        "patterns of keys and tokens, names of files and of variables, in every layer",
        [*content.secrets, *variables],
        "secrets",
        "remove them from the source, and revoke them: a lower layer keeps a removed file",
    )
    yield Finding(
        "host-paths",
        "patterns of paths, in the layer of this build",
        content.host_paths,
        "paths of a build machine",
        "build without absolute paths, such as with -ffile-prefix-map",
    )


def _packages(content: ImageContent) -> Iterator[Check]:
    inventory = take_inventory(content)
    measured: Json = sorted(inventory.packages)
    how = "databases of dpkg and apk, and METADATA of Python"
    process = content.config.get("config") or {}
    own = [str(word).strip("/") for word in (process.get("Entrypoint") or [])[:1]]
    sbom = _judge(
        Finding(
            "sbom",
            how,
            inventory.unowned(content, own),
            "binaries of no package",
            'install them as packages, or allow = ["sbom"]',
            BINARIES,
        )
    )
    yield replace(sbom, measured=measured, limit=None) if sbom.verdict == "passed" else sbom
    yield _judge(
        Finding(
            "licences",
            f"{how}; usr/share/doc/*/copyright",
            inventory.unlicensed,
            "packages without a licence",
            'keep their copyright files, or allow = ["licences"]',
        )
    )


def _health(content: ImageContent) -> Check:
    process = content.config.get("config") or {}
    test = list((process.get("Healthcheck") or {}).get("Test") or [])
    check = Check("healthcheck", "passed", CONFIG, IMAGE, " ".join(map(str, test)))
    if test[:1] in ([], ["NONE"]):
        return replace(check, verdict="failed", why="the image has no health check")
    if test[0] == "CMD-SHELL":
        why = "the health check needs a shell"
        return replace(check, verdict="failed", why=why, fix="write it as a list of words")
    program = content.resolve(str(test[1])) if len(test) > 1 else None
    if program is None or program.kind != "file" or not program.mode & 0o111:
        why = f"the health check starts {test[1:2]}, which is no program of the image"
        return replace(check, verdict="failed", why=why)
    return check


def _stop_signal(content: ImageContent) -> Check:
    signal = str((content.config.get("config") or {}).get("StopSignal") or "SIGTERM")
    check = Check("stop-signal", "passed", CONFIG, IMAGE, signal, "SIGTERM or SIGINT")
    if signal in HANDLED:
        return check
    why = f"the program does not end on {signal}"
    return replace(check, verdict="failed", why=why, fix="leave the stop signal out: SIGTERM")
