// Where in a query an error is, read out of the engine's message, which draws it:
//
//     Binder Error: Referenced column "b" not found in FROM clause!
//
//     LINE 2: SELECT b FROM t
//                    ^

/** The message without the drawing, and the place in `text`, if one is told: line from 1, column from 0. */
export function readFault(message, text) {
  const lines = message.split("\n");
  const at = lines.findIndex((line) => /^LINE \d+: /.test(line));
  if (at < 0) return { message: message.trim(), place: namedIn(message, text) };
  const said = [...lines.slice(0, at), ...lines.slice(at + 2)].join("\n").trim();
  const [head, number] = lines[at].match(/^LINE (\d+): /);
  const caret = lines[at + 1]?.match(/^( *)(\^+)/);
  if (!caret) return { message: said, place: null };
  const line = Number(number);
  const column = columnIn(text.split("\n")[line - 1] ?? "", lines[at].slice(head.length), caret[1].length - head.length);
  return { message: said, place: column === null ? null : { line, column, width: caret[2].length } };
}

// Of a long line the drawing shows a part, with dots where it was cut.
function columnIn(line, shown, column) {
  if (!shown.startsWith("...") || line.startsWith("...")) return column;
  const part = shown.slice(3).replace(/\.\.\.$/, "");
  const start = line.indexOf(part);
  return start < 0 ? null : start + column - 3;
}

const NAMED = [
  /Referenced column "([^"]+)" not found/,
  /Referenced table "([^"]+)" not found/,
  /[Tt]able with name "?([^\s"]+)"? does not exist/,
  /there is no table '([^']+)'/,
  /Function with name "?([^\s"]+)"? does not exist/,
  /syntax error at or near "([^"]+)"/,
];

// Without a drawing: the word that the message speaks of, if the query has it just once.
function namedIn(message, text) {
  const word = NAMED.map((pattern) => message.match(pattern)?.[1]).find(Boolean);
  if (!word) return null;
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = [...text.matchAll(new RegExp(`(?<![\\w."])"?${escaped}"?(?!\\w)`, "gi"))];
  if (found.length !== 1) return null;
  const before = text.slice(0, found[0].index).split("\n");
  return { line: before.length, column: before.at(-1).length, width: found[0][0].length };
}
