"""Quality gates: run a checker of source code on what changed, with the verdict of a full run."""
