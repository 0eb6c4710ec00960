import type { Matrix } from "../src/data";
import { elementName, entriesOf, sliceOf } from "../src/matrix";
import { luminance, probabilityShade, signedShade } from "../src/scale";

const axis = (size: number) => ({ name: "a", size, elements: null });
const axes = [axis(2), axis(3), axis(2)];

test("an array has the same entries in both forms", () => {
  const dense: Matrix = { name: "A0", axes, values: [0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 7] };
  const sparse: Matrix = { name: "A0", axes, index: [3, 11], value: [5, 7] };
  expect(entriesOf(sparse)).toEqual(entriesOf(dense));
});

test("a slice has fixed values of the axes after the first two", () => {
  const matrix: Matrix = { name: "A0", axes, values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] };
  expect(sliceOf(matrix, entriesOf(matrix), [1])).toEqual([[1, 3, 5], [7, 9, 11]]);
  const deep: Matrix = { ...matrix, axes: [axis(1), axis(2), axis(2), axis(3)] };
  expect(sliceOf(deep, entriesOf(deep), [1, 2])).toEqual([[5, 11]]);
});

test("elements without names are numbers", () => {
  expect(elementName({ name: "a", size: 2, elements: ["left", "right"] }, 1)).toBe("right");
  expect(elementName(axis(2), 1)).toBe("1");
});

const rgb = (text: string): [number, number, number] => {
  const [red = 0, green = 0, blue = 0] = (text.match(/\d+/g) ?? []).map(Number);
  return [red, green, blue];
};

test("lightness grows with probability, so the scale holds without colour vision", () => {
  const light = Array.from({ length: 101 }, (_, i) => luminance(rgb(probabilityShade(i / 100).background)));
  for (let i = 1; i < light.length; i++) expect(light[i]).toBeGreaterThanOrEqual(light[i - 1] ?? 0);
});

test("numbers in cells have a contrast of 4.5 or more", () => {
  const shades = Array.from({ length: 101 }, (_, i) => [probabilityShade(i / 100), signedShade(i / 50 - 1, 1)]).flat();
  for (const { background, ink } of shades) {
    const ground = luminance(rgb(background));
    const text = ink === "#000" ? 0 : 1;
    const [high, low] = ground > text ? [ground, text] : [text, ground];
    expect((high + 0.05) / (low + 0.05)).toBeGreaterThanOrEqual(4.5);
  }
});

test("a flat preference is in the middle of the signed scale", () => {
  expect(signedShade(0, 0)).toEqual(signedShade(0, 3));
});
