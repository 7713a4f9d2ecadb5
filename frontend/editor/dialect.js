// DuckDB's SQL as far as people write it to ask questions: what is coloured and completed.
// Statements that change something are left out, as the server takes none of them.
import { SQLDialect } from "@codemirror/lang-sql";

const keywords = `
all and anti any array as asc asof at between both by case cast collate columns cross current
current_date current_timestamp desc describe distinct else end escape except exclude exists
extract false fetch filter first following for from full glob group grouping groups having ilike
in inner intersect interval is join last lateral left like limit materialized natural not null
nulls offset on only or order ordinality outer over partition percent pivot positional preceding
qualify range recursive replace respect right rollup row rows sample select semi sets show similar
some summarize table tablesample then ties to true try_cast unbounded union unnest unpivot using
values when where window with within
`;

const types = `
bigint blob boolean date decimal double float hugeint int integer json list map real smallint
struct text time timestamp timestamptz tinyint ubigint uinteger varchar
`;

const functions = `
abs age any_value approx_count_distinct approx_quantile arg_max arg_min array_agg avg bool_and
bool_or cardinality ceil coalesce concat concat_ws contains corr count cume_dist date_diff
date_part date_trunc dayname dense_rank ends_with epoch first_value floor format greatest
histogram ifnull json_array_length json_exists json_extract json_extract_string json_keys
json_type json_valid lag last_value lead least left length list list_aggregate list_contains
list_count list_distinct list_filter list_sort list_transform ln log10 lower lpad max median min
mode monthname nth_value ntile nullif percent_rank pow quantile_cont quantile_disc
regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace replace
reverse round row_number rpad sign split_part sqrt starts_with stddev stem strftime string_agg
string_split strip_accents strptime substring sum trim trunc try_strptime upper variance year
month day hour rank
`;

const joined = (words) => words.trim().replace(/\s+/g, " ");

export const DuckDB = SQLDialect.define({
  keywords: joined(keywords),
  types: joined(types),
  builtin: joined(functions),
  caseInsensitiveIdentifiers: true,
  doubleDollarQuotedStrings: true,
  operatorChars: "*+-%<>!=&|~^/:@",
  specialVar: "?$",
});
