// openapi-client-axios: a client made of the spec at run time.
import { main, require } from "../shared/reading.mjs";

const { OpenAPIClientAxios } = require("openapi-client-axios");

async function read(plugin, version) {
  const api = new OpenAPIClientAxios({
    definition: plugin.specs[version],
    // Axios names a list `ids[]` unless it is told not to; the client leaves that to its user.
    axiosConfigDefaults: { headers: plugin.headers, paramsSerializer: { indexes: null } },
  });
  const client = await api.init();
  const answers = {};
  for (const call of plugin.calls) {
    const parameters = { ...call.path, ...call.query };
    answers[call.operationId] = (await client[call.operationId](parameters, call.body)).data;
  }
  return { names: api.getOperations().map((one) => one.operationId), answers };
}

await main(read);
