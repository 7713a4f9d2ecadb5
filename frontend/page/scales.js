// Scales of a chart: from values to places, and round values at which lines are drawn.

const STEPS = [1, 2, 5, 10];

/** Round numbers from `low` to `high`, about `count` of them. */
export function roundTicks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.find((one) => one * power >= rough) * power;
  const ticks = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

const DAY = 86_400_000;
const UNITS = [
  { name: "year", length: 365.25 * DAY, steps: [1, 2, 5, 10, 20, 50, 100] },
  { name: "month", length: 30.44 * DAY, steps: [1, 2, 3, 6] },
  { name: "day", length: DAY, steps: [1, 2, 5, 10] },
  { name: "hour", length: DAY / 24, steps: [1, 2, 3, 6, 12] },
  { name: "minute", length: DAY / 1440, steps: [1, 2, 5, 10, 30] },
  { name: "second", length: 1000, steps: [1, 2, 5, 10, 30] },
];

/** Instants at which a calendar or clock is round, with a text for each. */
export function timeTicks(low, high, count) {
  const rough = Math.max((high - low) / Math.max(count, 1), 1);
  const choices = UNITS.flatMap((unit) => unit.steps.map((step) => ({ unit, step, length: unit.length * step })));
  const { unit, step } = choices.sort((a, b) => a.length - b.length).find((one) => one.length >= rough) ?? choices.at(-1);
  const ticks = [];
  for (let at = floorTo(low, unit, step); at <= high; at = after(at, unit, step)) if (at >= low) ticks.push(at);
  return ticks.map((value) => ({ value, text: timeText(value, unit.name) }));
}

function floorTo(value, unit, step) {
  const date = new Date(value);
  const year = date.getUTCFullYear();
  if (unit.name === "year") return Date.UTC(Math.floor(year / step) * step, 0);
  if (unit.name === "month") return Date.UTC(year, Math.floor(date.getUTCMonth() / step) * step);
  return Math.floor(value / (unit.length * step)) * unit.length * step;
}

function after(value, unit, step) {
  const date = new Date(value);
  if (unit.name === "year") return Date.UTC(date.getUTCFullYear() + step, 0);
  if (unit.name === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + step);
  return value + unit.length * step;
}

function timeText(value, unit) {
  const text = new Date(value).toISOString();
  if (unit === "year") return text.slice(0, 4);
  if (unit === "month") return text.slice(0, 7);
  if (unit === "day") return text.slice(0, 10);
  return text.slice(11, unit === "second" ? 19 : 16);
}

/** From the values between low and high to the places between start and end. */
export const linear = (low, high, start, end) => (value) =>
  high === low ? (start + end) / 2 : start + ((value - low) / (high - low)) * (end - start);

/** How numbers of a column are written: a year is no amount. */
export const textOf = (column) => (column.isYear ? String : numberText);

/** A number of an axis: thousands apart, no digits that say nothing. */
export const numberText = (value) =>
  Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3)
    ? Number(value.toPrecision(4)).toLocaleString("en-US", { notation: "compact", maximumSignificantDigits: 4 })
    : value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
