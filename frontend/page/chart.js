// The quick chart: what kind of picture a result gets, and which of its columns are in it.
import { el, grouped } from "./dom.js";
import { bars, line, scatter, seriesOf } from "./plots.js";
import { asNumber, kindOf } from "./values.js";

const MOST_ROWS = 5000;
const KINDS = { bar: ["Bars", bars], line: ["Line", line], scatter: ["Dots", scatter] };

/**
 * Numbers over time are a line, numbers by name bars, numbers by numbers dots. Numbers that only
 * tell things apart, such as years and ids, are what others are drawn over, if there are others.
 */
export function choose(columns, rows) {
  const of = (kind) => columns.filter((column) => column.kind === kind);
  const [times, texts, all] = [of("time"), of("text"), of("number")];
  const plain = all.filter((column) => !column.isKey);
  const numbers = plain.length ? plain : all;
  const [y] = numbers;
  if (!y) return null;
  const keys = all.filter((column) => column !== y && column.isKey);
  const year = keys.find((column) => column.isYear);
  const areFew = !texts.length || seriesOf(rows, texts[0]) !== null;
  if (times.length) return { kind: "line", x: times[0], y };
  if (year && areFew) return { kind: "line", x: year, y };
  if (texts.length) return { kind: "bar", x: texts[0], y };
  if (keys.length) return { kind: "bar", x: keys[0], y };
  if (numbers.length > 1) return { kind: "scatter", x: y, y: numbers[1] };
  return null;
}

const YEAR = /(^|[^a-z])year$/i;
const KEY = /(^|[^a-z])(id|key|version|revision)$/i;

/** A column with what its name and values say of its numbers. */
function described({ name, schema }, rows) {
  const kind = kindOf(schema);
  const values = kind === "number" ? rows.map((row) => asNumber(row[name], kind)).filter(Number.isFinite) : [];
  const areYears = values.every((value) => Number.isInteger(value) && value >= 1000 && value < 3000);
  const isYear = values.length > 0 && YEAR.test(name) && areYears;
  return { name, kind, isYear, isKey: kind === "number" && (isYear || KEY.test(name)) };
}

export class Chart {
  constructor(host, { tell, fail }) {
    this.host = host;
    this.tell = tell;
    this.fail = fail;
    this.plot = el("div", { class: "plot" });
    this.note = el("p", { class: "soft small" });
    new ResizeObserver(() => this.draw()).observe(host);
  }

  clear() {
    this.run = null;
    this.host.replaceChildren();
  }

  async show(run) {
    if (run === this.run) return;
    this.run = run;
    try {
      await run.upTo(MOST_ROWS);
    } catch (error) {
      this.fail(error);
    }
    if (run !== this.run) return;
    this.columns = run.columns.map((column) => described(column, run.rows));
    this.choice = choose(this.columns, run.rows);
    if (this.choice) this.choice.split = this.splitting();
    if (!this.choice) {
      this.host.replaceChildren(el("p", { class: "notice" }, "There is nothing to draw: a chart needs a column of numbers, and another one of names, times or numbers."));
      return;
    }
    this.host.replaceChildren(this.form(), this.plot, this.note);
    this.draw();
  }

  /** Names of which there are few can tell lines and dots apart. */
  splits() {
    return this.columns.filter((column) => column.kind === "text" && seriesOf(this.run.rows, column)?.length > 1);
  }

  splitting() {
    return this.choice.kind === "bar" ? null : (this.splits()[0] ?? null);
  }

  form() {
    const numbers = this.columns.filter(({ kind }) => kind === "number");
    const others = this.columns.filter(({ kind }) => kind !== "object");
    const byName = (name) => this.columns.find((column) => column.name === name);
    return el(
      "form",
      { "aria-label": "Chart", onsubmit: (event) => event.preventDefault() },
      this.select("Kind", Object.entries(KINDS).map(([value, [text]]) => [value, text]), this.choice.kind, (value) => (this.choice.kind = value)),
      this.select("Across", others.map(({ name }) => [name, name]), this.choice.x.name, (value) => (this.choice.x = byName(value))),
      this.select("Values", numbers.map(({ name }) => [name, name]), this.choice.y.name, (value) => (this.choice.y = byName(value))),
      this.select("Colours", [["", "none"], ...this.splits().map(({ name }) => [name, name])], this.choice.split?.name ?? "", (value) => (this.choice.split = byName(value) ?? null)),
    );
  }

  select(label, options, chosen, take) {
    const change = (event) => {
      take(event.target.value);
      this.draw();
    };
    const entries = options.map(([value, text]) => el("option", { value, selected: value === chosen }, text));
    return el("label", {}, label, el("select", { onchange: change }, entries));
  }

  draw() {
    const width = Math.round(this.host.clientWidth) - 28;
    if (!this.run || !this.choice || width < 100) return;
    const { kind, x } = this.choice;
    if (kind !== "bar" && x.kind === "text") {
      this.plot.replaceChildren(el("p", {}, `${x.name} is no number and no time: choose bars for it.`));
      this.note.textContent = "";
      return;
    }
    const rows = this.run.rows.slice(0, MOST_ROWS);
    const { picture, legend, note } = KINDS[kind][1](rows, this.choice, width);
    this.plot.replaceChildren(...[picture, legend].filter(Boolean));
    const first = this.run.hasMore || this.run.rows.length > rows.length ? `The first ${grouped(rows.length)} rows. ` : "";
    this.note.textContent = first + note;
  }
}
