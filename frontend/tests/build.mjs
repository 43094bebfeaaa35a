/** Bundles the device's modules for the tests, which run in Node: `node tests/build.mjs <folder>`. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [out] = process.argv.slice(2);
if (!out) throw new Error("name a folder");

await build({
  entryPoints: { device: join(here, "everything.ts"), "device-min": join(here, "..", "src", "device", "index.ts") },
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  target: "es2022",
  logLevel: "warning",
});
