"""Error of the ociimage package."""

from __future__ import annotations


class ImageError(Exception):
    """An archive or image cannot be written; the message gives the reason and the fix."""
