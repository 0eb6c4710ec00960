import { expect, test } from "@jest/globals";
import { spread } from "./spread";

test("equal numbers have no spread", () => {
  expect(spread([2, 2, 2])).toBe(0);
});
