import type { JSX } from "preact";

/** A list of links to choose one of several things, such as an export. */
export function Choose(props: {
  title: string;
  names: readonly string[];
  current: string;
  href: (name: string) => string;
}): JSX.Element | null {
  if (props.names.length < 2) return null;
  return (
    <label class="choose">
      {props.title}{" "}
      <select
        value={props.current}
        onChange={(event) => (location.hash = props.href(event.currentTarget.value))}
      >
        {props.names.map((name) => (
          <option value={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
