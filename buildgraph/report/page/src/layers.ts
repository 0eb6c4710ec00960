/** Layers of a graph without cycles: each node right of all that it depends on. */
export type Placed = { node: number; layer: number; row: number };

/** Place `count` nodes; an edge [a, b] says that a depends on b. Rows follow their neighbours. */
export function placeLayers(count: number, edges: readonly (readonly [number, number])[]): Placed[] {
  const deps = Array.from({ length: count }, () => [] as number[]);
  for (const [user, dep] of edges) deps[user]?.push(dep);
  const layer = new Array<number>(count).fill(-1);
  const depth = (node: number): number => {
    const known = layer[node] ?? -1;
    if (known >= 0) return known;
    const own = Math.max(0, ...(deps[node] ?? []).map((dep) => depth(dep) + 1));
    layer[node] = own;
    return own;
  };
  for (let node = 0; node < count; node++) depth(node);
  const row = new Array<number>(count).fill(0);
  const placed: Placed[] = [];
  for (let at = 0; at <= Math.max(0, ...layer); at++) {
    const nodes = [...layer.keys()].filter((node) => layer[node] === at);
    const centre = (node: number): number => {
      const rows = (deps[node] ?? []).map((dep) => row[dep] ?? 0);
      return rows.length === 0 ? node : rows.reduce((a, b) => a + b, 0) / rows.length;
    };
    nodes.sort((a, b) => centre(a) - centre(b) || a - b);
    nodes.forEach((node, i) => {
      row[node] = i;
      placed.push({ node, layer: at, row: i });
    });
  }
  return placed;
}
