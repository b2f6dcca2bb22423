// Evaluates one configuration file and writes what it exports, as one JSON document, to a descriptor.
//
//   node evaluate.mjs FILE PRIVATE_GROUP DESCRIPTOR
//
// PRIVATE_GROUP is the group that is this user's alone, -1 where there is none: it may write.
// Whatever it loads has to belong to this user, and its folder too: code of others is never run. What JSON cannot say
// (functions, regular expressions, classes) is refused with its place, since the engine could only drop it.
import fs from 'node:fs';
import Module, { register } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [file, privateGroup, descriptor] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const MOST_VALUES = 20000;
const DEEPEST = 20;

const trusted = `(fs, path, file) => {
  const real = fs.realpathSync(file);
  for (const each of [real, path.dirname(real)]) {
    const status = fs.statSync(each);
    if (status.uid !== process.getuid()) throw new Error('loads ' + each + ', which belongs to another user');
    if (status.mode & (status.gid === ${privateGroup} ? 0o002 : 0o022)) throw new Error('loads ' + each + ', which others may write to');
  }
}`;

// import: asked in the loader's own thread
register('data:text/javascript,' + encodeURIComponent(`
  import fs from 'node:fs';
  import path from 'node:path';
  import { fileURLToPath } from 'node:url';
  const mustBeTrusted = ${trusted};
  export async function load(url, context, next) {
    if (url.startsWith('file:')) mustBeTrusted(fs, path, fileURLToPath(url));
    return next(url, context);
  }
`));

// require(): every file of whatever kind comes through here
const mustBeTrusted = (0, eval)(trusted);
const load = Module.prototype.load;
Module.prototype.load = function (name) {
  mustBeTrusted(fs, path, name);
  return load.call(this, name);
};

function answer(document) {
  const bytes = Buffer.from(JSON.stringify(document));
  let written = 0;
  while (written < bytes.length) written += fs.writeSync(descriptor, bytes, written);
  process.exit(0);
}

let values = 0;
function plain(value, place, above) {
  if ((values += 1) > MOST_VALUES) throw new Refused(place, `has more than ${MOST_VALUES} values`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw new Refused(place, `is ${value}`);
  }
  if (typeof value === 'function') throw new Refused(place, 'is a function');
  if (typeof value !== 'object') throw new Refused(place, `is a ${typeof value}`);
  if (value instanceof RegExp) throw new Refused(place, 'is a regular expression');
  if (above.includes(value) || above.length > DEEPEST) throw new Refused(place, 'holds itself, or is nested too deeply');
  const further = [...above, value];
  if (Array.isArray(value)) return value.map((each, at) => plain(each === undefined ? null : each, `${place}[${at}]`, further));
  const kind = Object.getPrototypeOf(value);
  if (kind !== null && kind !== Object.prototype) throw new Refused(place, `is a ${kind.constructor?.name || 'class'}`);
  const found = Object.create(null);
  for (const [key, each] of Object.entries(value)) {
    if (each !== undefined) found[key] = plain(each, place ? `${place}.${key}` : key, further);
  }
  return found;
}

class Refused extends Error {
  constructor(place, problem) {
    super(problem);
    this.place = place;
  }
}

function complaint(error) {
  if (error instanceof Refused) return { place: error.place, problem: error.message };
  const text = String(error?.stack ?? error);
  const mark = [pathToFileURL(file).href, fs.realpathSync(file), file].find((each) => text.includes(`${each}:`));
  const line = mark === undefined ? NaN : Number.parseInt(text.slice(text.indexOf(`${mark}:`) + mark.length + 1), 10);
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : `throws ${String(error)}`;
  return { problem: problem.split('\n')[0].slice(0, 500), line: Number.isInteger(line) ? line : null };
}

try {
  const loaded = await import(pathToFileURL(file).href);
  let value = 'default' in loaded ? loaded.default : { ...loaded };
  if (value?.__esModule && value.default !== undefined) value = value.default;
  if (value === undefined) throw new Refused('', 'exports nothing');
  answer({ value: plain(value, '', []) });
} catch (error) {
  answer({ error: complaint(error) });
}
