"""The error that all modules of this package raise."""

from __future__ import annotations


class ImageError(Exception):
    """Something that no archive or image can hold; the message says what, and how to mend it."""
