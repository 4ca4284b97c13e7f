// The part of Pyodide's standard library that calculators use, compiled to .pyc by Pyodide itself, stored
// uncompressed (the web server compresses it): a first answer in half the time of the full archive.
// usage: node stdlib.mjs IN.zip OUT.zip MODULE ...
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [, , source, target, ...modules] = process.argv;
const require = createRequire(pathToFileURL(`${process.cwd()}/package.json`));
const { loadPyodide } = await import(pathToFileURL(require.resolve('pyodide/pyodide.mjs')));
const python = await loadPyodide();
python.FS.writeFile('/tmp/in.zip', new Uint8Array(readFileSync(source)));
python.globals.set('modules', modules);
const count = python.runPython(`
import importlib, importlib.util, importlib._bootstrap_external as external, sys, zipfile
for module in modules.to_py():
    importlib.import_module(module)
folder = next(p for p in sys.path if p.endswith(".zip"))
keep = {
    module.__file__.split(".zip/", 1)[1].removesuffix("c")
    for module in list(sys.modules.values())
    if ".zip/" in (getattr(module, "__file__", None) or "")
}
read, write = zipfile.ZipFile("/tmp/in.zip"), zipfile.ZipFile("/tmp/out.zip", "w", zipfile.ZIP_STORED)
written = 0
for name in sorted(read.namelist()):
    if not name.endswith(".py") or not (name in keep or name.split("/")[0] in ("_pyodide", "pyodide")):
        continue
    data = read.read(name)
    code = compile(data, folder + "/" + name, "exec", dont_inherit=True, optimize=2)
    compiled = external._code_to_hash_pyc(code, importlib.util.source_hash(data), False)
    write.writestr(zipfile.ZipInfo(name + "c", (2020, 1, 1, 0, 0, 0)), compiled)
    written += 1
write.close()
written`);
writeFileSync(target, python.FS.readFile('/tmp/out.zip'));
console.log(count);
