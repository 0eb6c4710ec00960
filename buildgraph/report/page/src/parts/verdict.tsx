import type { JSX } from "preact";
import type { Export } from "../data";

const MARKS: Record<Export["verdict"], string> = {
  passed: "\u2713",
  failed: "\u2717",
  "not checked": "?",
  "": "\u2013",
};

/** A verdict as mark, word and colour: no colour alone. */
export function Verdict({ verdict }: { verdict: Export["verdict"] }): JSX.Element {
  const word = verdict || "no gate";
  return (
    <span class={`verdict ${word.replace(" ", "-")}`}>
      <span aria-hidden="true">{MARKS[verdict]}</span> {word}
    </span>
  );
}
