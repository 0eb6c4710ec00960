"""The only user of the Docker SDK: load and run images."""
