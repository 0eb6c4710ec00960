"""Action `import_pomdp`: a POMDP in Cassandra's text format -> IR folder and labels.json.

    python3 import_pomdp.py --source FILE.pomdp [--preferences JSON] [--rewards observed|preferences]
        [--reward-scale NATS] [--reward-gain] [--inference JSON] --out DIR [--labels FILE]

T becomes B and O becomes A. The agent's first observation is of the state that `start` describes. Where observations
depend on the action, a second factor remembers the last action; before the first one it is `none`, and what is seen
then tells nothing. Rewards become preferences C, discounted over the policy, where what is seen tells the reward; elsewhere
the reward is observed, as a modality of its own (see rewards.py). `--preferences` says others in their place.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from agentc.importers.main import options, run
from agentc.importers.pomdp.reader import announced, make
from agentc.importers.pomdp.rewards import Wanted


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one message on stderr that lists every fault."""
    parser = options("import_pomdp", __doc__)
    parser.add_argument("--preferences")
    parser.add_argument("--rewards", choices=("observed", "preferences"), default="")
    parser.add_argument("--reward-scale", type=float, default=1.0)
    parser.add_argument("--reward-gain", action="store_true")
    args = parser.parse_args(argv)
    rewards = Wanted(args.rewards, args.reward_scale, args.reward_gain)
    return run(
        args, lambda: announced(make(args.source, args.preferences, args.inference, rewards))
    )


if __name__ == "__main__":
    sys.exit(main())
