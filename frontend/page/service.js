// Speaks to the Data Connect service: a query's pages, one after the other, and the way to stop it.

/** What the service refused, with its own words. */
export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const said = (errors) => errors.map((error) => error.detail || error.details || error.title).join("\n");

async function checked(answer) {
  if (answer.ok) return answer;
  let text = "";
  try {
    text = said((await answer.json()).errors ?? []);
  } catch {
    // No JSON: a proxy's page, say. The status has to do.
  }
  throw new Refusal(answer.status, text || `The server answered ${answer.status} ${answer.statusText}.`);
}

// Behind a proxy the service may be known by another address than the one that this page was
// opened at; the paths are the same.
const here = (address) => {
  const url = new URL(address, location.href);
  return url.pathname + url.search;
};

const posted = (query, signal) => ({
  method: "POST",
  headers: { "Content-Type": "application/json", Accept: "application/json" },
  body: JSON.stringify({ query }),
  signal,
});

export class Run {
  constructor(search, query) {
    this.search = search;
    this.query = query;
    this.rows = [];
    this.model = null;
    this.next = null;
    this.coming = null;
    this.isCancelled = false;
    this.controller = new AbortController();
  }

  /** Whether there may be rows that are not here yet. */
  get hasMore() {
    return this.next !== null && !this.isCancelled;
  }

  /** The columns: name and schema of each. */
  get columns() {
    return Object.entries(this.model?.properties ?? {}).map(([name, schema]) => ({ name, schema }));
  }

  /** Send the query, and wait until there are rows, or none. */
  async start() {
    await this.take(await fetch(this.search, posted(this.query, this.controller.signal)));
    if (!this.rows.length) await this.more();
  }

  /** Fetch on until there are rows beyond those that are here, or until the end. */
  more() {
    // Whoever asks meanwhile waits for the same page, so that none is taken twice.
    this.coming ??= this.fetchOn().finally(() => (this.coming = null));
    return this.coming;
  }

  async fetchOn() {
    const before = this.rows.length;
    while (this.hasMore && this.rows.length === before) {
      await this.take(await fetch(this.next, { signal: this.controller.signal }));
    }
  }

  /** Fetch until there are so many rows, or all. */
  async upTo(count) {
    while (this.hasMore && this.rows.length < count) await this.more();
  }

  async take(answer) {
    const page = await (await checked(answer)).json();
    if (page.errors?.length) throw new Refusal(answer.status, said(page.errors));
    this.model ??= page.data_model ?? null;
    for (const row of page.data ?? []) this.rows.push(row);
    this.next = page.pagination?.next_page_url ? here(page.pagination.next_page_url) : null;
  }

  /** Stop waiting, and tell the service that nobody wants the rest. */
  cancel() {
    this.isCancelled = true;
    this.controller.abort();
    this.release();
  }

  /** Let the service forget the result; its spool ends by itself some time later anyway. */
  release() {
    const id = this.next?.slice(here(this.search).length).split("/")[1];
    this.next = null;
    if (id) fetch(`${this.search}/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
  }
}

/** The whole answer as a file of that format. */
export async function fetchFile(search, query, format) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${search}?format=${format}`, { ...posted(query), headers });
  return (await checked(answer)).blob();
}
