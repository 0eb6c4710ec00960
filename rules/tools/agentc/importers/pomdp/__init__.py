"""Reader of Cassandra's POMDP text format."""
