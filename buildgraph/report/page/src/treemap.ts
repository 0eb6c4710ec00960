/** Squarified tree map (Bruls, Huizing, van Wijk 2000): areas by size, near to squares. */
export type Box = { x: number; y: number; width: number; height: number };
export type Tile<T> = Box & { item: T };

export function treemap<T>(items: readonly T[], sizeOf: (item: T) => number, box: Box): Tile<T>[] {
  const sorted = items.filter((item) => sizeOf(item) > 0).toSorted((a, b) => sizeOf(b) - sizeOf(a));
  const total = sorted.reduce((sum, item) => sum + sizeOf(item), 0);
  const scale = total === 0 ? 0 : (box.width * box.height) / total;
  const tiles: Tile<T>[] = [];
  let rest = box;
  let at = 0;
  while (at < sorted.length) {
    const side = Math.min(rest.width, rest.height);
    let end = at + 1;
    let area = sizeOf(sorted[at] as T) * scale;
    let worst = ratio(area, area, area, side);
    while (end < sorted.length) {
      const next = sizeOf(sorted[end] as T) * scale;
      const wider = ratio(sizeOf(sorted[at] as T) * scale, next, area + next, side);
      if (wider > worst) break;
      worst = wider;
      area += next;
      end += 1;
    }
    const row = sorted.slice(at, end);
    rest = placeRow(row.map((item) => [item, sizeOf(item) * scale]), area, rest, tiles);
    at = end;
  }
  return tiles;
}

/** The worst ratio of sides in a row of tiles with this largest, smallest and whole area. */
function ratio(largest: number, smallest: number, area: number, side: number): number {
  const square = area * area;
  return Math.max((side * side * largest) / square, square / (side * side * smallest));
}

function placeRow<T>(row: [T, number][], area: number, box: Box, tiles: Tile<T>[]): Box {
  const across = box.width >= box.height;
  const thickness = area / (across ? box.height : box.width);
  let { x, y } = box;
  for (const [item, size] of row) {
    const length = size / thickness;
    const [width, height] = across ? [thickness, length] : [length, thickness];
    tiles.push({ item, x, y, width, height });
    if (across) y += length;
    else x += length;
  }
  return across
    ? { ...box, x: box.x + thickness, width: box.width - thickness }
    : { ...box, y: box.y + thickness, height: box.height - thickness };
}
