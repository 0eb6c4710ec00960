"""The error of a lock file or of a package."""


class PackageError(Exception):
    """A lock cannot be used, or a package is not what the lock says."""
