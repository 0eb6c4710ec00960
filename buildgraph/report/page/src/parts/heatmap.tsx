import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Matrix } from "../data";
import { formatValue } from "../format";
import { elementName, entriesOf, sliceOf } from "../matrix";
import { probabilityShade, signedShade } from "../scale";

const WRITTEN = 8;
/** Columns up to which each cell has its number written in it. */

/** An array as a table of shaded cells: rows are axis 0, columns axis 1, the others are chosen. */
export function HeatMap({ matrix, unit }: { matrix: Matrix; unit: string }): JSX.Element {
  const entries = useMemo(() => entriesOf(matrix), [matrix]);
  const [fixed, setFixed] = useState<number[]>([]);
  const [rows, columns, ...rest] = matrix.axes;
  if (!rows) return <p>{matrix.name} has no axes.</p>;
  const table = sliceOf(matrix, entries, fixed);
  const most = entries.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const written = (columns?.size ?? 1) <= WRITTEN;
  const shade = (value: number) => (unit === "nats" ? signedShade(value, most) : probabilityShade(value));
  return (
    <figure class="heatmap">
      <figcaption>
        <b>{matrix.name}</b> {rows.name}
        {columns && ` \u00d7 ${columns.name}`}, in {unit}
        {rest.map((axis, i) => (
          <label>
            {" "}
            {axis.name}{" "}
            <select
              onChange={(event) => {
                const chosen = rest.map((_, k) => fixed[k] ?? 0);
                chosen[i] = Number(event.currentTarget.value);
                setFixed(chosen);
              }}
            >
              {Array.from({ length: axis.size }, (_, k) => (
                <option value={k}>{elementName(axis, k)}</option>
              ))}
            </select>
          </label>
        ))}
      </figcaption>
      <div class="scroll" tabIndex={0} role="region" aria-label={`${matrix.name}, values`}>
        <table class={written ? "written" : "dense"}>
          {columns && (
            <thead>
              <tr>
                <td />
                {Array.from({ length: columns.size }, (_, c) => (
                  <th scope="col">
                    <span>{elementName(columns, c)}</span>
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {table.map((row, r) => (
              <tr>
                <th scope="row">{elementName(rows, r)}</th>
                {row.map((value, c) => {
                  const { background, ink } = shade(value);
                  const place = columns ? `, ${elementName(columns, c)}` : "";
                  return (
                    <td
                      style={{ background, color: ink }}
                      title={`${elementName(rows, r)}${place}: ${formatValue(value)} ${unit}`}
                    >
                      {written ? formatValue(value) : <span class="hidden">{formatValue(value)}</span>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Scale unit={unit} most={most} />
    </figure>
  );
}

/** What the shades mean. */
function Scale({ unit, most }: { unit: string; most: number }): JSX.Element {
  const steps = [0, 0.25, 0.5, 0.75, 1];
  const values = unit === "nats" ? steps.map((step) => (2 * step - 1) * most) : steps;
  return (
    <div class="scale" aria-hidden="true">
      {values.map((value) => {
        const { background, ink } = unit === "nats" ? signedShade(value, most) : probabilityShade(value);
        return <span style={{ background, color: ink }}>{formatValue(value)}</span>;
      })}
    </div>
  );
}
