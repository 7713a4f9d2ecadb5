// Where in a query an error is: the service says it behind the message, as "(line 2, column 7)".

/** The message, and the place in `text`, if one is told: line from 1, column from 0. */
export function readFault(message, text) {
  const told = message.match(/ \(line (\d+), column (\d+)\)$/);
  if (!told) return { message, place: namedIn(message, text) };
  const [line, column] = [Number(told[1]), Number(told[2]) - 1];
  const word = (text.split("\n")[line - 1] ?? "").slice(column).match(/^("[^"]*"|[\p{L}\p{N}_]+|.)/u);
  return { message: message.slice(0, told.index), place: { line, column, width: word?.[0].length ?? 1 } };
}

const NAMED = [
  /Referenced column "([^"]+)" not found/,
  /Referenced table "([^"]+)" not found/,
  /[Tt]able with name "?([^\s"]+)"? does not exist/,
  /there is no table '([^']+)'/,
  /Function with name "?([^\s"]+)"? does not exist/,
  /syntax error at or near "([^"]+)"/,
];

// Without a place: the word that the message speaks of, if the query has it just once.
function namedIn(message, text) {
  const word = NAMED.map((pattern) => message.match(pattern)?.[1]).find(Boolean);
  if (!word) return null;
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = [...text.matchAll(new RegExp(`(?<![\\w."])"?${escaped}"?(?!\\w)`, "gi"))];
  if (found.length !== 1) return null;
  const before = text.slice(0, found[0].index).split("\n");
  return { line: before.length, column: before.at(-1).length, width: found[0][0].length };
}
