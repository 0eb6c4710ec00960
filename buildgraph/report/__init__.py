"""The report page: one HTML file with the fleet, the graph, the builds, the exports, the agents."""
