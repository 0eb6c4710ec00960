"""Write requested outputs into the workspace."""
