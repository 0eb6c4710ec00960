"""VERIFY.md: how to verify a release with openssl and sha256sum only."""

from __future__ import annotations

_HEAD = """# Verify this release

Run the commands in this folder. They need `sha256sum` and `openssl` 3, and no network.
"""
_SUMS = """
## The files are complete and unchanged

```sh
sha256sum --check --strict --quiet SHA256SUMS
```

`SHA256SUMS` names each file of the release but itself and its signature.
"""
_SIGNED = """
## The signature is valid

```sh
openssl pkeyutl -verify -rawin -pubin -inkey release.pub -sigfile SHA256SUMS.sig -in SHA256SUMS
```

Compare the key with the one that you trust, which you got in another way. This prints its id:

```sh
openssl pkey -pubin -in release.pub -outform DER | sha256sum
```

## The statements are signed

`build.dsse.json` names the builder of this release, the time and the place. Its payload is
`build.json`, and the `*.provenance.dsse.json` have the files `*.provenance.json`, each without the
newline at its end. The signed bytes are the pre-authentication encoding of DSSE:

```sh
export TMPDIR=$(mktemp -d)
```

```sh
for envelope in *.dsse.json; do
  file=${envelope%.dsse.json}.json
  type=application/vnd.in-toto+json
  size=$(($(wc -c < "$file") - 1))
  { printf 'DSSEv1 %d %s %d ' ${#type} $type $size; head -c $size "$file"; } > "$TMPDIR/pae"
  sed 's/.*"sig":"\\([^"]*\\)".*/\\1/' "$envelope" | openssl base64 -d -A > "$TMPDIR/sig"
  openssl pkeyutl -verify -rawin -pubin -inkey release.pub \\
    -sigfile "$TMPDIR/sig" -in "$TMPDIR/pae"
done
```
"""
_UNSIGNED = """
This release is not signed. Compare the digest of `SHA256SUMS` with one that you trust:

```sh
sha256sum SHA256SUMS
```
"""
_IMAGES = """
## An image has the digest of the release

`release.json` names the digest of each image, and the layout holds the bytes under that digest:

```sh
(cd {name}/blobs/sha256 && for blob in *; do echo "$blob  $blob"; done | sha256sum --check --quiet)
```

The git tag of the release and the ledger have the digest of `release.json`:

```sh
sha256sum release.json
```

`buildgraph verify` does all this, and rebuilds the release from its commit.
"""


def verify_page(name: str, signed: bool) -> str:
    """Return the page; `name` is the folder of an image in the release, or ''."""
    parts = (
        _HEAD,
        _SUMS,
        _SIGNED if signed else _UNSIGNED,
        _IMAGES.format(name=name) if name else "",
    )
    return "".join(parts)
