import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Document } from "../data";
import { placeLayers } from "../layers";
import { linkTo } from "../route";

const WIDTH = 210;
const HEIGHT = 40;
const GAP_X = 60;
const GAP_Y = 10;

/** The targets of the report by layers: what depends on something is right of it. */
export function GraphView({ data }: { data: Document }): JSX.Element {
  const { targets, edges } = data.graph;
  const placed = useMemo(() => placeLayers(targets.length, edges), [targets, edges]);
  const [near, setNear] = useState(-1);
  const at = useMemo(() => {
    const rows: { x: number; y: number }[] = [];
    for (const { node, layer, row } of placed)
      rows[node] = { x: layer * (WIDTH + GAP_X), y: row * (HEIGHT + GAP_Y) };
    return rows;
  }, [placed]);
  const width = Math.max(0, ...at.map(({ x }) => x)) + WIDTH;
  const height = Math.max(0, ...at.map(({ y }) => y)) + HEIGHT;
  const rules = [...new Set(targets.map((target) => target.rule))].sort();
  return (
    <>
      <h1>Graph</h1>
      <p>
        {targets.length} targets, {edges.length} dependencies. A target is right of all that it depends on.
      </p>
      <ul class="legend">
        {rules.map((rule, i) => (
          <li>
            <span class={`key layer${i % 6}`} aria-hidden="true" /> {rule}
          </li>
        ))}
      </ul>
      <div class="scroll" tabIndex={0} role="region" aria-label="Target graph">
        <svg class="graph" width={width + 8} height={height + 8} viewBox={`-4 -4 ${width + 8} ${height + 8}`}>
          {edges.map(([user, dep]) => {
            const [from, to] = [at[dep], at[user]];
            if (!from || !to) return null;
            const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
            const middle = (x1 + x2) / 2;
            return (
              <path
                class={near === user || near === dep ? "near" : ""}
                d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`}
              />
            );
          })}
          {targets.map((target, i) => {
            const place = at[i];
            if (!place) return null;
            const page = { export: "export", model: "agent" }[target.rule];
            const name = target.label.length > 28 ? `\u2026${target.label.slice(-27)}` : target.label;
            const node = (
              <>
                <title>{`${target.label} (${target.rule}) ${target.failure}`}</title>
                <rect
                  class={`tile layer${rules.indexOf(target.rule) % 6} ${target.failure ? "bad" : ""}`}
                  x={place.x}
                  y={place.y}
                  width={WIDTH}
                  height={HEIGHT}
                  rx={4}
                />
                <text x={place.x + 8} y={place.y + 17}>
                  {name}
                </text>
                <text class="note" x={place.x + 8} y={place.y + 33}>
                  {target.failure ? "\u2717 failed" : target.rule}
                </text>
              </>
            );
            const enter = (): void => {
              setNear(i);
            };
            return page ? (
              <a href={linkTo(page, target.label)} onFocus={enter} onMouseEnter={enter}>
                {node}
              </a>
            ) : (
              <g onMouseEnter={enter}>{node}</g>
            );
          })}
        </svg>
      </div>
    </>
  );
}
