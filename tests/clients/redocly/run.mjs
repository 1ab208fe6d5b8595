// Redocly's linter with its rules of what the specification demands.
import { join } from "node:path";
import { lint } from "../shared/linting.mjs";

const CLI = join(process.cwd(), "node_modules/@redocly/cli/bin/cli.js");

await lint(
  (files) => [CLI, "lint", "--extends=spec", "--format=json", "--max-problems=10000", ...files],
  (output) => // an object per file, one after the other
    JSON.parse(`[${output.replace(/^\}\s*\{/gm, "},{")}]`)
      .flatMap((one) => one.problems)
      .map((one) => ({
      file: one.location[0].source.ref.split("/").pop(),
      rule: one.ruleId,
      error: one.severity === "error",
      text: `${one.message} ${one.location[0].pointer ?? ""}`,
      })),
);
