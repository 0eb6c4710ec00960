"""The rule `base_image`: an image by digest, on which exports put their program."""

from __future__ import annotations

import re
from dataclasses import dataclass

from buildgraph import Artifact, BuildError, Ctx, Globs, In, Out, Provider, Source, Tool, rule

FETCH_IMAGE = Tool("fetch_image")
_TIMEOUT_S = 3600
_IMAGE = re.compile(
    r"[^/@\s]*[.:][^/@\s]*/[^@\s]+@sha256:[0-9a-f]{64}|localhost/[^@\s]+@sha256:[0-9a-f]{64}"
)


@dataclass(frozen=True)
class BaseImage(Provider):
    """An image for exports to build on. `layout` are the files of an OCI layout, if it is one."""

    image: str
    layout: tuple[Source, ...]
    ca: Source | None

    def outputs(self) -> dict[str, Artifact]:
        """Return none: an image is fetched when an export needs it, for its platform."""
        return {}

    @property
    def name(self) -> str:
        """The reference without the digest."""
        return self.image.partition("@")[0]


@rule
def base_image(
    ctx: Ctx, image: str, layout: Globs | None = None, ca: Source | None = None
) -> BaseImage:
    """An image by digest as a base: `image = "docker.io/library/debian:12@sha256:..."`.

    An export with `base = "//bases:debian"` puts its program on top. Of an index, the image for the
    platform of the board is taken. It is fetched once, when it is needed, and its blobs are
    verified and never rewritten. `layout = ["debian/**"]` are the files of an OCI layout in the
    workspace that has the image; then nothing is fetched. `ca` is a file of further certificate
    authorities for the registry.
    """
    if not _IMAGE.fullmatch(image):
        has_digest = "@sha256:" in image
        raise BuildError(
            f"{image!r} is not an image of a registry with its digest",
            ctx.target.place("image"),
            "name the registry, such as docker.io/library/debian@sha256:..."
            if has_digest
            else "a tag can move: `buildgraph pull HOST/NAME:TAG` prints the digest of a tag",
        )
    sources = layout.sources if layout else ()
    if layout and len(_indexes(sources)) != 1:
        raise BuildError(
            f"the files of the layout have {len(_indexes(sources))} times index.json beside "
            "oci-layout",
            ctx.target.place("layout"),
            'name all files of one OCI layout, such as layout = ["debian/**"]',
        )
    return BaseImage(image, sources, ca)


def _indexes(sources: tuple[Source, ...]) -> list[str]:
    """Return the folders that have `index.json` and `oci-layout`, each with a slash or ''."""
    names = {source.name for source in sources}
    folders = [name.removesuffix("index.json") for name in names if name.endswith("index.json")]
    return [folder for folder in folders if f"{folder}oci-layout" in names]


def fetch_base(ctx: Ctx, base: BaseImage, machine: tuple[str, str]) -> Artifact:
    """Declare the action that gets a base image for a platform: a layout of one image."""
    options: list[str | In] = []
    inputs: tuple[In, ...] = ()
    if base.layout:
        (folder,) = _indexes(base.layout)
        inputs = tuple(
            In(source, f"in/layout/{source.name.removeprefix(folder)}") for source in base.layout
        )
        options += ["--layout", "in/layout"]
    elif base.ca:
        options += ["--ca", In(base.ca, "in/ca.pem")]
    (image,) = ctx.tool(
        FETCH_IMAGE,
        "--image",
        base.image,
        "--platform",
        "/".join(filter(None, ("linux", *machine))),
        *options,
        "--out",
        Out("base", tree=True),
        inputs=inputs,
        title="get the base image",
        network=not base.layout,
        timeout=_TIMEOUT_S,
    )
    return image
