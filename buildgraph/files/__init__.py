"""Files and folders of buildgraph itself: stamps, safe opening, removal."""
