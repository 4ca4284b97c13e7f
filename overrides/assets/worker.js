// Python in a worker. Everything comes from this site; nothing is asked of another host.
let ready;

async function start(vendor) {
  const { loadPyodide } = await import(`${vendor}pyodide/pyodide.mjs`);
  const [python, sources] = await Promise.all([
    loadPyodide({
      indexURL: `${vendor}pyodide/`,
      stdLibURL: `${vendor}pyodide/python_stdlib.zip`,
      lockFileContents: await (await fetch(`${vendor}pyodide/lock.json`)).text(),
    }),
    fetch(`${vendor}calculators.zip`).then((reply) => reply.arrayBuffer()),
  ]);
  python.FS.writeFile('/home/pyodide/calculators.zip', new Uint8Array(sources));
  return python.runPython(`
import importlib, json, sys
sys.path.insert(0, "/home/pyodide/calculators.zip")
from fieldguide.calc.engine import InputError, evaluate

def call(message):
    asked = json.loads(message)
    function = getattr(importlib.import_module(asked["module"]), asked["function"])
    try:
        return json.dumps({"html": evaluate(function, asked["values"])})
    except InputError as error:
        return json.dumps({"refused": str(error), "field": error.field})
call`);
}

onmessage = async ({ data }) => {
  try {
    ready ??= start(data.vendor);
    const call = await ready;
    postMessage({ id: data.id, ...(data.warm ? {} : JSON.parse(call(JSON.stringify(data)))) });
  } catch (error) {
    ready = undefined;
    postMessage({ id: data.id, failed: String(error.message ?? error).trim().split('\n').pop() });
  }
};
