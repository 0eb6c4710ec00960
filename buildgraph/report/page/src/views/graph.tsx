import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Document } from "../data";
import { layOut, type Point } from "../layers";
import { linkTo } from "../route";

const WIDTH = 210;
const HEIGHT = 40;
const GAP_X = 60;
const GAP_Y = 10;

const leftOf = (point: Point): number => point.layer * (WIDTH + GAP_X);
const topOf = (point: Point): number => point.row * (HEIGHT + GAP_Y);

/** A curve from the right side of the first point to the left side of the last one. */
function curve(route: readonly Point[]): string {
  return route
    .slice(1)
    .map((to, i) => {
      const from = route[i] ?? to;
      const [x1, y1] = [leftOf(from) + WIDTH, topOf(from) + HEIGHT / 2];
      const [x2, y2] = [leftOf(to), topOf(to) + HEIGHT / 2];
      const middle = (x1 + x2) / 2;
      const start = i === 0 ? `M${x1} ${y1}` : `L${x1} ${y1}`;
      return `${start}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
    })
    .join("");
}

/** The targets of the report by layers: what depends on something is right of it. */
export function GraphView({ data }: { data: Document }): JSX.Element {
  const { targets, edges } = data.graph;
  const { nodes, routes } = useMemo(() => layOut(targets.length, edges), [targets, edges]);
  const [near, setNear] = useState(-1);
  const points = [...nodes, ...routes.flat()];
  const width = Math.max(0, ...points.map((point) => leftOf(point))) + WIDTH;
  const height = Math.max(0, ...points.map((point) => topOf(point))) + HEIGHT;
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
          {routes.map((route, i) => (
            <path class={edges[i]?.includes(near) ? "near" : ""} d={curve(route)} />
          ))}
          {targets.map((target, i) => {
            const point = nodes[i];
            if (!point) return null;
            const place = { x: leftOf(point), y: topOf(point) };
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
