"""Reports for CI services: annotations, log groups, a job summary, and JUnit."""
