"""Tests of the library of quality gates."""
