"""Graph world of pymdp 1.0.4 (pymdp.envs.graph_worlds): find an object in rooms. 7 x 8 states."""

from __future__ import annotations

from typing import Any


def build(cluster_size: int = 3, connections: int = 2, policy_len: int = 2) -> dict[str, Any]:
    """A, B, C, D and parameters; the agent knows where it starts and nothing about the object."""
    import numpy as np
    from pymdp.envs.graph_worlds import GraphEnv, generate_connected_clusters

    graph, names = generate_connected_clusters(cluster_size=cluster_size, connections=connections)
    env = GraphEnv(graph, object_location=0, agent_location=0)
    places = [name.replace(" ", "_") for name in names["locations"]]
    anywhere = [*places, "nowhere"]
    return {
        "A": list(env.A),
        "B": list(env.B),
        "C": [np.zeros(len(places)), np.array([0.0, 1.0])],
        "D": [env.D[0], np.full(len(anywhere), 1.0 / len(anywhere))],
        "A_dependencies": env.A_dependencies,
        "B_dependencies": env.B_dependencies,
        "num_controls": [len(places), 1],
        "policy_len": policy_len,
        "gamma": 16.0,
        "alpha": 16.0,
        "observations": {
            "location": {"elements": places, "depends_on": ["location"]},
            "object": {"elements": ["unseen", "seen"], "depends_on": ["location", "object_at"]},
        },
        "states": {
            "location": {"elements": places, "depends_on": ["location"], "controlled_by": ["go"]},
            "object_at": {"elements": anywhere, "depends_on": ["object_at"]},
        },
        "controls": {"go": {"elements": places}},
    }
