// Bundles the scripts of the pages: `npm install --ignore-scripts && npm run build` in this
// folder, or `make scripts`. The same sources and versions give the same bytes.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../src/fw_dataset/serve/static");
const names = Object.keys(JSON.parse(readFileSync(join(here, "package.json"), "utf8")).dependencies);

// Of all that a bundle is made of, so that a test sees whether it was made anew after a change.
function fingerprint(folder) {
  const hash = createHash("sha256");
  const files = readdirSync(join(here, folder)).filter((name) => name.endsWith(".js")).sort();
  for (const path of ["package.json", ...files.map((name) => `${folder}/${name}`)]) {
    hash.update(`${path}\n`).update(readFileSync(join(here, path)));
  }
  return hash.digest("hex").slice(0, 32);
}

function notice(name) {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return { head: `${name} ${version} (${license})`, text: readFileSync(join(folder, file), "utf8").trim() };
}

// The licences of what is bundled; packages with the same text, word for word, share one copy.
function licences(inputs) {
  const used = names.filter((name) => inputs.some((path) => path.includes(`node_modules/${name}/`)));
  const byText = new Map();
  for (const { head, text } of used.map(notice)) byText.set(text, [...(byText.get(text) ?? []), head]);
  return [...byText].map(([text, heads]) => `${heads.join("\n")}\n\n${text}`).join("\n\n---\n\n");
}

async function bundle(folder, file) {
  const made = await build({
    absWorkingDir: here,
    entryPoints: [`${folder}/main.js`],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: ["es2022"],
    external: ["./editor.js"],
    legalComments: "none",
    charset: "utf8",
    metafile: true,
  });
  const held = licences(Object.keys(made.metafile.inputs));
  const head = `/*! fw-dataset: made of frontend/${folder} ${fingerprint(folder)}${held && `; it holds\n\n${held}\n`}*/\n`;
  const code = head + made.outputFiles[0].text;
  writeFileSync(join(target, file), code);
  console.log(`${file}: ${code.length} characters, ${gzipSync(code, { level: 9 }).length} bytes gzipped`);
}

await bundle("editor", "editor.js");
await bundle("page", "app.js");
