// Spectral with its rules for OpenAPI.
import { join } from "node:path";
import { lint } from "../shared/linting.mjs";

const CLI = join(process.cwd(), "node_modules/@stoplight/spectral-cli/dist/index.js");
const RULES = "rules.yaml";

await lint(
  (files, folder) => [
    ...[CLI, "lint", "--quiet", "--format=json", "--ruleset", join(folder, RULES)],
    ...files,
  ],
  (output) =>
    JSON.parse(output).map((one) => ({
      file: one.source.split("/").pop(),
      rule: one.code,
      error: one.severity === 0,
      text: `${one.message} ${one.path.join(".")}`,
    })),
  {
    files: { [RULES]: 'extends: ["spectral:oas"]\n' },
    cannot: (plugin, version) =>
      plugin.ref_property && version === "3.0"
        ? ["it takes a property named $ref for a reference", "no-$ref-siblings"]
        : undefined,
  },
);
