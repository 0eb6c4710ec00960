"""Tests of lock files and packages."""
