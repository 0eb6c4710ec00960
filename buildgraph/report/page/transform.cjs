/* Jest's transform of TypeScript, with the compiler that also makes the bundle. */
const { transformSync } = require("esbuild");

module.exports = {
  process: (source, path) =>
    transformSync(source, {
      sourcefile: path,
      loader: path.endsWith("x") ? "tsx" : "ts",
      format: "cjs",
      target: "node20",
      jsx: "automatic",
      jsxImportSource: "preact",
      sourcemap: "inline",
    }),
};
