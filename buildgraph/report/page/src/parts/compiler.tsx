import type { JSX } from "preact";
import type { AgentReport, Proof } from "../data";
import { formatBytes, formatCount, formatPercent, formatValue, parseHexFloat } from "../format";

/** What the compiler removed from an agent, pass by pass, and what the proof found. */
export function CompilerReport({ name, report }: { name: string; report: AgentReport }): JSX.Element {
  const rows: [string, number, number, string][] = [
    ["Multiplications to plan a step", report.multiplications.before, report.multiplications.after,
      "dense and policy by policy, against what the program does"],
    ["Predicted beliefs", report.beliefs.by_policy, report.beliefs.distinct,
      `policies share ${formatCount(report.beliefs.prefixes)} prefixes; equal beliefs are predicted once`],
    ["Entries of A", report.A.entries, report.A.kept,
      `${formatCount(report.A.nonzero)} are not zero; the most frequent value of a row is factored out`],
    ["Entries of B", report.B.entries, report.B.kept, `${formatCount(report.B.nonzero)} are not zero`],
    ["Factors that A and B depend on", report.parents.before, report.parents.after,
      "a dependency that makes no difference is dropped"],
  ];
  return (
    <section>
      <h3>{name}</h3>
      <p>
        {report.states.join(" \u00d7 ")} states, {formatCount(report.policies)} policies of length{" "}
        {report.policy_len}, {formatBytes(report.table_bytes)} of tables.
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label={`Compiler report of ${name}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col" class="number">Before</th>
              <th scope="col" class="number">After</th>
              <th scope="col" class="number">Left</th>
              <th scope="col">How</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([what, before, after, how]) => (
              <tr>
                <th scope="row">{what}</th>
                <td class="number">{formatCount(before)}</td>
                <td class="number">{formatCount(after)}</td>
                <td class="number">{formatPercent(after, before)}</td>
                <td class="how">{how}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {report.worst_case && (
        <details>
          <summary>A step at most</summary>
          <p>
            {formatCount(Object.values(report.worst_case.multiplications).reduce((a, b) => a + b, 0))}{" "}
            multiplications, {formatCount(report.worst_case.logarithms)} logarithms,{" "}
            {formatCount(report.worst_case.exponentials)} exponentials.
          </p>
          <ul>
            {report.worst_case.loops.map((loop) => (
              <li>
                {loop.loop}: {formatCount(loop.least)} to {formatCount(loop.most)}; ends when {loop.ends}
              </li>
            ))}
          </ul>
        </details>
      )}
      <details>
        <summary>Choices of the compiler: {report.choices.length}</summary>
        <ul>
          {report.choices.map((choice) => (
            <li>
              {choice.of}: {choice.chosen}. {choice.reason}.
            </li>
          ))}
        </ul>
      </details>
      <Fidelity proof={report.proof} />
    </section>
  );
}

/** The comparison with the float64 reference, and what its bounds mean. */
function Fidelity({ proof }: { proof: Proof }): JSX.Element {
  const kl = parseHexFloat(proof.kl_max);
  const regret = parseHexFloat(proof.regret_max);
  return (
    <ul class="fidelity">
      <li>
        In {formatCount(proof.same_action)} of {formatCount(proof.steps)} steps ({proof.episodes}{" "}
        episodes) the action is that of the float64 reference; {proof.violations} steps violate a limit.
        So with 95 % confidence at least {formatPercent(Number(proof.lower_bound), 1)} of all steps are
        right.
      </li>
      <li>
        Beliefs diverge by {formatValue(kl)} nats at most (Kullback-Leibler); the limit is{" "}
        {formatValue(parseHexFloat(proof.kl_limit))} nats.
      </li>
      <li>
        An action loses {formatValue(regret)} nats of expected free energy at most; the limit is{" "}
        {formatValue(parseHexFloat(proof.regret_limit))} nats.
      </li>
      <li>
        The proof went through {proof.transitions_used} of {proof.transitions} columns of B.
      </li>
    </ul>
  );
}
