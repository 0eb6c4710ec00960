"""Signatures: Ed25519 keys in files of openssl, and DSSE envelopes."""
