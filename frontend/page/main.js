// The query page: what is typed is run, the answer shown, and the address tells of it.
import { copyAs, toClipboard } from "./copy_as.js";
import { Chart } from "./chart.js";
import { el, plural } from "./dom.js";
import { readFault } from "./fault.js";
import { fetchFile, Refusal, Run } from "./service.js";
import { ResultTable } from "./table.js";
import { createEditor } from "./editor.js";

const byId = (id) => document.getElementById(id);
const form = byId("query");
const { search, names, signIn } = form.dataset;

class Page {
  constructor() {
    this.run = null; // the last query
    this.shown = null; // the one whose result is there
    this.ran = ""; // what the editor held then
    this.view = "table";
    const options = { tell: (text) => this.tell(text), fail: (error) => this.fail(error) };
    this.table = new ResultTable(byId("table"), options);
    this.chart = new Chart(byId("chart"), options);
    this.editor = createEditor(byId("editor"), {
      text: "",
      label: "SQL query. Control Enter runs it, Escape then Tab leaves the editor.",
      placeholder: "SELECT …",
      onRun: () => this.start(),
    });
  }

  tell(text) {
    byId("status").textContent = text;
  }

  // ------------------------------------------------------------------------------ the address

  get fragment() {
    const parts = new URLSearchParams({ sql: this.editor.text() });
    if (this.view !== "table") parts.set("view", this.view);
    // %20 is read by all as a blank, + only in a query.
    return `#${parts.toString().replaceAll("+", "%20")}`;
  }

  note(isNew) {
    if (this.fragment === location.hash) return;
    history[isNew ? "pushState" : "replaceState"](null, "", this.fragment);
  }

  /** Take over what the address says, and run it. */
  follow() {
    const parts = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
    this.setView(parts.get("view") === "chart" ? "chart" : "table");
    const sql = parts.get("sql");
    if (sql === null) return;
    this.editor.setText(sql);
    this.start({ isFollowed: true });
  }

  // ---------------------------------------------------------------------------------- running

  async start({ isFollowed = false } = {}) {
    const query = this.editor.text();
    if (!query.trim()) return this.tell("There is no query to run.");
    this.run?.cancel();
    const run = (this.run = new Run(search, query));
    this.ran = query;
    if (!isFollowed) this.note(true);
    this.began = performance.now();
    this.busy(true);
    this.editor.clearFault();
    byId("problem").replaceChildren();
    this.setStale(true);
    this.tell("Running …");
    try {
      await run.start();
      if (run === this.run) this.finish(run);
    } catch (error) {
      if (run === this.run) this.fail(error);
    } finally {
      if (run === this.run) this.busy(false);
    }
  }

  finish(run) {
    const seconds = ((performance.now() - this.began) / 1000).toFixed(2);
    const more = run.hasMore ? "more than " : "";
    this.tell(`${more}${plural(run.rows.length, "row")} in ${seconds} s`);
    this.shown = run;
    this.setStale(false);
    byId("result").hidden = false;
    this.chart.clear();
    this.table.show(run);
    if (this.view === "chart") this.chart.show(run);
  }

  /** Say of a result that it is not that of the query above it. */
  setStale(isStale) {
    byId("result").classList.toggle("stale", isStale);
    byId("stale").hidden = !isStale;
  }

  clear() {
    this.shown = null;
    byId("result").hidden = true;
  }

  cancel() {
    this.run?.cancel();
    this.run = null;
    this.busy(false);
    this.clear();
    this.tell("Cancelled.");
    this.editor.focus();
  }

  busy(isBusy) {
    this.isBusy = isBusy;
    byId("cancel").hidden = !isBusy;
    byId("run").disabled = isBusy;
    byId("result").setAttribute("aria-busy", String(isBusy));
  }

  fail(error) {
    if (error.name === "AbortError") return;
    if (error instanceof Refusal && error.status === 401) return this.toSignIn();
    this.tell("");
    this.clear();
    const isOurs = error instanceof Refusal;
    const { message, place } = readFault(isOurs ? error.message : "The server cannot be reached.", this.run?.query ?? "");
    const parts = [el("p", {}, message)];
    if (place) {
      const { from, to } = this.editor.markFault(place.line, place.column, place.width);
      const text = `Go to line ${place.line}, column ${place.column + 1}`;
      parts.push(el("p", {}, el("button", { type: "button", class: "plain", onclick: () => this.editor.goTo(from, to) }, text)));
    }
    byId("problem").replaceChildren(...parts);
  }

  toSignIn() {
    location.assign(`${signIn}?next=${encodeURIComponent(location.pathname)}${this.fragment}`);
  }

  // ------------------------------------------------------------------------------- the answer

  setView(view) {
    this.view = view;
    for (const button of document.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
    byId("table").hidden = view !== "table";
    byId("chart").hidden = view !== "chart";
    if (view === "chart" && this.shown) this.chart.show(this.shown);
  }

  async download(format) {
    this.tell("Preparing the file …");
    try {
      const link = el("a", { href: URL.createObjectURL(await fetchFile(search, this.shown.query, format)), download: `result.${format}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      this.tell(`result.${format} is downloaded.`);
    } catch (error) {
      this.fail(error);
    }
  }

  async copy(language, text) {
    try {
      await toClipboard(copyAs(language, new URL(search, location.href).href, this.shown.query));
      this.tell(`Copied as ${text}.`);
    } catch (error) {
      this.tell(error.message);
    }
  }

  /** Show a table; what was written and not run yet is not thrown away for it. */
  ask(table) {
    const text = this.editor.text();
    if (text.trim() && text !== this.ran) return this.editor.insert(table);
    this.editor.setText(`FROM ${table}\nLIMIT 100`);
    this.start();
  }
}

const page = new Page();
// What is clicked, by the attribute that says what it does.
const actions = {
  view: (button) => {
    page.setView(button.dataset.view);
    page.note(false);
  },
  download: (button) => page.download(button.dataset.download),
  copy: (button) => page.copy(button.dataset.copy, button.textContent),
  table: (button) => page.ask(button.dataset.table),
};
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  const action = Object.keys(actions).find((name) => button?.dataset[name] !== undefined);
  if (action) actions[action](button);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  page.start();
});
byId("cancel").addEventListener("click", () => page.cancel());
// Who closes the page waits for nothing any more. One that the browser keeps may be come back to.
window.addEventListener("pagehide", (event) => {
  if (!event.persisted || page.isBusy) page.run?.cancel();
});
window.addEventListener("popstate", () => page.follow());
fetch(names)
  .then((answer) => (answer.ok ? answer.json() : { tables: [] }))
  .then(({ tables }) => page.editor.setTables(tables))
  .catch(() => {}); // without names there is no completion of them, and all else works
page.follow();
