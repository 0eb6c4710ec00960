"""Read BUILD.toml files and list the files of a workspace."""
