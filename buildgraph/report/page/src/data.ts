/** The document of a report: what Python writes and this page reads, version SCHEMA. */
export const SCHEMA = 1;

export type Verdict = "passed" | "failed" | "not checked";

export type Check = {
  name: string;
  verdict: Verdict;
  how: string;
  on: string;
  measured?: unknown;
  limit?: unknown;
  unit?: string;
  why?: string;
  fix?: string;
  key?: string;
};

export type Gate = { gate: string; verdict: Verdict; why: string; checks: Check[] };

export type ImageFile = {
  path: string;
  kind: string;
  mode: number;
  owner: string;
  size: number;
  target: string;
  digest: string;
};

export type Layer = {
  digest: string;
  size: number;
  unpacked: number;
  created_by: string;
  platform: string;
  files: ImageFile[];
};

export type Loop = { loop: string; least: number; most: number; ends: string };

export type Proof = {
  steps: number;
  same_action: number;
  violations: number;
  kl_max: string;
  kl_limit: string;
  regret_max: string;
  regret_limit: string;
  lower_bound: string;
  episodes: number;
  transitions: number;
  transitions_used: number;
};

export type Entries = { entries: number; nonzero: number; kept: number };

/** What the compiler did with one agent; sizes are entries and multiplications. */
export type AgentReport = {
  A: Entries;
  B: Entries;
  beliefs: { by_policy: number; prefixes: number; distinct: number };
  multiplications: { before: number; after: number };
  parents: { before: number; after: number };
  policies: number;
  policy_len: number;
  states: number[];
  observations: number[];
  table_bytes: number;
  choices: { of: string; chosen: string; reason: string }[];
  proof: Proof;
  worst_case?: {
    exponentials: number;
    logarithms: number;
    multiplications: Record<string, number>;
    loops: Loop[];
  };
};

export type Report = {
  board?: string;
  cpu?: string;
  arch?: string;
  agents?: Record<string, AgentReport>;
  image_bytes?: number;
  memory_bytes?: number;
  program_bytes?: number;
  memory_limit?: string;
};

export type Agent = { name: string; model: string; replicas: number };

export type Export = {
  label: string;
  coalition: string;
  board: string;
  hardware: string;
  budget: Record<string, unknown>;
  verdict: Verdict | "";
  failure: string;
  gates: Gate[];
  image: { digest: string; layers: Layer[] } | null;
  report: Report;
  agents: Agent[];
  links: { from: string; to: string }[];
};

export type Axis = { name: string; size: number; elements: string[] | null };

export type Matrix = { name: string; axes: Axis[] } & (
  | { values: number[] }
  | { index: number[]; value: number[] }
);

export type Model = {
  arrays: Matrix[];
  policies: { count: number; length: number };
  policy_list: {
    actions: number[][][];
    controls: { name: string; elements: string[] | null }[];
  };
  parameters: Record<string, unknown>;
};

export type Graph = {
  targets: { label: string; rule: string; failure: string }[];
  edges: [number, number][];
};

export type Action = {
  label: string;
  title: string;
  how: "ran" | "hit" | "shared" | "failed";
  start: number;
  end: number;
  saved_ms: number;
};

export type Build = { actions: Action[]; code?: number; milliseconds?: number };

export type Document = {
  schema: number;
  workspace: string;
  version: string;
  exports: Export[];
  models: Record<string, Model>;
  graph: Graph;
  builds: Build[];
};

/** Parse a document; an Error for people if it is of another version. */
export function parseDocument(text: string): Document {
  const document = JSON.parse(text) as Document;
  if (document.schema !== SCHEMA)
    throw new Error(`the data has schema ${document.schema}, and this page reads ${SCHEMA}`);
  return document;
}
