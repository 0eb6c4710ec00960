"""Releases: a folder of images, documents and signatures of one commit, a ledger and a git tag."""
