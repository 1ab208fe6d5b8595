// The first TypeScript SDK, which most clients of today are made with: the handshake alone.
import { pathToFileURL } from "node:url";
import { address, cannot, listAndCall } from "../shared/over_mcp.mjs";
import { main, require } from "../shared/reading.mjs";

const from = (file) =>
  import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/client/${file}.js`)));
const { Client } = await from("index");
const { StreamableHTTPClientTransport } = await from("streamableHttp");

async function read(plugin) {
  const client = new Client({ name: "a reader", version: "1" });
  const requestInit = { headers: plugin.headers };
  await client.connect(new StreamableHTTPClientTransport(address(plugin), { requestInit }));
  try {
    return await listAndCall(client, plugin);
  } finally {
    await client.close();
  }
}

await main(read, { versions: ["legacy"], cannot: (plugin) => cannot(plugin, "404") });
