// What may differ between two runs is replaced by a name; what is left must be equal.
import crypto from 'node:crypto';

const kLongText = 2500; // longer texts are kept as their ends and a hash
const kLongTextEnd = 400;

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

export function showBytes(bytes) {
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) return { base64: bytes.toString('base64') };
  return text.length > kLongText ? { bytes: bytes.length, sha256: sha256(bytes) } : text;
}

// Searches list files in the order the file system gives them, and when they are cut, so is the choice: files are sorted,
// and of a search that was cut only the number of files and the last words count.
export function withoutOrder(call) {
  const separator = { glob: '\n', grep: '\n\n\n' }[call.tool];
  if (!separator || call.output === undefined) return call;
  const [head, body] = call.tool === 'grep' ? [/^Found .*\n/.exec(call.output)?.[0] ?? '', call.output.replace(/^Found .*\n/, '')] : ['', call.output];
  const files = body.split(separator).filter((text) => text.trim() && !/^\n?\(Results/.test(text));
  if (!call.metadata?.truncated) return { ...call, output: head + files.map((text) => text.replace(/\n$/, '')).sort().join(separator) };
  const last = /\n\(Results.*$/.exec(call.output)?.[0] ?? '';
  return { ...call, output: `${head}<${files.length} files>${last}` };
}

// names: { $NAME: path or list of paths }, the longest paths first. Keys come out sorted.
export function normalise(value, names) {
  if (typeof value === 'string') {
    let text = value;
    for (const [name, paths] of Object.entries(names)) for (const path of [paths].flat()) text = text.replaceAll(path, name).replaceAll(path.slice(1), name);
    text = text.replace(/\b(prt|msg|ses|tool|per|evt)_[0-9a-f]{12}[0-9A-Za-z]{14}\b/g, '<$1>');
    if (text.length <= kLongText) return text;
    return `${text.slice(0, kLongTextEnd)}\n<${text.length} characters, sha256 ${sha256(text)}>\n${text.slice(-kLongTextEnd)}`;
  }
  if (Array.isArray(value)) return value.map((one) => normalise(one, names));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().filter((key) => value[key] !== undefined).map((key) => [normalise(key, names), normalise(value[key], names)]));
}

// What only one of the two has, or does on its own account: taken out of the answers before we compare.
const kToolsOfOne = /\b(list|question|skill|task|webfetch), /g;

export function comparable(result) {
  const files = { ...result.files };
  // OpenCode writes "$schema" into a configuration without one. It also has its
  // packages ignored. We never write to the user's files.
  if (typeof files['opencode.json'] === 'string' && files['opencode.json'].includes('"$schema"')) delete files['opencode.json'];
  delete files['.opencode/.gitignore'];
  // Calls of one message run at once; whose question comes first is chance.
  const asks = result.asks && [...result.asks].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  return inTexts({ ...result, files, asks }, (text) =>
    text
      .replace(/(Available tools: )(.*)/g, (_, words, names) => words + names.replace(/\.$/, ', .').replace(kToolsOfOne, '').replace(/, \.$/, '.'))
      // The rules it quotes have their members in the order in which the configuration was written.
      .replace(/\{"permission":"[^{}]*\}/g, (rule) => sorted(rule)),
  );
}

function sorted(json) {
  try {
    return JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json)).sort()));
  } catch {
    return json;
  }
}

function inTexts(value, change) {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => inTexts(one, change));
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inTexts(one, change)]));
}

const isTree = (value) => value !== null && typeof value === 'object';
const quote = (value) => (value === undefined ? 'nothing' : JSON.stringify(value));

// Where two long texts part, seen from a little before.
function shorten(expected, actual) {
  const [a, b] = [quote(expected), quote(actual)];
  if (a.length < 160 && b.length < 160) return [a, b];
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const from = Math.max(0, at - 40);
  const cut = (text) => `${from > 0 ? '…' : ''}${text.slice(from, from + 160)}${text.length > from + 160 ? '…' : ''}`;
  return [cut(a), cut(b)];
}

// One line per differing leaf: `calls.0.output: expected "…", got "…"`.
export function differences(expected, actual, where = '') {
  if (isTree(expected) && isTree(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => differences(expected[key], actual[key], where ? `${where}.${key}` : key));
  }
  if (expected === actual) return [];
  const [a, b] = shorten(expected, actual);
  return [`${where}: expected ${a}, got ${b}`];
}
