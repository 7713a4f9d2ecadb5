// Completion of the names of tables and columns. Names with dots are common in these datasets
// ("parents.session"), so a name that needs quotes gets them.
import { schemaCompletionSource } from "@codemirror/lang-sql";
import { DuckDB } from "./dialect.js";

const PLAIN = /^[a-z_][a-z_\d]*$/i;
const reserved = new Set("all and any as asc both case cast desc end from group order table to".split(" "));

export const quoted = (name) =>
  PLAIN.test(name) && !reserved.has(name.toLowerCase()) ? name : `"${name.replaceAll('"', '""')}"`;

function columnCompletion({ name, type, description }, boost) {
  return {
    label: name,
    apply: quoted(name),
    type: "property",
    detail: type.toLowerCase(),
    info: description || undefined,
    boost,
  };
}

function tableCompletion(table) {
  return {
    label: table.path.at(-1),
    apply: quoted(table.path.at(-1)),
    type: "class",
    detail: table.rows,
    info: table.description || undefined,
  };
}

// A schema as lang-sql wants it: an object for each part of a name, columns at the end.
function namespace(tables) {
  const top = {};
  for (const table of tables) {
    let level = top;
    for (const part of table.path.slice(0, -1)) {
      level = (level[part] ??= { self: { label: part, apply: quoted(part), type: "namespace" }, children: {} }).children;
    }
    level[table.path.at(-1)] = {
      self: tableCompletion(table),
      children: table.columns.map((column) => columnCompletion(column)),
    };
  }
  return top;
}

// The tables that a query speaks of; all are looked for by their whole names.
function mentioned(tables, text) {
  const plain = text.replaceAll('"', "").toLowerCase();
  return tables.filter((table) => {
    const name = table.path.join(".").toLowerCase();
    const at = plain.indexOf(name);
    return at >= 0 && !/[\w]/.test(plain[at + name.length] ?? " ");
  });
}

// Where the name begins that is being written, or null if it is nothing for this source. In
// `parents.ses` it is all of that, in `s.parents.ses` what comes behind the alias; `s.ses` is for
// lang-sql, which knows what `s` is.
function nameStart(word, columns) {
  const [first, ...rest] = word.text.split(".");
  const isColumn = [...columns.keys()].some((name) => name.startsWith(`${first}.`));
  if (!rest.length || isColumn) return word.from;
  return rest.length > 1 ? word.from + first.length + 1 : null;
}

// Columns of the tables that the query names already, without a table's name in front.
function columnSource(tables) {
  return (context) => {
    const word = context.matchBefore(/"?[\p{L}_][\p{L}\d_.]*$/u);
    if (!word && !context.explicit) return null;
    const options = new Map();
    for (const table of mentioned(tables, context.state.doc.toString())) {
      for (const column of table.columns) {
        if (!options.has(column.name)) options.set(column.name, columnCompletion(column, 1));
      }
    }
    if (!options.size) return null;
    if (word?.text.startsWith('"')) return quotedColumns(word, context, [...options.values()]);
    const from = word ? nameStart(word, options) : context.pos;
    return from === null ? null : { from, options: [...options.values()], validFor: /^[\w.]*$/ };
  };
}

function quotedColumns(word, context, options) {
  const closed = context.state.sliceDoc(context.pos, context.pos + 1) === '"';
  return {
    from: word.from + 1,
    to: closed ? context.pos + 1 : undefined,
    options: options.map((option) => ({ ...option, apply: `${option.label.replaceAll('"', '""')}"` })),
    validFor: /^[^"]*$/,
  };
}

export function completions(tables) {
  const ofSchema = schemaCompletionSource({ dialect: DuckDB, schema: namespace(tables) });
  return [ofSchema, columnSource(tables)];
}
