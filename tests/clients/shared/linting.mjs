// What the linters' scripts share: every spec as a file, one run over all of them, and what was
// found of each. Errors fail; warnings are counted by their rule.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plugins, say } from "./reading.mjs";

/**
 * Lint every spec. `command(files)` are the arguments after node's name, `problems(output)` makes
 * {file, rule, error, text} of what it said. `cannot` is as for `main`: a reason, and a part of each
 * error that it explains.
 */
export async function lint(command, problems, { files = {}, cannot = () => undefined } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "lint-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const all = [];
    for (const plugin of await plugins()) {
      for (const [version, url] of Object.entries(plugin.specs)) {
        const file = join(folder, `${plugin.name}-${version}.yaml`);
        writeFileSync(file, await (await fetch(url)).text());
        all.push({ plugin, version, file });
      }
    }
    const run = spawnSync(process.execPath, command(all.map((one) => one.file), folder), {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    let found;
    try {
      found = problems(run.stdout);
    } catch {
      throw new Error(`it said no JSON: ${run.stderr.slice(-600)} ${run.stdout.slice(-600)}`);
    }
    if (run.status !== 0 && !found.some((problem) => problem.error)) {
      throw new Error(`it ended with ${run.status}: ${run.stderr.slice(-600)}`);
    }
    for (const one of all) {
      const own = found.filter((problem) => one.file.endsWith(problem.file));
      const errors = own
        .filter((problem) => problem.error)
        .map((problem) => `${problem.rule}: ${problem.text}`);
      const warnings = Object.entries(counted(own.filter((problem) => !problem.error)));
      const warned = warnings.map(([rule, count]) => `${count} ${rule}`).join(", ") || "none";
      const detail = errors.slice(0, 5).join("; ") || `warnings: ${warned}`;
      const [reason, sign] = cannot(one.plugin, one.version) ?? [];
      const explained = errors.length > 0 && errors.every((error) => error.includes(sign));
      if (!reason) say(one.plugin.name, one.version, errors.length === 0, "", detail);
      else if (explained) say(one.plugin.name, one.version, false, reason, detail);
      else say(one.plugin.name, one.version, false, "", `not only ${reason}: ${detail}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function counted(problems) {
  const counts = {};
  for (const { rule } of problems) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}
