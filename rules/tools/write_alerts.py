"""Write the alert rules of a coalition for Prometheus.

write_alerts.py --group NAME --agent scout monitor.json --false-alarm-every STEPS
    --tolerance SHARE [--deadline NANOSECONDS] --out alerts.yml
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agentc.monitor.alerts import alerts, rules_file
from agentc.monitor.bets import Limits


def main(argv: Sequence[str]) -> int:
    """Write --out from the limits and the nominal model of each agent."""
    parser = argparse.ArgumentParser(prog="write_alerts", description="Write alert rules.")
    parser.add_argument("--group", required=True)
    parser.add_argument("--agent", action="append", nargs=2, default=[], metavar=("NAME", "FILE"))
    parser.add_argument("--false-alarm-every", type=float, required=True)
    parser.add_argument("--tolerance", type=float, required=True)
    parser.add_argument("--deadline", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    nominal = {name: json.loads(Path(path).read_bytes()) for name, path in options.agent}
    limits = Limits(options.false_alarm_every, options.tolerance)
    rules = list(alerts(limits, nominal, options.deadline))
    options.out.write_text(rules_file(options.group, rules), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
