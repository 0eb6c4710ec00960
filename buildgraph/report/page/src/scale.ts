/** Colour scales whose lightness also tells the value, so they hold without colour vision. */
type Rgb = readonly [number, number, number];

/** Cividis (Nunez, Anderton, Renslow 2018), nine stops. */
const CIVIDIS: readonly Rgb[] = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115],
  [138, 134, 120], [165, 156, 116], [195, 179, 105], [254, 232, 56],
];
/** Blue for less than 0, orange for more (ColorBrewer's PuOr with blue). */
const SIGNED: readonly Rgb[] = [[33, 102, 172], [146, 197, 222], [247, 247, 247], [253, 184, 99], [179, 88, 6]];

export type Shade = { background: string; ink: string };

/** The shade of a probability from 0 to 1. */
export function probabilityShade(value: number): Shade {
  return shade(CIVIDIS, value);
}

/** The shade of a number of nats; `most` is the largest distance from 0. */
export function signedShade(value: number, most: number): Shade {
  return shade(SIGNED, most === 0 ? 0.5 : 0.5 + value / (2 * most));
}

function shade(stops: readonly Rgb[], at: number): Shade {
  const place = Math.min(1, Math.max(0, Number.isNaN(at) ? 0 : at)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(place));
  const [a, b] = [stops[low], stops[low + 1]];
  if (!a || !b) throw new RangeError("a scale has two stops at least");
  const mixed = a.map((value, i) => Math.round(value + (place - low) * ((b[i] ?? 0) - value)));
  const [red = 0, green = 0, blue = 0] = mixed;
  return {
    background: `rgb(${red} ${green} ${blue})`,
    ink: luminance([red, green, blue]) > 0.18 ? "#000" : "#fff",
  };
}

/** Relative luminance (WCAG 2): black text has the better contrast above 0.18. */
export function luminance([red, green, blue]: Rgb): number {
  const linear = (value: number): number => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
