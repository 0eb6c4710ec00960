"""The rule `kernel`: a Linux kernel with which exports are booted."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Artifact, Ctx, In, Out, Provider, Source, Tool, rule

UNPACK_KERNEL = Tool("unpack_kernel")


@dataclass(frozen=True)
class Kernel(Provider):
    """A kernel for 64-bit Arm, and the modules of a board with one disk."""

    kernel: Artifact


@rule
def kernel(ctx: Ctx, package: Source) -> Kernel:
    """A Linux kernel of Debian for boards: `package =
    "linux-image-6.1.0-50-cloud-arm64_6.1.176-1_arm64.deb"`.

    The package is a file of the workspace. `apt-get download` fetches it on any machine, and its
    content is an input by digest. An export with `boot = "//kernels:debian"` is booted with it.
    """
    (tree,) = ctx.tool(
        UNPACK_KERNEL,
        In(package, "in/package.deb"),
        "--out",
        Out("kernel", tree=True),
        title="unpack the kernel",
    )
    return Kernel(tree)
