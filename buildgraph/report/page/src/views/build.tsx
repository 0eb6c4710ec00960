import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Action, Build, Document } from "../data";
import { formatCount, formatMilliseconds } from "../format";
import { Verdict } from "../parts/verdict";

const MOST = 200; // actions of a time line; the longest ones

/** The last builds: what ran and when, and what the cache saved. */
export function BuildView({ data }: { data: Document }): JSX.Element {
  const [chosen, setChosen] = useState(0);
  const build = data.builds[chosen];
  return (
    <>
      <h1>Build</h1>
      {build ? (
        <>
          <label class="choose">
            Build{" "}
            <select
              onChange={(event) => {
                setChosen(Number(event.currentTarget.value));
              }}
            >
              {data.builds.map((one, i) => (
                <option value={i}>
                  {i === 0 ? "last" : `${i} before it`}: {ranIn(one).length} ran, {hits(one)} from the cache
                </option>
              ))}
            </select>
          </label>
          <TimeLine build={build} />
        </>
      ) : (
        <p>
          This file has no history, so it is the same on every machine.{" "}
          <code>buildgraph report --history 5</code> adds the last builds of the workspace.
        </p>
      )}
    </>
  );
}

function ranIn(build: Build): Action[] {
  return build.actions.filter((action) => action.how === "ran" || action.how === "failed");
}

function hits(build: Build): number {
  return build.actions.filter((action) => action.how === "hit" || action.how === "shared").length;
}

function TimeLine({ build }: { build: Build }): JSX.Element {
  const saved = build.actions.reduce((sum, action) => sum + action.saved_ms, 0);
  const ran = ranIn(build);
  const failed = ran.filter((action) => action.how === "failed").length;
  const shown = ran
    .toSorted((a, b) => b.end - b.start - (a.end - a.start))
    .slice(0, MOST)
    .toSorted((a, b) => a.start - b.start);
  const end = Math.max(1, ...build.actions.map((action) => action.end));
  return (
    <>
      <p>
        {formatCount(ran.length)} {ran.length === 1 ? "action" : "actions"} ran,{" "}
        {failed > 0 && `${formatCount(failed)} of them failed, `}
        {formatCount(hits(build))} {hits(build) === 1 ? "result" : "results"} came from the cache
        and saved {formatMilliseconds(saved)} of actions. The build took{" "}
        {formatMilliseconds(build.milliseconds ?? end / 1000)}.
      </p>
      {shown.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Time line">
          <table class="timeline">
            <thead>
              <tr>
                <th scope="col">Action and target</th>
                <th scope="col" class="number">
                  Time
                </th>
                <th scope="col">0 to {formatMilliseconds(end / 1000)}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((action) => (
                <tr>
                  <th scope="row">
                    {action.how === "failed" && <Verdict verdict="failed" />} {action.title}{" "}
                    <span class="target">{action.label}</span>
                  </th>
                  <td class="number">{formatMilliseconds((action.end - action.start) / 1000)}</td>
                  <td>
                    <svg width="100%" height="14" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
                      <rect
                        class={action.how === "failed" ? "bar bad" : "bar"}
                        x={(100 * action.start) / end}
                        y={2}
                        width={Math.max(0.3, (100 * (action.end - action.start)) / end)}
                        height={10}
                      />
                    </svg>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
