import type { JSX } from "preact";
import type { Document } from "../data";
import { formatCount } from "../format";
import { Choose } from "../parts/choose";
import { HeatMap } from "../parts/heatmap";
import { linkTo } from "../route";

const MEANING: Record<string, string> = {
  A: "Likelihood: how probable an observation is in a state. Columns sum to 1.",
  B: "Transitions: how probable the next state is after an action. Columns sum to 1.",
  C: "Preferences for observations, in nats: higher is preferred.",
  D: "Belief about the first state.",
};
const MOST_POLICIES = 50;

/** One model: A, B, C, D with the names of states and observations, and its policies. */
export function AgentView({ data, model: label }: { data: Document; model: string }): JSX.Element {
  const names = Object.keys(data.models);
  const name = label || (names[0] ?? "");
  const model = data.models[name];
  if (!model) return <p role="alert">There is no model {name} in this report.</p>;
  const users = data.exports.filter((one) => one.agents.some((agent) => agent.model === name));
  return (
    <>
      <Choose title="Model" names={names} current={name} href={(one) => linkTo("agent", one)} />
      <h1>{name}</h1>
      <p>
        {formatCount(model.policies.count)} policies of length {model.policies.length}. In{" "}
        {users.map((one) => (
          <>
            <a href={linkTo("export", one.label)}>{one.label}</a>{" "}
          </>
        ))}
      </p>
      {["A", "B", "C", "D"].map((letter) => (
        <section>
          <h2>{letter}</h2>
          <p>{MEANING[letter]}</p>
          <div class="maps">
            {model.arrays
              .filter((matrix) => matrix.name.startsWith(letter))
              .map((matrix) => (
                <HeatMap key={name + matrix.name} matrix={matrix} unit={letter === "C" ? "nats" : "probability"} />
              ))}
          </div>
        </section>
      ))}
      <section>
        <h2>Policies</h2>
        <ol start={0} class="policies">
          {model.policy_list.actions.slice(0, MOST_POLICIES).map((policy) => (
            <li>
              {policy
                .map((step) =>
                  step
                    .map((choice, c) => model.policy_list.controls[c]?.elements?.[choice] ?? String(choice))
                    .join("+"),
                )
                .join(", ")}
            </li>
          ))}
        </ol>
        {model.policies.count > MOST_POLICIES && (
          <p>and {formatCount(model.policies.count - MOST_POLICIES)} more.</p>
        )}
      </section>
      <section>
        <h2>Parameters</h2>
        <dl>
          {Object.entries(model.parameters).map(([key, value]) => (
            <div>
              <dt>{key}</dt>
              <dd>{String(value)}</dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  );
}
