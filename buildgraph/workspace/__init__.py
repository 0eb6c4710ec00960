"""Parse BUILD.toml files into targets, and list the files of a workspace."""
