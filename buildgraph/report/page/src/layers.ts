/** Layers of a graph without cycles: each node right of all that it depends on. */
export type Point = { layer: number; row: number };
export type Layout = {
  /** The place of each node. */
  nodes: Point[];
  /** The places of each edge from dependency to user; edges over several layers have a row in each. */
  routes: Point[][];
};

type Edge = readonly [number, number];

/** Lay out `count` nodes; an edge [a, b] says that a depends on b. Rows follow their neighbours. */
export function layOut(count: number, edges: readonly Edge[]): Layout {
  const layer = layersOf(count, edges);
  const below = Array.from({ length: count }, () => [] as number[]); // one layer to the left
  const chains = edges.map(([user, dep]) => {
    const chain = [dep];
    for (let at = (layer[dep] ?? 0) + 1; at < (layer[user] ?? 0); at++) {
      below.push([chain.at(-1) ?? dep]);
      chain.push(layer.push(at) - 1);
    }
    below[user]?.push(chain.at(-1) ?? dep);
    return [...chain, user];
  });
  const row = rowsOf(layer, below);
  const place = (node: number): Point => ({ layer: layer[node] ?? 0, row: row[node] ?? 0 });
  return {
    nodes: Array.from({ length: count }, (_, node) => place(node)),
    routes: chains.map((chain) => chain.map(place)),
  };
}

/** The layer of each node: the length of its longest chain of dependencies. */
function layersOf(count: number, edges: readonly Edge[]): number[] {
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
  return layer;
}

/** The row of each node in its layer, ordered by the mean row of its neighbours to the left. */
function rowsOf(layer: readonly number[], below: readonly number[][]): number[] {
  const row = new Array<number>(layer.length).fill(0);
  const last = layer.reduce((most, at) => Math.max(most, at), 0);
  for (let at = 0; at <= last; at++) {
    const nodes = [...layer.keys()].filter((node) => layer[node] === at);
    const centre = (node: number): number => {
      const rows = (below[node] ?? []).map((dep) => row[dep] ?? 0);
      return rows.length === 0 ? node : rows.reduce((a, b) => a + b, 0) / rows.length;
    };
    nodes.sort((a, b) => centre(a) - centre(b) || a - b);
    nodes.forEach((node, i) => (row[node] = i));
  }
  return row;
}
