import type { JSX } from "preact";
import type { Check, Document, Export, Gate } from "../data";
import { formatBytes, formatMeasured, shortDigest } from "../format";
import { CompilerReport } from "../parts/compiler";
import { Choose } from "../parts/choose";
import { ImageLayers } from "../parts/image";
import { Verdict } from "../parts/verdict";
import { linkTo } from "../route";

/** One export: gates with evidence, image, what the compiler did, agents. */
export function ExportView({ data, label }: { data: Document; label: string }): JSX.Element {
  const one = label ? data.exports.find((row) => row.label === label) : data.exports[0];
  if (!one) return <p role="alert">There is no export {label} in this report.</p>;
  const names = data.exports.map((row) => row.label);
  return (
    <>
      <Choose title="Export" names={names} current={one.label} href={(name) => linkTo("export", name)} />
      <h1>{one.label}</h1>
      <Facts one={one} />
      <h2>Gates</h2>
      {one.gates.length === 0 && <p>No gate was judged.</p>}
      {one.gates.map((gate) => (
        <GateTable gate={gate} />
      ))}
      {one.image && (
        <>
          <h2>Image</h2>
          <ImageLayers layers={one.image.layers} />
        </>
      )}
      {one.report.agents && (
        <>
          <h2>Compiler</h2>
          {Object.entries(one.report.agents).map(([name, report]) => (
            <CompilerReport name={name} report={report} />
          ))}
        </>
      )}
    </>
  );
}

function Facts({ one }: { one: Export }): JSX.Element {
  const { report } = one;
  const facts: [string, JSX.Element | string][] = [
    ["Verdict", <Verdict verdict={one.verdict} />],
    ["Board", report.board ? `${report.board} (${report.cpu ?? ""})` : one.hardware],
    ["Coalition", one.coalition],
    [
      "Agents",
      <>
        {one.agents.map((agent) => (
          <a href={linkTo("agent", agent.model)}>
            {agent.name}
            {agent.replicas > 1 && ` \u00d7 ${agent.replicas}`}
          </a>
        ))}
      </>,
    ],
  ];
  if (report.image_bytes) facts.push(["Image", `${formatBytes(report.image_bytes)} compressed`]);
  if (report.memory_bytes) facts.push(["Memory", `${formatBytes(report.memory_bytes)}, stack included`]);
  if (report.memory_limit) facts.push(["Memory limit", report.memory_limit]);
  if (one.image) facts.push(["Digest", <code title={one.image.digest}>{shortDigest(one.image.digest)}</code>]);
  return (
    <>
      {one.failure && (
        <p role="alert" class="failure">
          {one.failure}
        </p>
      )}
      <dl>
        {facts.map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** A gate; open if it did not pass, with the worst checks first. */
function GateTable({ gate }: { gate: Gate }): JSX.Element {
  const order = ["failed", "not checked", "passed"];
  const checks = gate.checks.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  return (
    <details class="gate" open={gate.verdict !== "passed"}>
      <summary>
        <Verdict verdict={gate.verdict} /> <b>{gate.gate}</b>{" "}
        <span class="note">
          {gate.checks.length} {gate.checks.length === 1 ? "check" : "checks"}
        </span>{" "}
        {gate.why}
      </summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={`Checks of ${gate.gate}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Check</th>
              <th scope="col">Verdict</th>
              <th scope="col" class="number">
                Measured
              </th>
              <th scope="col" class="number">
                Limit
              </th>
              <th scope="col">How, and on what</th>
            </tr>
          </thead>
          <tbody>
            {checks.map((check) => (
              <CheckRow check={check} />
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function CheckRow({ check }: { check: Check }): JSX.Element {
  return (
    <tr>
      <th scope="row">
        {check.name}
        {check.key && <div class="note">{check.key}</div>}
      </th>
      <td>
        <Verdict verdict={check.verdict} />
      </td>
      <td class="number">{formatMeasured(check.measured, check.unit)}</td>
      <td class="number">{formatMeasured(check.limit, check.unit)}</td>
      <td>
        {check.why && <div class="why">{check.why}</div>}
        {check.fix && <div>To fix it: {check.fix}</div>}
        <div class="note">
          {check.how}; on {check.on}
        </div>
      </td>
    </tr>
  );
}
