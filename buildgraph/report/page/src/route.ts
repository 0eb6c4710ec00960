/** The place within the page, kept in the part of the address after `#`. */
export type Route = { page: string; name: string; query: URLSearchParams };

export const PAGES = ["fleet", "export", "agent", "graph", "build"] as const;

/** Parse `#/export/<label>?key=value`; anything else is the fleet. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const slash = path.indexOf("/");
  const page = slash < 0 ? path : path.slice(0, slash);
  const known = PAGES.some((one) => one === page);
  return {
    page: known ? page : "fleet",
    name: slash < 0 || !known ? "" : decodeURIComponent(path.slice(slash + 1)),
    query: new URLSearchParams(query),
  };
}

export function linkTo(page: string, name = "", query: Record<string, string> = {}): string {
  const words = new URLSearchParams(query).toString();
  const path = name ? `#/${page}/${encodeURIComponent(name)}` : `#/${page}`;
  return words ? `${path}?${words}` : path;
}
