import { SCHEMA, parseDocument } from "../src/data";
import { linkTo, parseRoute } from "../src/route";

test("links are read back", () => {
  const route = parseRoute(linkTo("export", "//exports:a/b?c#d", { gate: "fitness" }));
  expect([route.page, route.name, route.query.get("gate")]).toEqual(["export", "//exports:a/b?c#d", "fitness"]);
});

test.each(["", "#", "#/", "#/nowhere/x"])("%p is the fleet", (hash) => {
  expect(parseRoute(hash)).toMatchObject({ page: "fleet", name: "" });
});

test("data of another version are refused", () => {
  expect(() => parseDocument('{"schema":99}')).toThrow("schema 99");
  expect(parseDocument(`{"schema":${SCHEMA}}`)).toEqual({ schema: SCHEMA });
});
