"""Files and folders: stamps, safe opening of files that buildgraph owns, and removal of trees."""
