// The query as a program of a few lines, in the language that the reader works in.

const python = (address, query) => `import io
import os

import pandas as pd
import requests

query = ${pythonText(query)}
token = os.environ.get("FW_DATASET_TOKEN")
answer = requests.post(
    ${JSON.stringify(`${address}?format=parquet`)},
    json={"query": query},
    headers={"Authorization": f"Bearer {token}"} if token else {},
)
answer.raise_for_status()
df = pd.read_parquet(io.BytesIO(answer.content))
print(df)
`;

const r = (address, query) => `library(httr2)

query <- ${JSON.stringify(query)}
token <- Sys.getenv("FW_DATASET_TOKEN")
request <- request(${JSON.stringify(`${address}?format=csv`)}) |>
  req_body_json(list(query = query))
if (nzchar(token)) request <- req_auth_bearer_token(request, token)
df <- read.csv(text = resp_body_string(req_perform(request)), check.names = FALSE)
print(df)
`;

const curl = (address, query) => `curl --fail-with-body --silent --show-error \\
  \${FW_DATASET_TOKEN:+--header "Authorization: Bearer $FW_DATASET_TOKEN"} \\
  --header 'Content-Type: application/json' \\
  --data ${shellText(JSON.stringify({ query }))} \\
  ${shellText(`${address}?format=csv`)}
`;

// A raw text in three quotes reads best; where it would not be the same text, an escaped one.
function pythonText(text) {
  const isPlain = !/["\\]{1}$|"""|\r/.test(text);
  return isPlain && !text.includes("\\") ? `"""${text}"""` : JSON.stringify(text);
}

const shellText = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const languages = { python, r, curl };

/** The program in "python", "r" or "curl" that asks the service at `address` for the answer. */
export const copyAs = (language, address, query) => languages[language](address, query);

/** Put text on the clipboard; without a secure address browsers know only the old way. */
export async function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (!isDone) throw new Error("The browser does not let this page copy.");
}
