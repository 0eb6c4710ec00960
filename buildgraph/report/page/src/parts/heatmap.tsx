import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Matrix } from "../data";
import { formatValue } from "../format";
import { elementName, entriesOf, sliceOf } from "../matrix";
import { probabilityShade, signedShade } from "../scale";

/** Columns up to which each cell has its number written in it. */
const WRITTEN = 8;

/** An array as a table of shaded cells: rows are axis 0, columns axis 1, the others are chosen. */
export function HeatMap({ matrix, unit }: { matrix: Matrix; unit: string }): JSX.Element {
  const entries = useMemo(() => entriesOf(matrix), [matrix]);
  const [fixed, setFixed] = useState<number[]>([]);
  const [first, second, ...rest] = matrix.axes;
  if (!first) return <p>{matrix.name} has no axes.</p>;
  // A vector lies down, as the belief that it is multiplied with.
  const [rows, columns] = second ? [first, second] : [{ name: "", size: 1, elements: [""] }, first];
  const table = second ? sliceOf(matrix, entries, fixed) : [[...entries]];
  const most = entries.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const written = columns.size <= WRITTEN;
  const shade = (value: number) => (unit === "nats" ? signedShade(value, most) : probabilityShade(value));
  return (
    <figure class="heatmap">
      <figcaption>
        <b>{matrix.name}</b> {second ? `${rows.name} \u00d7 ${columns.name}` : columns.name}, in{" "}
        {unit}
        {rest.map((axis, i) => axis.size > 1 && (
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
          <tbody>
            {table.map((row, r) => (
              <tr>
                {second ? <th scope="row">{elementName(rows, r)}</th> : <td />}
                {row.map((value, c) => {
                  const { background, ink } = shade(value);
                  const place = [second && elementName(rows, r), elementName(columns, c)];
                  return (
                    <td
                      style={{ background, color: ink }}
                      title={`${place.filter(Boolean).join(", ")}: ${formatValue(value)} ${unit}`}
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
      {most === 0 ? <p class="note">All are 0: nothing is preferred.</p> : <Scale unit={unit} most={most} />}
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
