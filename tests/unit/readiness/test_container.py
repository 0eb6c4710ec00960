"""The plan of the gate `container`: the image, a request of one step, and no verdict yet."""

from __future__ import annotations

import json
from pathlib import Path

from agentc.codegen.links import Instances, Ports, resolve
from readiness.container import CHECKS, plan_of, request_of, unchecked

TEAM = Instances({"scout": Ports((3, 2), (2,)), "picker": Ports((4, 2), (3,))}, {"picker": 2})


def test_a_request_has_null_where_a_link_feeds() -> None:
    links = resolve([("scout.action.0", "picker.observation.1")], TEAM)
    line = '{"scout":[0,0],"picker.0":[0,null],"picker.1":[0,null]}'
    assert request_of(links, TEAM, 1) == line
    assert request_of(links, TEAM, 3) == '{"copy":0,' + line[1:]


def test_the_plan_names_image_and_platform(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs/sha256"
    blobs.mkdir(parents=True)
    config = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    (blobs / "c").write_text(json.dumps(config))
    (blobs / "m").write_text(json.dumps({"config": {"digest": "sha256:c"}}))
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [{"digest": "sha256:m"}]}))
    assert plan_of(tmp_path, 9, "{}") == {
        "image": "sha256:m",
        "memory": 9,
        "platform": "linux/arm64/v8",
        "request": "{}",
    }


def test_nothing_is_checked_by_the_plan() -> None:
    document = json.loads(unchecked({"memory": 9}))
    assert (document["gate"], document["verdict"]) == ("container", "not checked")
    assert [check["name"] for check in document["checks"]] == list(CHECKS)
    assert document["plan"] == {"memory": 9}
