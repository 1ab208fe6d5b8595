// What every reader's script shares; reading.py says what is agreed on.
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const SECONDS = 60; // for one plugin

// The packages are beside the working directory, not beside the script.
export const require = createRequire(`${process.cwd()}/package.json`);

/** All plugins, as the runner tells of them. */
export async function plugins() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return JSON.parse(text);
}

/** A finding. */
export function say(plugin, version, ok, reason, detail) {
  process.stdout.write(`${JSON.stringify({ plugin, version, ok, reason, detail })}\n`);
}

/**
 * Read every plugin of the standard input.
 *
 * `read(plugin, version)` gives the names that the reader found and its answers by operation, or
 * null where it calls nothing; `cannot` a reason and a part of the reader's error, or nothing.
 */
export async function main(read, { cannot = () => undefined, versions = ["3.0", "3.1"] } = {}) {
  console.log = console.warn = console.info = () => {};
  for (const plugin of await plugins()) {
    for (const version of versions) {
      const [reason, sign] = cannot(plugin, version) ?? [];
      try {
        const { names, answers } = await within(read(plugin, version));
        compare(plugin, names, answers);
        const calls = answers === null ? 0 : plugin.calls.length;
        const found = `${names.length} operations, ${calls} calls`;
        say(plugin.name, version, !reason, "", reason ? `reads it, though ${reason}` : found);
      } catch (error) {
        const text = `${error.name}: ${error.message} ${JSON.stringify(error.response?.data ?? "")}`;
        const detail = text.replace(/\s+/g, " ").slice(0, 600);
        if (!reason) say(plugin.name, version, false, "", detail);
        else if (detail.includes(sign)) say(plugin.name, version, false, reason, detail);
        else say(plugin.name, version, false, "", `fails, but not because ${reason}: ${detail}`);
      }
    }
  }
}

function within(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${SECONDS} s`)), SECONDS * 1000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function compare(plugin, names, answers) {
  const expected = plugin.operations.map((one) => one.operationId).sort();
  if (!isDeepStrictEqual([...names].sort(), expected)) {
    throw new Error(`found ${names}, there are ${expected}`);
  }
  for (const call of answers === null ? [] : plugin.calls) {
    const answer = answers[call.operationId];
    if (!isDeepStrictEqual(answer, call.answer)) {
      const [got, right] = [answer, call.answer].map((one) => JSON.stringify(one)?.slice(0, 200));
      throw new Error(`${call.operationId} gave ${got}, not ${right}`);
    }
  }
}
