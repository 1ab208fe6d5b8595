// What the scripts share that read a plugin over MCP; over_mcp.py says the same in Python.

const NO_TOOL = "noSuchTool";
const WRONG = { "no such argument": 1 };
const UNKNOWN = -32602;

/** Where the plugin's tools are. */
export function address(plugin) {
  return new URL(plugin.manifest.replace(/\/\.well-known\/ai-plugin\.json$/, "/mcp"));
}

/** Why no MCP client reads a plugin; `sign` is how the client says so. */
export function cannot(plugin, sign) {
  if (plugin.auth !== "user" && plugin.auth !== "oauth") return undefined;
  return ["MCP passes nobody's own token on: `user` and `oauth`", sign];
}

/** The tools' names and the calls' answers, by a client that is connected. */
export async function listAndCall(client, plugin) {
  const { tools } = await client.listTools();
  const answers = {};
  for (const call of plugin.calls) {
    const known = tools.find((one) => one.name === call.operationId).inputSchema.properties ?? {};
    const given = { ...call.path, ...call.query, ...call.body };
    for (const name of Object.keys(given)) {
      if (!known[name]) throw new Error(`${call.operationId} has no parameter ${name}`);
    }
    const result = await client.callTool({ name: call.operationId, arguments: given });
    answers[call.operationId] = JSON.parse(result.content[0].text);
    const wrong = await client.callTool({ name: call.operationId, arguments: WRONG });
    if (!wrong.isError) throw new Error("a wrong argument was taken");
  }
  const error = await client.callTool({ name: NO_TOOL, arguments: {} }).then(
    () => undefined,
    (refused) => refused,
  );
  if (error?.code !== UNKNOWN) throw new Error(`an unknown tool: ${error?.message ?? "was taken"}`);
  return { names: tools.map((one) => one.name), answers };
}
