"""Import a POMDP in Cassandra's text format to an IR folder and labels.json.

import_pomdp.py --source FILE.pomdp [--preferences JSON] [--rewards observed|preferences]
    [--reward-scale NATS] [--reward-gain] [--inference JSON] --out DIR [--labels FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from agentc.importers.main import argument_parser, run
from agentc.importers.pomdp.reader import make, print_rewards
from agentc.importers.pomdp.rewards import RewardOptions


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return 0, or 1 after one message with all errors."""
    parser = argument_parser("import_pomdp", __doc__)
    parser.add_argument("--preferences")
    parser.add_argument("--rewards", choices=("observed", "preferences"), default="")
    parser.add_argument("--reward-scale", type=float, default=1.0)
    parser.add_argument("--reward-gain", action="store_true")
    args = parser.parse_args(argv)
    rewards = RewardOptions(args.rewards, args.reward_scale, args.reward_gain)
    return run(
        args, lambda: print_rewards(make(args.source, args.preferences, args.inference, rewards))
    )


if __name__ == "__main__":
    sys.exit(main())
