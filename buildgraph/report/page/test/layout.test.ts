import { layOut } from "../src/layers";
import { treemap } from "../src/treemap";

test("a node is right of all that it depends on, and long edges have a row in each layer", () => {
  const { nodes, routes } = layOut(4, [[1, 0], [2, 1], [2, 0], [3, 0]]);
  expect(nodes.map((node) => node.layer)).toEqual([0, 1, 2, 1]);
  expect(routes[2]).toHaveLength(3);
  const taken = [...nodes, ...(routes[2]?.slice(1, -1) ?? [])].map(({ layer, row }) => `${layer} ${row}`);
  expect(new Set(taken).size).toBe(taken.length);
});

test("a graph without targets has no places", () => {
  expect(layOut(0, [])).toEqual({ nodes: [], routes: [] });
});

test("tiles have the areas of their sizes, fill the box and do not overlap", () => {
  const sizes = [600, 300, 60, 30, 10, 0];
  const tiles = treemap(sizes, (size) => size, { x: 0, y: 0, width: 100, height: 40 });
  expect(tiles).toHaveLength(5);
  for (const tile of tiles) {
    expect(tile.width * tile.height).toBeCloseTo(4 * tile.item);
    expect(tile.x + tile.width).toBeLessThanOrEqual(100 + 1e-9);
    expect(tile.y + tile.height).toBeLessThanOrEqual(40 + 1e-9);
  }
  for (const a of tiles)
    for (const b of tiles)
      if (a !== b) {
        const apart = a.x + a.width <= b.x + 1e-9 || b.x + b.width <= a.x + 1e-9 || a.y + a.height <= b.y + 1e-9 || b.y + b.height <= a.y + 1e-9;
        expect(apart).toBe(true);
      }
});

test("an image of empty files has no tiles", () => {
  expect(treemap([0, 0], (size) => size, { x: 0, y: 0, width: 10, height: 10 })).toEqual([]);
});
