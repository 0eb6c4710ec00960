/* Bundle the page: node build.mjs [FOLDER]. Equal sources and lock give equal bytes. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
await build({
  absWorkingDir: here,
  entryPoints: { page: "src/main.tsx" },
  outdir: process.argv[2] ?? fileURLToPath(new URL("../bundle", import.meta.url)),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome111", "firefox114", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "ascii",
  legalComments: "none",
  banner: { js: "/* preact: MIT licence, (c) Jason Miller */" },
  logLevel: "warning",
});
