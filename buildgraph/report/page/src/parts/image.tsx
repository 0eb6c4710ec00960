import type { JSX } from "preact";
import type { ImageFile, Layer } from "../data";
import { formatBytes, shortDigest } from "../format";
import { treemap } from "../treemap";

type Tile = { layer: number; file: ImageFile };
const WIDTH = 800;
const HEIGHT = 240;
const LOW = 60; // height for a few files, where one is nearly all

/** A length across, so that the map is as wide as the window and its texts keep their size. */
function percent(length: number): string {
  return `${(100 * length) / WIDTH}%`;
}

/** An image by layer and file: a tree map of the unpacked bytes, and the same as tables. */
export function ImageLayers({ layers }: { layers: Layer[] }): JSX.Element {
  const files: Tile[] = layers.flatMap((layer, i) => layer.files.map((file) => ({ layer: i, file })));
  const height = files.filter(({ file }) => file.size > 0).length > 3 ? HEIGHT : LOW;
  const box = { x: 0, y: 0, width: WIDTH, height };
  const tiles = treemap(files, (tile) => tile.file.size, box);
  return (
    <>
      <svg
        class="treemap"
        height={height}
        role="img"
        aria-label={`Files of ${layers.length} layers by their size; the tables below have the same`}
      >
        {tiles.map(({ item, x, y, ...tile }) => (
          <svg x={percent(x)} y={y} width={percent(tile.width)} height={tile.height}>
            <title>{`${item.file.path}: ${formatBytes(item.file.size)}, layer ${item.layer + 1}`}</title>
            <rect class={`tile layer${item.layer % 6}`} width="100%" height="100%" />
            {tile.width > 70 && tile.height > 30 && (
              <text x={6} y={18}>
                {item.file.path} {formatBytes(item.file.size)}
              </text>
            )}
          </svg>
        ))}
      </svg>
      {layers.map((layer, i) => (
        <details open={layer.files.length <= 12}>
          <summary>
            <span class={`key layer${i % 6}`} aria-hidden="true" /> Layer {i + 1}:{" "}
            {formatBytes(layer.size)} compressed, {formatBytes(layer.unpacked)} unpacked,{" "}
            {layer.files.length} {layer.files.length === 1 ? "file" : "files"},{" "}
            <code>{shortDigest(layer.digest)}</code>
          </summary>
          <div class="scroll" tabIndex={0} role="region" aria-label={`Files of layer ${i + 1}`}>
            <table>
              <thead>
                <tr>
                  <th scope="col">File</th>
                  <th scope="col" class="number">
                    Size
                  </th>
                  <th scope="col">Mode</th>
                  <th scope="col">Owner</th>
                </tr>
              </thead>
              <tbody>
                {layer.files.map((file) => (
                  <tr>
                    <th scope="row">
                      /{file.path}
                      {file.target && ` \u2192 ${file.target}`}
                    </th>
                    <td class="number">{file.kind === "file" ? formatBytes(file.size) : file.kind}</td>
                    <td>{file.mode.toString(8).padStart(4, "0")}</td>
                    <td>{file.owner}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      ))}
    </>
  );
}
