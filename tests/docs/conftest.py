"""A Docker daemon for blocks that need one."""
from tests.daemon import daemon

__all__ = ["daemon"]
