"""The options of verbs that talk to a container registry."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry.transport import TransportSettings


def add_registry_options(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--ca",
        default="",
        metavar="FILE",
        help="file of further certificate authorities, PEM (SSL_CERT_FILE replaces those of the "
        "system)",
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="use plain HTTP with a registry that has no TLS; registries of this machine may have "
        "none anyway",
    )


def transport_settings(options: Namespace) -> TransportSettings:
    """Return the settings of the options."""
    from ..registry.transport import TransportSettings

    return TransportSettings(os.path.abspath(options.ca) if options.ca else "", options.insecure)
