"""Rules that use every name of `buildgraph`; mypy --strict must accept the file."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import (
    Artifact,
    BuildError,
    Content,
    Ctx,
    Digest,
    Duration,
    Gate,
    Globs,
    In,
    Label,
    Out,
    Output,
    Program,
    Provider,
    Shipped,
    Size,
    Source,
    Tool,
    did_you_mean,
    rule,
)

LINTER = Tool("run_check")


@dataclass(frozen=True)
class Page(Provider):
    """A page and its tests."""

    page: Artifact
    limit: Size
    gates: tuple[Gate, ...] = ()


@rule
def page(
    ctx: Ctx,
    source: Source,
    styles: Globs,
    parts: tuple[Page, ...] = (),
    limit: Size = Size(1 << 20),
    timeout: Duration = Duration(5_000_000_000),
    env: dict[str, str] | None = None,
    theme: str = "light",
) -> Page:
    """Write a page.

    `source` is the text, `styles` are its style sheets.
    """
    if theme not in ("light", "dark"):
        hint = did_you_mean(theme, ["light", "dark"])
        raise BuildError(f"no theme {theme!r}", ctx.target.place("theme"), hint, reason="rule")
    inputs = [In(style, style.name) for style in styles.sources]
    settings = Content("settings.json", b"{}")
    outputs: tuple[Output, ...] = ctx.run(
        (Program("pandoc"), source, settings, Out("page.html"), *(part.page for part in parts)),
        inputs=inputs,
        outputs=(Out("assets", tree=True),),
        title=f"page {ctx.label.name}",
        env=env or {},
        timeout=max(1, timeout // 1_000_000_000),
    )
    (verdict,) = ctx.tool(LINTER, outputs[0], Out("verdict"), "--limit", str(limit))
    return Page(outputs[0], limit, (Gate("lint", verdict, needs=("pandoc",)),))


@rule
def pages(ctx: Ctx, pages: tuple[Page, ...]) -> Page:
    """Collect pages; the sum of their limits is the limit."""
    total = Size(sum(page.limit for page in pages))
    (index,) = ctx.run(("cat", *(page.page for page in pages), Out("index.html")))
    return Page(index, total)


def describe(label: Label, digest: Digest, shipped: Shipped) -> str:
    """Return a line about a target."""
    return f"{label} {label.package} {digest.hash} {digest.size} {shipped.name}"
