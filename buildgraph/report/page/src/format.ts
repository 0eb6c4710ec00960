/** Numbers and names as people read them; every number has its unit. */
const UNITS = ["B", "KiB", "MiB", "GiB"];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(value < 1000 ? 3 : 4)} ${UNITS[unit] ?? ""}`;
}

/** Digits in groups of three, separated by thin spaces. */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
}

/** A probability or a number of nats with three significant digits; exact 0 and 1 stay whole. */
export function formatValue(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size < 0.001 || size >= 1e5 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

export function formatPercent(part: number, whole: number): string {
  return whole === 0 ? "0 %" : `${((100 * part) / whole).toPrecision(3)} %`;
}

/** The first 12 digits of a digest. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

/** A number in C's notation for hexadecimal fractions, such as 0x1.8p-3. */
export function parseHexFloat(text: string): number {
  const match = /^(-?)0x([0-9a-f]+)(?:\.([0-9a-f]*))?p([+-]?\d+)$/.exec(text);
  if (!match) return Number(text);
  const [, sign, whole = "0", fraction = "", exponent = "0"] = match;
  const digits = parseInt(whole + fraction, 16) * 2 ** -(4 * fraction.length);
  return (sign ? -1 : 1) * digits * 2 ** Number(exponent);
}

/** What a gate measured, or its limit, with the unit: bytes as KiB, numbers short, lists joined. */
export function formatMeasured(value: unknown, unit = ""): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number")
    return unit === "bytes" ? formatBytes(value) : `${formatNumber(value)}${unit ? ` ${unit}` : ""}`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return /^[0-9a-f]{64}$/.test(value) ? shortDigest(value) : value;
  return JSON.stringify(value);
}

function formatNumber(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : formatValue(value);
}
