// LobeHub's plugin SDK: its functions for a model, and its settings, made of the spec. It calls
// nothing itself: that is its server's work.
import { main, require } from "../shared/reading.mjs";

const { OpenAPIConvertor } = require("@lobehub/chat-plugin-sdk/openapi");
const { load } = require("js-yaml");

async function read(plugin, version) {
  const spec = load(await (await fetch(plugin.specs[version])).text());
  const convertor = new OpenAPIConvertor(spec);
  const settings = await convertor.convertAuthToSettingsSchema();
  const asked = Object.keys(settings.properties).length > 0;
  if (asked !== (plugin.auth !== "none")) throw new Error(JSON.stringify(settings));
  const functions = await convertor.convertOpenAPIToPluginSchema();
  for (const call of plugin.calls) {
    const { parameters } = functions.find((one) => one.name === call.operationId);
    const known = { ...parameters.properties, ...parameters.properties._requestBody?.properties };
    for (const name of Object.keys({ ...call.path, ...call.query, ...call.body })) {
      if (!known[name]) throw new Error(`${call.operationId} has no parameter ${name}`);
    }
  }
  return { names: functions.map((one) => one.name), answers: null };
}

await main(read);
