/**
 * Builds the style sheets, the scripts and the web font into `src/dojang/web/static/dist/`.
 *
 * Every file carries a hash of its content in its name; `manifest.json` maps the plain name to the hashed one, so the
 * pages can be served with a far-off expiry and no collection step. A `.gz` lies beside each text file.
 * The font is optional: without it the pages fall back to the fonts of the device.
 */
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "src", "dojang", "web", "static", "dist");
const require = createRequire(import.meta.url);

/** Folder of the installed font, or null when the optional package is absent. */
function fontFolder() {
  try {
    return dirname(require.resolve("pretendard/package.json"));
  } catch {
    const guess = join(here, "node_modules", "pretendard");
    return existsSync(guess) ? guess : null;
  }
}

const common = {
  bundle: true,
  minify: true,
  metafile: true,
  outdir: out,
  entryNames: "[name]-[hash]",
  assetNames: "fonts/[name]-[hash]",
  target: "es2022",
  format: "esm",
  loader: { ".woff2": "file", ".svg": "file" },
  logLevel: "warning",
  legalComments: "none",
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const results = [
  await build({ ...common, entryPoints: [join(here, "src", "app.ts"), join(here, "css", "app.css")] }),
  // What only the installable app needs; the worker is served by the site, from an address that covers the app.
  await build({ ...common, entryPoints: [join(here, "src", "phone.ts"), join(here, "css", "phone.css")] }),
  await build({ ...common, format: "iife", entryPoints: [join(here, "src", "service-worker.ts")] }),
];
const font = fontFolder();
if (font) {
  const sheet = join(font, "dist", "web", "variable", "pretendardvariable-dynamic-subset.css");
  results.push(await build({ ...common, entryPoints: { font: sheet } }));
  await copyFile(join(font, "dist", "LICENSE.txt"), join(out, "fonts", "LICENSE-pretendard.txt")).catch(() => undefined);
} else {
  console.log("frontend: the optional font package is absent; pages will use the fonts of the device");
}

const manifest = {};
for (const result of results) {
  for (const [path, info] of Object.entries(result.metafile.outputs)) {
    if (!info.entryPoint) continue;
    const file = relative(out, join(process.cwd(), path));
    manifest[basename(file).replace(/-[A-Z0-9]{8}(\.\w+)$/, "$1")] = file;
  }
}
for (const file of await readdir(out)) {
  if (!/\.(css|js)$/.test(file)) continue;
  const packed = gzipSync(await readFile(join(out, file)), { level: 9 });
  await writeFile(join(out, `${file}.gz`), packed);
  console.log(`frontend: ${file} ${(packed.length / 1024).toFixed(1)} kB gzip`);
}
await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
