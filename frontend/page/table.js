// The answer as a table, some rows at a time.
import { el, grouped, plural } from "./dom.js";
import { asText, kindOf, typeName } from "./values.js";

const LENGTH = 50;
const LONGEST = 300;

function cell(value, kind) {
  if (value === null || value === undefined) return el("td", {}, el("span", { class: "null" }, "null"));
  const text = asText(value, kind);
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return el("td", { class: kind === "number" ? "n" : kind === "object" ? "json" : null }, kind === "object" ? el("code", {}, cut) : cut);
}

function grid(run, rows) {
  const columns = run.columns.map((column) => ({ ...column, kind: kindOf(column.schema) }));
  const heads = columns.map(({ name, schema, kind }) =>
    el("th", { scope: "col", class: kind === "number" ? "n" : null }, name, el("small", {}, typeName(schema))),
  );
  const lines = rows.map((row) => el("tr", {}, columns.map(({ name, kind }) => cell(row[name], kind))));
  return el(
    "div",
    { class: "scroll", role: "region", tabindex: "0", "aria-label": "Rows of the result" },
    el(
      "table",
      { class: "grid" },
      el("caption", { class: "unseen" }, "Rows of the result"),
      el("thead", {}, el("tr", {}, heads)),
      el("tbody", {}, lines),
    ),
  );
}

/** Shows a run in `host`; `tell` says aloud what is shown, `fail` what went wrong. */
export class ResultTable {
  constructor(host, { tell, fail }) {
    this.host = host;
    this.tell = tell;
    this.fail = fail;
  }

  show(run) {
    this.run = run;
    this.first = 0;
    this.draw();
  }

  clear() {
    this.run = null;
    this.host.replaceChildren();
  }

  get range() {
    const { rows, hasMore } = this.run;
    const last = Math.min(this.first + LENGTH, rows.length);
    if (!rows.length) return "No rows";
    if (!hasMore && rows.length <= LENGTH) return plural(rows.length, "row");
    return `Rows ${grouped(this.first + 1)} – ${grouped(last)} of ${hasMore ? "more than " : ""}${grouped(rows.length)}`;
  }

  draw() {
    const { rows, hasMore } = this.run;
    const shown = rows.slice(this.first, this.first + LENGTH);
    const isLast = !hasMore && this.first + LENGTH >= rows.length;
    const pager = el(
      "nav",
      { class: "pager", "aria-label": "Pages of the result" },
      el("button", { type: "button", class: "button", disabled: this.first === 0, onclick: () => this.turn(-1) }, "← Previous"),
      el("button", { type: "button", class: "button", disabled: isLast, onclick: () => this.turn(1) }, "Next →"),
      el("span", { class: "soft" }, this.range),
    );
    const isOne = this.first === 0 && isLast;
    this.host.replaceChildren(grid(this.run, shown), isOne ? el("p", { class: "soft" }, this.range) : pager);
  }

  async turn(direction) {
    const run = this.run;
    if (this.isTurning === run) return;
    this.isTurning = run;
    const first = this.first + direction * LENGTH;
    try {
      // One row more than the page has tells whether there is another page.
      await run.upTo(first + LENGTH + 1);
    } catch (error) {
      this.fail(error);
      return;
    } finally {
      this.isTurning = null;
    }
    if (run !== this.run) return;
    this.first = Math.min(first, Math.max(0, Math.ceil(run.rows.length / LENGTH) - 1) * LENGTH);
    this.draw();
    this.tell(this.range);
    this.host.querySelector(direction > 0 ? ".pager button:last-of-type" : ".pager button")?.focus();
  }
}
