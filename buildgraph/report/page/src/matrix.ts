/** Arrays of a model: entries, and the slices that a heat map shows. */
import type { Axis, Matrix } from "./data";

/** All entries in C order. */
export function entriesOf(matrix: Matrix): Float64Array {
  const size = matrix.axes.reduce((product, axis) => product * axis.size, 1);
  const all = new Float64Array(size);
  if ("values" in matrix) all.set(matrix.values);
  else matrix.index.forEach((at, i) => (all[at] = matrix.value[i] ?? 0));
  return all;
}

/** The name of an element of an axis, or its number. */
export function elementName(axis: Axis, index: number): string {
  return axis.elements?.[index] ?? String(index);
}

/** The table of axis 0 (rows) and 1 (columns) where the other axes have the values `fixed`. */
export function sliceOf(matrix: Matrix, entries: Float64Array, fixed: readonly number[]): number[][] {
  const [rows, columns, ...rest] = matrix.axes;
  const inner = rest.reduce((product, axis) => product * axis.size, 1);
  const offset = rest.reduce((sum, axis, i) => sum * axis.size + (fixed[i] ?? 0), 0);
  const width = columns?.size ?? 1;
  return Array.from({ length: rows?.size ?? 1 }, (_, r) =>
    Array.from({ length: width }, (_unused, c) => entries[(r * width + c) * inner + offset] ?? 0),
  );
}
