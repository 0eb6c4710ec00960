"""Image configuration: checked user input as the OCI document (image-spec config.md)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from ociimage.errors import ImageError

ARCHITECTURES = (
    "386",
    "amd64",
    "arm",
    "arm64",
    "loong64",
    "mips64le",
    "ppc64le",
    "riscv64",
    "s390x",
)
USER = "65532:65532"
_UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_TIMES = {"interval": "Interval", "timeout": "Timeout", "start_period": "StartPeriod"}


def _strings(key: str, value: Any) -> list[str]:
    if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        return value
    raise ImageError(
        f"{key} must be a list of strings (there is no shell to split a line), not {value!r}"
    )


def _command(key: str, value: Any) -> list[str]:
    words = _strings(key, value)
    if not words[0].startswith("/"):
        raise ImageError(
            f"{key} starts with {words[0]!r}; write the absolute path, there is no PATH"
        )
    return words


def _user(key: str, value: Any) -> str:
    numbers = re.fullmatch(r"([0-9]{1,9})(?::([0-9]{1,9}))?", str(value))
    if numbers is None:
        raise ImageError(
            f"{key} must be UID or UID:GID in numbers (there is no /etc/passwd), not {value!r}"
        )
    if int(numbers[1]) == 0:
        raise ImageError(f"{key} {value!r} is the superuser; use another uid, such as {USER}")
    return str(value)


def _pairs(key: str, value: Any) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return dict(sorted(value.items()))
    raise ImageError(f"{key} must be a table of strings, not {value!r}")


def _env(key: str, value: Any) -> list[str]:
    pairs = _pairs(key, value)
    for name in pairs:
        if not name or "=" in name or "\0" in name + pairs[name]:
            raise ImageError(f"{key}: {name!r} cannot be the name of an environment variable")
    return [f"{name}={text}" for name, text in pairs.items()]


def _absolute(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise ImageError(f"{key} must be an absolute path of the image, not {value!r}")
    return value


def _word(key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.+-]+", value):
        raise ImageError(f"{key} must be one word, not {value!r}")
    return value


def _nanoseconds(key: str, value: Any) -> int:
    fields = re.fullmatch(r"([0-9]{1,9})(ms|s|m|h)", str(value))
    if fields is None:
        raise ImageError(f"{key} must be a time such as '500ms' or '10s', not {value!r}")
    return int(fields[1]) * _UNITS[fields[2]]


def _healthcheck(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or "test" not in value:
        raise ImageError(f"{key} must be a table with 'test', a command as a list, not {value!r}")
    _known(key + ".", value, ("test", "retries", *_TIMES))
    document: dict[str, Any] = {"Test": ["CMD", *_command(f"{key}.test", value["test"])]}
    for name in sorted(set(_TIMES) & set(value)):
        document[_TIMES[name]] = _nanoseconds(f"{key}.{name}", value[name])
    if "retries" in value:
        if type(value["retries"]) is not int or value["retries"] < 1:
            raise ImageError(f"{key}.retries must be a number from 1 up, not {value['retries']!r}")
        document["Retries"] = value["retries"]
    return document


def _ports(key: str, value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, list) or not all(
        type(port) is int and 0 < port < 1 << 16 for port in value
    ):
        raise ImageError(f"{key} must be a list of TCP ports such as 8080, not {value!r}")
    return {f"{port}/tcp": {} for port in sorted(value)}


_FIELDS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "user": ("User", _user),
    "entrypoint": ("Entrypoint", _command),
    "cmd": ("Cmd", _strings),
    "env": ("Env", _env),
    "labels": ("Labels", _pairs),
    "healthcheck": ("Healthcheck", _healthcheck),
    "ports": ("ExposedPorts", _ports),
    "workingdir": ("WorkingDir", _absolute),
    "stopsignal": ("StopSignal", _word),
}
_PLATFORM = ("architecture", "os", "variant")


def _known(prefix: str, table: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for key in sorted(set(table) - set(names)):
        near = difflib.get_close_matches(key, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "known are " + ", ".join(sorted(names))
        raise ImageError(f"{prefix}{key} is not a key of an image's configuration; {hint}")


def configuration(wanted: Any) -> dict[str, Any]:
    """Return the OCI configuration without times and layers; ImageError names the wrong key."""
    if not isinstance(wanted, dict):
        raise ImageError("the configuration must be a JSON object")
    _known("", wanted, (*_FIELDS, *_PLATFORM))
    for key in ("architecture", "entrypoint"):
        if key not in wanted:
            raise ImageError(f"the configuration has no {key!r}; every image needs one")
    if wanted["architecture"] not in ARCHITECTURES:
        raise ImageError(
            f"architecture {wanted['architecture']!r} is not one of {', '.join(ARCHITECTURES)}"
        )
    platform = {"os": "linux", **{key: wanted[key] for key in _PLATFORM if key in wanted}}
    settings = {
        "user": USER,
        "workingdir": "/",
        **{key: wanted[key] for key in _FIELDS if key in wanted},
    }
    process = {_FIELDS[key][0]: _FIELDS[key][1](key, value) for key, value in settings.items()}
    return {**{key: _word(key, value) for key, value in platform.items()}, "config": process}


def programs(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the programs that the runtime starts: key -> path in the image without leading '/'."""
    process = config["config"]
    paths = {"entrypoint": process["Entrypoint"][0].lstrip("/")}
    if "Healthcheck" in process:
        paths["healthcheck"] = process["Healthcheck"]["Test"][1].lstrip("/")
    return paths
