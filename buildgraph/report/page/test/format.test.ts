import * as format from "../src/format";

test.each([
  [0, "0 B"], [1023, "1023 B"], [1024, "1.00 KiB"], [30894, "30.2 KiB"], [1_048_575, "1024 KiB"],
  [8 * 1024 ** 2, "8.00 MiB"], [5 * 1024 ** 4, "5120 GiB"],
])("bytes %d", (bytes, text) => {
  expect(format.formatBytes(bytes)).toBe(text);
});

test.each([
  [0, "0"], [1, "1"], [-4, "-4"], [0.5, "0.5"], [1 / 3, "0.333"], [0.02 - 8e-10, "0.02"], [5.96e-8, "6.0e-8"],
])("value %d", (value, text) => {
  expect(format.formatValue(value)).toBe(text);
});

test("counts have groups of three digits", () => {
  expect(format.formatCount(11_977_500)).toBe("11\u2009977\u2009500");
  expect(format.formatCount(367)).toBe("367");
});

test("times have a unit", () => {
  expect([0, 999.4, 1000, 27_400].map(format.formatMilliseconds)).toEqual(["0 ms", "999 ms", "1.00 s", "27.4 s"]);
});

test("hexadecimal fractions of a proof", () => {
  expect(format.parseHexFloat("0x1.8p-3")).toBe(0.1875);
  expect(format.parseHexFloat("0x1.0624dd2f1a9fcp-10")).toBe(0.001);
  expect(format.parseHexFloat("-0x1p+2")).toBe(-4);
  expect(format.parseHexFloat("0x0.0p+0")).toBe(0);
});

test("what a gate measured has its unit", () => {
  expect(format.formatMeasured(100_000, "bytes")).toBe("97.7 KiB");
  expect(format.formatMeasured(16, "lines")).toBe("16 lines");
  expect(format.formatMeasured(true)).toBe("yes");
  expect(format.formatMeasured(undefined, "bytes")).toBe("");
  expect(format.formatMeasured("d152e125d8".padEnd(64, "0"))).toBe("d152e125d800");
});
