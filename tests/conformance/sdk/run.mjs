// What run.py tries, with the TypeScript SDK's client.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/package.json`);
const from = (name) => import(pathToFileURL(require.resolve(name)));
const { Client, StreamableHTTPClientTransport } = await from("@modelcontextprotocol/client");
const { StdioClientTransport } = await from("@modelcontextprotocol/client/stdio");

const MODES = { default: undefined, auto: "auto", "2026-07-28": { pin: "2026-07-28" } };
const TEXT = "This is a simple text response for testing.";

function client(mode, capabilities = {}) {
  const options = { capabilities, ...(mode ? { versionNegotiation: { mode } } : {}) };
  return new Client({ name: "a client", version: "1" }, options);
}

async function overPipes(job, mode) {
  const [command, ...args] = job.command;
  const one = client(mode);
  await one.connect(new StdioClientTransport({ command, args, env: job.env, stderr: "ignore" }));
  try {
    const { tools } = await one.listTools();
    must(tools.some((tool) => tool.name === "test_simple_text"), "the tool is not listed");
    const result = await one.callTool({ name: "test_simple_text", arguments: {} });
    must(result.content[0].text.includes(TEXT), JSON.stringify(result));
    const wrong = await one.callTool({ name: "test_simple_text", arguments: { "no such": 1 } });
    must(wrong.isError, "a wrong argument was taken");
    const error = await one.callTool({ name: "noSuchTool", arguments: {} }).catch((no) => no);
    must(error.code === -32602, `an unknown tool: ${JSON.stringify(error)}`);
  } finally {
    await one.close();
  }
}

async function asks(job, mode, action) {
  const one = client(mode, { elicitation: {} });
  let asked = 0;
  one.setRequestHandler("elicitation/create", async () => {
    asked += 1;
    return action === "accept" ? { action, content: {} } : { action };
  });
  await one.connect(new StreamableHTTPClientTransport(new URL(job.url)));
  try {
    const result = await one.callTool({ name: "remove", arguments: { id: 7 } });
    must(asked === 1, `asked ${asked} times`);
    const done = result.content[0].text.includes('"removed":7');
    must(done === (action === "accept"), JSON.stringify(result));
  } finally {
    await one.close();
  }
}

function must(is, otherwise) {
  if (!is) throw new Error(otherwise);
}

let text = "";
for await (const chunk of process.stdin) text += chunk;
const job = JSON.parse(text);
const tries = {};
for (const [name, mode] of Object.entries(MODES)) {
  tries[`over pipes, ${name}`] = () => overPipes(job, mode);
}
for (const name of ["auto", "2026-07-28"]) {
  for (const action of ["accept", "decline", "cancel"]) {
    tries[`${action}, ${name}`] = () => asks(job, MODES[name], action);
  }
}
for (const [what, tried] of Object.entries(tries)) {
  const detail = await tried().then(
    () => "",
    (error) => `${error.name}: ${error.message}`.slice(0, 600),
  );
  process.stdout.write(`${JSON.stringify({ what, ok: !detail, detail })}\n`);
}
process.exit(0);
