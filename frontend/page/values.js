// What kind a column of a result is, and how its values read.

const typesOf = (schema) => [schema.type ?? "string"].flat().filter((type) => type !== "null");

/** "number", "time", "object" or "text". */
export function kindOf(schema) {
  const [type] = typesOf(schema);
  if (type === "integer" || type === "number") return "number";
  if (type === "object" || type === "array") return "object";
  const format = schema.format ?? "";
  if (format === "bigint" || format === "decimal") return "number";
  return /^(date|timestamp)/.test(format) ? "time" : "text";
}

/** The type as a column's head shows it. */
export function typeName(schema) {
  const [type] = typesOf(schema);
  return type === "string" && schema.format ? schema.format : (type ?? "");
}

/** A value as text; instants without T and without a fraction of zeros. */
export function asText(value, kind) {
  if (typeof value === "object") return JSON.stringify(value);
  if (kind === "time") return String(value).replace("T", " ").replace(/\.0+(?=$|[Z+-])/, "").replace(/(\+00:00|Z)$/, "");
  return String(value);
}

/** A value as a point on a scale, or NaN. Instants are milliseconds; without a zone they are UTC. */
export function asNumber(value, kind) {
  if (value === null || value === undefined || value === "") return NaN;
  if (kind !== "time") return Number(value);
  const text = String(value).replace(" ", "T");
  return Date.parse(/T.*(Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes("T") ? text : `${text}Z`);
}
