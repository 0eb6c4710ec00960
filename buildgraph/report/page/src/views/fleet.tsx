import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Document } from "../data";
import { filterRows, rowOf, sortRows, type Column, type Row } from "../fleet";
import { formatBytes, formatCount } from "../format";
import { Verdict } from "../parts/verdict";
import { linkTo } from "../route";

const COLUMNS: [Column, string, boolean][] = [
  ["label", "Export", false],
  ["verdict", "Verdict", false],
  ["coalition", "Coalition", false],
  ["board", "Board", false],
  ["image", "Image", true],
  ["memory", "Memory", true],
  ["operations", "Step, at most", true],
  ["reason", "Reason", false],
];
const HEIGHT = 36; // pixels of a row; longer texts are cut, and whole on the page of the export
const MARGIN = 8; // rows beyond the visible ones
const MOST_BOARDS = 40;
const MOST_MISSES = 10;

/** All exports: a grid coalition by board, and a list to filter and order. */
export function FleetView({ data }: { data: Document }): JSX.Element {
  const rows = useMemo(() => data.exports.map(rowOf), [data]);
  const [text, setText] = useState("");
  const [order, setOrder] = useState<{ column: Column; descending: boolean }>({
    column: "verdict",
    descending: false,
  });
  const shown = useMemo(
    () => sortRows(filterRows(rows, text), order.column, order.descending),
    [rows, text, order],
  );
  const count = (verdict: Row["verdict"]): number => rows.filter((row) => row.verdict === verdict).length;
  return (
    <>
      <h1>Fleet</h1>
      <p>
        {formatCount(rows.length)} {rows.length === 1 ? "export" : "exports"}: {count("passed")} passed,{" "}
        {count("failed")} failed, {count("not checked")} not checked.
      </p>
      <Misses rows={rows} />
      <Grid rows={rows} />
      <h2>Exports</h2>
      <label class="filter">
        Filter{" "}
        <input
          type="search"
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
          }}
        />{" "}
        <span role="status">
          {formatCount(shown.length)} of {formatCount(rows.length)}
        </span>
      </label>
      <List rows={shown} reasons={rows.some((row) => row.reason)} order={order} setOrder={setOrder} />
    </>
  );
}

/** The first exports that are not ready, with their whole reasons. */
function Misses({ rows }: { rows: Row[] }): JSX.Element | null {
  const misses = sortRows(rows.filter((row) => row.reason), "verdict", false);
  if (misses.length === 0) return null;
  return (
    <ul class="misses" aria-label="Exports that are not ready">
      {misses.slice(0, MOST_MISSES).map((row) => (
        <li>
          <Verdict verdict={row.verdict} /> <a href={linkTo("export", row.label)}>{row.label}</a> {row.reason}
        </li>
      ))}
      {misses.length > MOST_MISSES && (
        <li>{formatCount(misses.length - MOST_MISSES)} more are first in the list below.</li>
      )}
    </ul>
  );
}

type Order = { column: Column; descending: boolean };

/** The list, with reasons if there are any; only the rows near the visible part are in the document. */
function List(props: {
  rows: Row[];
  reasons: boolean;
  order: Order;
  setOrder: (order: Order) => void;
}): JSX.Element {
  const { rows, reasons, order, setOrder } = props;
  const [top, setTop] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const visible = Math.ceil((box.current?.clientHeight ?? 600) / HEIGHT);
  const first = Math.max(0, Math.min(top, rows.length - visible) - MARGIN);
  const last = Math.min(rows.length, top + visible + MARGIN);
  return (
    <div
      class="scroll list"
      ref={box}
      tabIndex={0}
      role="region"
      aria-label="Exports"
      onScroll={(event) => {
        setTop(Math.floor(event.currentTarget.scrollTop / HEIGHT));
      }}
    >
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {COLUMNS.filter(([column]) => reasons || column !== "reason").map(([column, title, isNumber]) => (
              <th
                scope="col"
                class={isNumber ? "number" : ""}
                aria-sort={
                  order.column === column ? (order.descending ? "descending" : "ascending") : "none"
                }
              >
                <button
                  type="button"
                  onClick={() => {
                    setOrder({ column, descending: order.column === column && !order.descending });
                  }}
                >
                  {title}
                  <span aria-hidden="true">
                    {order.column === column ? (order.descending ? " \u25be" : " \u25b4") : ""}
                  </span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr class="gap" style={{ height: `${first * HEIGHT}px` }} />}
          {rows.slice(first, last).map((row, i) => (
            <tr key={row.label} aria-rowindex={first + i + 2}>
              <th scope="row">
                <a href={linkTo("export", row.label)}>{row.label}</a>
              </th>
              <td>
                <Verdict verdict={row.verdict} />
              </td>
              <td>{row.coalition}</td>
              <td>{row.board}</td>
              <td class="number">{row.image ? formatBytes(row.image) : ""}</td>
              <td class="number">{row.memory ? formatBytes(row.memory) : ""}</td>
              <td class="number">{row.operations ? `${formatCount(row.operations)} ops` : ""}</td>
              {reasons && <td title={row.reason}>{row.reason}</td>}
            </tr>
          ))}
          {last < rows.length && (
            <tr class="gap" style={{ height: `${(rows.length - last) * HEIGHT}px` }} />
          )}
        </tbody>
      </table>
    </div>
  );
}

/** Coalitions down, boards across: size and verdict. */
function Grid({ rows }: { rows: Row[] }): JSX.Element | null {
  const boards = [...new Set(rows.map((row) => row.board))].sort();
  const coalitions = [...new Set(rows.map((row) => row.coalition))].sort();
  if (boards.length > MOST_BOARDS || coalitions.length > 4 * MOST_BOARDS) return null;
  const cells = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.coalition} ${row.board}`;
    cells.set(key, [...(cells.get(key) ?? []), row]);
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Coalitions by boards">
      <table class="grid">
        <thead>
          <tr>
            <td />
            {boards.map((board) => (
              <th scope="col">{board}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {coalitions.map((coalition) => (
            <tr>
              <th scope="row">{coalition}</th>
              {boards.map((board) => (
                <td>
                  {(cells.get(`${coalition} ${board}`) ?? []).map((row) => (
                    <a href={linkTo("export", row.label)} title={`${row.label} ${row.reason}`}>
                      <Verdict verdict={row.verdict} /> {row.image ? formatBytes(row.image) : ""}
                    </a>
                  ))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
