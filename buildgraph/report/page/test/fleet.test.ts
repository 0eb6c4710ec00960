import type { AgentReport, Check, Export } from "../src/data";
import { filterRows, operationsOf, reasonOf, rowOf, sortRows } from "../src/fleet";

const check = (verdict: Check["verdict"], name: string): Check => ({ name, verdict, how: "h", on: "o", why: `${name}!` });

function anExport(label: string, verdict: Export["verdict"], checks: Check[] = []): Export {
  const gates = verdict ? [{ gate: "fitness", verdict, why: "", checks }] : [];
  return {
    label, verdict, gates, coalition: "//c:one", board: "pi", hardware: "", budget: {}, failure: "",
    image: null, report: { image_bytes: label.length }, agents: [], links: [],
  };
}

test("the reason is the first check of the worst verdict", () => {
  expect(reasonOf(anExport("a", "failed", [check("passed", "x"), check("not checked", "y"), check("failed", "z")]))).toBe("fitness: z: z!");
  expect(reasonOf(anExport("a", "passed", [check("passed", "x")]))).toBe("");
  expect(reasonOf({ ...anExport("a", "failed"), failure: "link: no memory" })).toBe("link: no memory");
});

test("words of the filter are all required", () => {
  const rows = [anExport("//e:left", "passed"), anExport("//e:right", "failed")].map(rowOf);
  expect(filterRows(rows, "FAILED right").map((row) => row.label)).toEqual(["//e:right"]);
  expect(filterRows(rows, "failed left")).toEqual([]);
  expect(filterRows(rows, " ")).toHaveLength(2);
});

test("the worst verdict is first, numbers have their order, equal rows keep theirs", () => {
  const rows = [anExport("p10", "passed"), anExport("p9", "passed"), anExport("n", "not checked"), anExport("ff", "failed")].map(rowOf);
  expect(sortRows(rows, "verdict", false).map((row) => row.label)).toEqual(["ff", "n", "p10", "p9"]);
  expect(sortRows(rows, "label", false).map((row) => row.label)).toEqual(["ff", "n", "p9", "p10"]);
  expect(sortRows(rows, "image", true).map((row) => row.label)).toEqual(["p10", "p9", "ff", "n"]);
});

test("operations are those of all replicas", () => {
  const worst_case = { exponentials: 1, logarithms: 2, multiplications: { a: 10, b: 20 }, loops: [] };
  const one = anExport("a", "passed");
  one.agents = [{ name: "x", model: "m", replicas: 3 }, { name: "python", model: "m", replicas: 1 }];
  one.report.agents = { x: { worst_case } as unknown as AgentReport };
  expect(operationsOf(one)).toBe(99);
});
