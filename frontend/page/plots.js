// Bars, lines and dots as SVG. Each returns what is drawn and a sentence that says it.
import { el, grouped, svg } from "./dom.js";
import { linear, roundTicks, textOf, timeTicks } from "./scales.js";
import { asNumber, asText } from "./values.js";

const MOST_BARS = 40;
const MOST_SERIES = 6;
const ROW = 24;

const short = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const spaced = (low, high) => (low === high ? [low - 1, high + 1] : [low, high]);

function drawing(width, height, label, parts) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parts);
}

/** Why some rows are not in the picture. */
function leftOut(count, all, what) {
  if (!count) return "";
  return `${grouped(count)} of ${grouped(all)} rows ${count === 1 ? "is" : "are"} not drawn: ${what} has no value (null) there.`;
}

/** Bars that lie: names of any length have room, on a phone, too. */
export function bars(rows, { x, y }, width) {
  const all = rows.map((row) => [row[x.name] === null ? "null" : asText(row[x.name], x.kind), asNumber(row[y.name], y.kind)]);
  const drawable = all.filter(([, value]) => Number.isFinite(value));
  const points = drawable.slice(0, MOST_BARS);
  if (!points.length) return { picture: null, note: `Nothing is drawn: ${y.name} has no value (null) in any row.` };
  const toText = textOf(y);
  const letters = width < 480 ? 14 : 26;
  const left = Math.min(letters, Math.max(...points.map(([name]) => name.length), 3)) * 7.2 + 14;
  const low = Math.min(0, ...points.map(([, value]) => value));
  const high = Math.max(0, ...points.map(([, value]) => value));
  const place = linear(...spaced(low, high === low ? low + 1 : high), left, width - 64);
  const height = points.length * ROW + 34;
  const drawn = points.flatMap(([name, value], index) => {
    const top = index * ROW + 6;
    const from = Math.min(place(0), place(value));
    return [
      svg("text", { x: left - 8, y: top + 13, "text-anchor": "end", class: "name" }, short(name, letters)),
      svg("rect", { x: from, y: top, width: Math.max(Math.abs(place(value) - place(0)), 1), height: ROW - 6, rx: 2, class: "bars" }, svg("title", {}, `${name}: ${toText(value)}`)),
      svg("text", { x: Math.max(place(value), place(0)) + 6, y: top + 13 }, toText(value)),
    ];
  });
  const zero = svg("line", { x1: place(0), x2: place(0), y1: 2, y2: height - 28, class: "axis" });
  const name = svg("text", { x: left, y: height - 8, class: "name" }, y.name);
  const said = points.slice(0, 5).map(([text, value]) => `${text} ${toText(value)}`).join(", ");
  const label = `Bar chart of ${y.name} by ${x.name}: ${said}${points.length > 5 ? " …" : ""}`;
  const cut = drawable.length > points.length ? `The first ${MOST_BARS} bars of ${grouped(drawable.length)} are drawn. ` : "";
  const note = cut + leftOut(all.length - drawable.length, all.length, y.name);
  return { picture: drawing(width, height, label, [...drawn, zero, name]), note };
}

const wholeYears = (column, ticks) => (column.isYear ? ticks.filter(Number.isInteger) : ticks);

function frame(points, x, y, width, height) {
  const [lowX, highX] = spaced(Math.min(...points.map(([a]) => a)), Math.max(...points.map(([a]) => a)));
  const [lowY, highY] = spaced(Math.min(...points.map(([, b]) => b)), Math.max(...points.map(([, b]) => b)));
  const rise = (highY - lowY) * 0.05;
  const toText = textOf(y);
  const ticksY = wholeYears(y, roundTicks(lowY - rise, highY + rise, 6));
  const left = Math.max(...ticksY.map((tick) => toText(tick).length)) * 7 + 16;
  const toX = linear(lowX, highX, left + 6, width - 22);
  const toY = linear(lowY - rise, highY + rise, height - 46, 26);
  const count = Math.max(Math.floor(width / 110), 2);
  const numbersX = () => wholeYears(x, roundTicks(lowX, highX, count)).map((value) => ({ value, text: textOf(x)(value) }));
  const ticksX = x.kind === "time" ? timeTicks(lowX, highX, count) : numbersX();
  const lines = [
    ...ticksY.flatMap((tick) => [
      svg("line", { x1: left, x2: width - 10, y1: toY(tick), y2: toY(tick), class: "gridline" }),
      svg("text", { x: left - 7, y: toY(tick) + 4, "text-anchor": "end" }, toText(tick)),
    ]),
    svg("line", { x1: left, x2: width - 10, y1: height - 46, y2: height - 46, class: "axis" }),
    ...ticksX.flatMap(({ value, text }) => [
      svg("line", { x1: toX(value), x2: toX(value), y1: height - 46, y2: height - 41, class: "axis" }),
      svg("text", { x: toX(value), y: height - 27, "text-anchor": "middle" }, text),
    ]),
    svg("text", { x: left, y: 14, class: "name" }, y.name),
    svg("text", { x: width - 10, y: height - 8, "text-anchor": "end", class: "name" }, x.name),
  ];
  return { toX, toY, lines };
}

function points(rows, x, y) {
  return rows
    .map((row) => [asNumber(row[x.name], x.kind), asNumber(row[y.name], y.kind), row])
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
}

const titled = (row, x, y) => svg("title", {}, `${asText(row[x.name], x.kind)}: ${asText(row[y.name], y.kind)}`);

/** The values of a column of names, each a series, most rows first; null if they are too many. */
export function seriesOf(rows, split) {
  if (!split) return null;
  const counts = new Map();
  for (const row of rows) {
    const name = String(row[split.name]);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (counts.size > MOST_SERIES) return null;
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
}

function legend(series) {
  if (!series) return null;
  const mark = (index) => svg("svg", { viewBox: "0 0 10 10", class: "swatch", "aria-hidden": "true" }, svg("circle", { cx: 5, cy: 5, r: 4, class: `dots s${index}` }));
  return el("ul", { class: "legend", "aria-label": "Series" }, series.map((name, index) => el("li", {}, mark(index), name)));
}

function plane(name, rows, { x, y, split }, width, draw) {
  const found = points(rows, x, y);
  if (!found.length) return { picture: null, note: `Nothing is drawn: no row has a value of both ${x.name} and ${y.name}.` };
  const series = seriesOf(rows, split);
  const height = Math.round(Math.min(400, Math.max(240, width * 0.42)));
  const { toX, toY, lines } = frame(found, x, y, width, height);
  const by = series ? ` by ${split.name}` : "";
  const label = `${name} of ${y.name} over ${x.name}${by}, ${grouped(found.length)} points`;
  const note = leftOut(rows.length - found.length, rows.length, `${x.name} or ${y.name}`);
  const parts = (series ?? [null]).flatMap((one, index) => {
    const own = one === null ? found : found.filter(([, , row]) => String(row[split.name]) === one);
    return draw(own, toX, toY, `s${index}`);
  });
  return { picture: drawing(width, height, label, [...lines, ...parts]), legend: legend(series), note };
}

export const line = (rows, choice, width) =>
  plane("Line chart", rows, choice, width, (found, toX, toY, look) => {
    const sorted = [...found].sort(([a], [b]) => a - b);
    const path = sorted.map(([a, b], index) => `${index ? "L" : "M"}${toX(a).toFixed(1)} ${toY(b).toFixed(1)}`).join("");
    const dot = ([a, b, row]) => svg("circle", { cx: toX(a), cy: toY(b), r: 3, class: `dots ${look}` }, titled(row, choice.x, choice.y));
    return [svg("path", { d: path, class: `line ${look}` }), ...(sorted.length > 150 ? [] : sorted.map(dot))];
  });

export const scatter = (rows, choice, width) =>
  plane("Scatter plot", rows, choice, width, (found, toX, toY, look) => {
    const r = found.length > 500 ? 2 : 3.5;
    return found.map(([a, b, row]) => svg("circle", { cx: toX(a), cy: toY(b), r, class: `dots ${look}` }, titled(row, choice.x, choice.y)));
  });
