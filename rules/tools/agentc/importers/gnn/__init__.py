"""Reader of Generalized Notation Notation (GNN)."""
