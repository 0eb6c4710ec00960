"""Lock files of package managers: read them, get the packages, verify and unpack them."""
