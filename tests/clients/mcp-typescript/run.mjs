// The TypeScript SDK's client: as it is by default, by negotiation, and pinned to a revision.
import { pathToFileURL } from "node:url";
import { address, cannot, listAndCall } from "../shared/over_mcp.mjs";
import { main, require } from "../shared/reading.mjs";

const MODES = { default: undefined, auto: "auto", "2026-07-28": { pin: "2026-07-28" } };
const { Client, StreamableHTTPClientTransport } = await import(
  pathToFileURL(require.resolve("@modelcontextprotocol/client"))
);

async function read(plugin, version) {
  const mode = MODES[version];
  const client = new Client(
    { name: "a reader", version: "1" },
    mode ? { versionNegotiation: { mode } } : {},
  );
  const requestInit = { headers: plugin.headers };
  await client.connect(new StreamableHTTPClientTransport(address(plugin), { requestInit }));
  try {
    return await listAndCall(client, plugin);
  } finally {
    await client.close();
  }
}

// Pinned, it says that there is no such revision, whatever the answer was.
const sign = (version) => (version === "2026-07-28" ? "did not offer" : "404");

await main(read, {
  versions: Object.keys(MODES),
  cannot: (plugin, version) => cannot(plugin, sign(version)),
});
