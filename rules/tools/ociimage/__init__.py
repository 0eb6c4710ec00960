"""Reproducible OCI images, written without a daemon."""
