"""Secrets and paths of the build machine in the files of an image.

The patterns are those of keys with a fixed form, so a match is a secret or a copy of its form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

PATTERNS: Mapping[str, re.Pattern[bytes]] = {
    "private key": re.compile(
        rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*\n?[A-Za-z0-9+/=]"
    ),
    "access key of AWS": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "token of GitHub": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})"),
    "token of GitLab": re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}"),
    "token of Slack": re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "key of Google": re.compile(rb"\bAIza[0-9A-Za-z_-]{35}"),
    "token of npm": re.compile(rb"\bnpm_[A-Za-z0-9]{36}\b"),
    "token of PyPI": re.compile(rb"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}"),
    "key of Stripe": re.compile(rb"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    "password in an address": re.compile(
        rb"\bhttps?://[\w.%-]{1,64}:[^\s/@:\"'{}$<>%]{6,64}@[\w.-]+"
    ),
}
NAMES = re.compile(
    r"(?:^|/)(?:\.netrc|\.git-credentials|\.dockercfg|\.pypirc|\.env|id_(?:rsa|dsa|ecdsa|ed25519)"
    r"|\.docker/config\.json|\.aws/credentials|\.kube/config|\.ssh/(?:config|authorized_keys))$"
)
"""Files that hold credentials, whatever is in them."""
VARIABLES = re.compile(
    r"(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|CREDENTIALS?)(?:_|$)", re.IGNORECASE
)
_HOST_PATH = re.compile(
    rb"(?:/home/|/Users/|/root/|/tmp/|/var/tmp/|/builds/|/github/workspace/)"
    rb"[\w.+-]{2,}(?:/[\w.+-]+)*"
)
_MOST = 5  # findings of a kind in one file


def find_secrets(data: bytes) -> Iterator[str]:
    """Yield the kind of each secret in the content of a file."""
    yield from (kind for kind, pattern in PATTERNS.items() if pattern.search(data))


def secret_name(path: str, data: bytes) -> Iterator[str]:
    """Yield a finding for a file whose name says that it holds credentials, unless it is empty."""
    if data.strip() and NAMES.search(path):
        yield "the name of a file of credentials"


def find_host_paths(data: bytes) -> list[str]:
    """Return paths of a build machine in the content of a file."""
    paths = {match.decode("ascii", "replace") for match in _HOST_PATH.findall(data)}
    return sorted(paths)[:_MOST]


def secret_variables(environment: list[str]) -> list[str]:
    """Return the names of variables of an image's configuration that hold a secret."""
    pairs = [text.partition("=") for text in environment]
    return [name for name, _, value in pairs if value and VARIABLES.search(name)]
