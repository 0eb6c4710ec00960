/** Rows of the fleet: what an export costs and whether it is ready; filter and order. */
import type { Export } from "./data";

export type Row = {
  label: string;
  coalition: string;
  board: string;
  verdict: Export["verdict"];
  reason: string;
  image: number;
  memory: number;
  operations: number;
};

export type Column = keyof Row;

export function rowOf(one: Export): Row {
  return {
    label: one.label,
    coalition: one.coalition,
    board: one.board || one.hardware,
    verdict: one.verdict,
    reason: reasonOf(one),
    image: one.report.image_bytes ?? 0,
    memory: one.report.memory_bytes ?? 0,
    operations: operationsOf(one),
  };
}

/** Why an export is not ready: the failed action, else its first check that is not passed. */
export function reasonOf(one: Export): string {
  if (one.failure) return one.failure;
  for (const verdict of ["failed", "not checked"])
    for (const gate of one.gates)
      if (gate.verdict === verdict) {
        const check = gate.checks.find((row) => row.verdict === verdict);
        return `${gate.gate}: ${check ? `${check.name}: ${check.why ?? ""}` : gate.why}`;
      }
  return "";
}

/** The most multiplications, logarithms and exponentials that a step of all agents takes. */
export function operationsOf(one: Export): number {
  let sum = 0;
  for (const agent of one.agents) {
    const worst = one.report.agents?.[agent.name]?.worst_case;
    if (!worst) continue;
    const products = Object.values(worst.multiplications).reduce((a, b) => a + b, 0);
    sum += agent.replicas * (products + worst.logarithms + worst.exponentials);
  }
  return sum;
}

/** The rows that contain every word of a text, in any of their texts. */
export function filterRows(rows: readonly Row[], text: string): Row[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const all = `${row.label} ${row.coalition} ${row.board} ${row.verdict} ${row.reason}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

const SEVERITY = ["failed", "not checked", "", "passed"];

/** The rows ordered by a column; equal ones keep their order. The worst verdict is first. */
export function sortRows(rows: readonly Row[], column: Column, descending: boolean): Row[] {
  const direction = descending ? -1 : 1;
  return rows.toSorted((a, b) => direction * compare(a, b, column));
}

function compare(a: Row, b: Row, column: Column): number {
  if (column === "verdict") return SEVERITY.indexOf(a.verdict) - SEVERITY.indexOf(b.verdict);
  const x = a[column];
  const y = b[column];
  if (typeof x === "number" && typeof y === "number") return x - y;
  return String(x).localeCompare(String(y), "en", { numeric: true });
}
