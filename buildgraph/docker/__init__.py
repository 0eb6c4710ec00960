"""Load images into Docker and run them."""
