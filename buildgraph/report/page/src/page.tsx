import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Document } from "./data";
import { PAGES, linkTo, parseRoute, type Route } from "./route";
import { AgentView } from "./views/agent";
import { BuildView } from "./views/build";
import { ExportView } from "./views/export";
import { FleetView } from "./views/fleet";
import { GraphView } from "./views/graph";

const TITLES: Record<(typeof PAGES)[number], string> = {
  fleet: "Fleet",
  export: "Export",
  agent: "Agent",
  graph: "Graph",
  build: "Build",
};

function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = (): void => {
      setRoute(parseRoute(location.hash));
      scrollTo(0, 0);
    };
    addEventListener("hashchange", follow);
    return () => {
      removeEventListener("hashchange", follow);
    };
  }, []);
  return route;
}

/** The whole page: a bar of places, and the view that the address names. */
export function Page({ document: data }: { document: Document }): JSX.Element {
  const route = useRoute();
  useEffect(() => {
    const title = TITLES[route.page as (typeof PAGES)[number]];
    document.title = [route.name, title, data.workspace].filter(Boolean).join(" \u00b7 ");
  }, [route, data]);
  return (
    <>
      <nav aria-label="Pages">
        <strong>{data.workspace}</strong>
        {PAGES.map((page) => (
          <a href={linkTo(page)} aria-current={route.page === page ? "page" : undefined}>
            {TITLES[page]}
          </a>
        ))}
      </nav>
      <View data={data} route={route} />
      <footer>buildgraph {data.version}. This file loads nothing from a network.</footer>
    </>
  );
}

function View({ data, route }: { data: Document; route: Route }): JSX.Element {
  switch (route.page) {
    case "export":
      return <ExportView data={data} label={route.name} />;
    case "agent":
      return <AgentView data={data} model={route.name} />;
    case "graph":
      return <GraphView data={data} />;
    case "build":
      return <BuildView data={data} />;
    default:
      return <FleetView data={data} />;
  }
}
