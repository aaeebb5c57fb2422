#!/usr/bin/env node
// The same tool calls, to a real OpenCode and to us: what do a session's parts, permission requests and files look like afterwards?
//
//   node run.mjs                              ours against expected/*.json (this is what `make test` does)
//   node run.mjs --record                     ask the real OpenCode again and rewrite expected/*.json
//   node run.mjs --server both                ours against the real OpenCode, live
//   node run.mjs --only '^edit-crlf' --show   only matching cases; print what the server did
//
// --bin PATH            our server          (else $QUARTERDECK_BIN, else build/release/quarterdeck)
// --opencode PATH       the real OpenCode   (else $OPENCODE_BIN, else the one in tests/e2e/node_modules)
// --model COMMAND       the scripted model; is started with `--port N` (else `<our server> scripted-model`)
// --parallel N          cases at a time (3)
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { startModel, startServer } from './servers.mjs';
import { runCase } from './case.mjs';
import { comparable, differences } from './compare.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const source = process.env.QD_SOURCE_DIR ?? path.resolve(here, '../..');

const { values: flags } = parseArgs({
  options: {
    server: { type: 'string', default: 'ours' },
    bin: { type: 'string', default: process.env.QUARTERDECK_BIN ?? path.join(source, 'build/release/quarterdeck') },
    opencode: { type: 'string', default: process.env.OPENCODE_BIN ?? path.join(source, 'tests/e2e/node_modules/.bin/opencode') },
    model: { type: 'string' },
    only: { type: 'string' },
    parallel: { type: 'string', default: '3' },
    record: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

function loadGroups() {
  const wanted = flags.only ? new RegExp(flags.only) : /./;
  const names = new Set();
  return fs.readdirSync(path.join(here, 'cases')).filter((name) => name.endsWith('.json')).sort().map((name) => {
    const cases = readJson(path.join(here, 'cases', name));
    for (const one of cases) {
      if (names.has(one.name)) throw new Error(`${name}: two cases are named ${one.name}`);
      names.add(one.name);
    }
    return { name, cases: cases.filter((one) => wanted.test(one.name)) };
  });
}

function loadExpected() {
  const all = {};
  for (const name of fs.readdirSync(path.join(here, 'expected'))) Object.assign(all, readJson(path.join(here, 'expected', name)));
  return all;
}

async function runAll(kind, cases, scratch) {
  const home = path.join(scratch, `home-${kind}`);
  const root = path.join(scratch, kind);
  fs.mkdirSync(home, { recursive: true });
  fs.mkdirSync(root);
  const model = await startModel(flags.model?.split(' ') ?? [flags.bin, 'scripted-model']);
  const server = await startServer({ binary: kind === 'ours' ? flags.bin : flags.opencode, home, modelUrl: model.url, asksForTrust: kind === 'ours' });
  const results = {};
  const queue = [...cases];
  const worker = async () => {
    for (let one; (one = queue.shift()); ) {
      try {
        results[one.name] = await runCase(server, one, path.join(root, one.name));
      } catch (error) {
        results[one.name] = { failed: String(error) };
        if (server.exited()) throw new Error(`${kind} ended while running ${one.name}; see ${server.log}`);
      }
      process.stderr.write('.');
    }
  };
  try {
    await Promise.all(Array.from({ length: Number(flags.parallel) }, worker));
  } finally {
    process.stderr.write('\n');
    await server.stop();
    await model.stop();
  }
  return results;
}

function record(groups, results) {
  for (const group of groups) {
    const file = path.join(here, 'expected', group.name);
    const before = fs.existsSync(file) ? readJson(file) : {};
    const known = new Set(readJson(path.join(here, 'cases', group.name)).map((one) => one.name));
    const merged = { ...before, ...Object.fromEntries(group.cases.map((one) => [one.name, results[one.name]])) };
    const kept = Object.keys(merged).filter((name) => known.has(name)).sort();
    fs.writeFileSync(file, JSON.stringify(Object.fromEntries(kept.map((name) => [name, merged[name]])), null, 1) + '\n');
  }
}

// A deviation is a difference we chose. It must still be one: a case listed here that agrees is reported too.
function report(cases, ours, expected) {
  const deviations = readJson(path.join(here, 'deviations.json'));
  const named = (name) => Object.entries(deviations).find(([pattern]) => new RegExp(`^(?:${pattern})$`).test(name));
  const counts = { same: 0, deviating: 0, failed: 0 };
  const stale = new Set(Object.keys(deviations));
  for (const one of cases) {
    const deviation = named(one.name);
    if (!expected[one.name]) {
      console.log(`FAIL ${one.name}\n  nothing was recorded for it: run.mjs --record --only '^${one.name}$'`);
      counts.failed += 1;
      continue;
    }
    const found = differences(comparable(expected[one.name]), comparable(ours[one.name]));
    if (found.length === 0) {
      counts.same += 1;
    } else if (deviation) {
      stale.delete(deviation[0]);
      counts.deviating += 1;
    } else {
      counts.failed += 1;
      console.log(`FAIL ${one.name}`);
      for (const line of found.slice(0, 8)) console.log(`  ${line}`);
      if (found.length > 8) console.log(`  … and ${found.length - 8} more differences`);
    }
  }
  if (!flags.only) for (const pattern of stale) console.log(`note: ${pattern} no longer deviates (deviations.json)`);
  console.log(`${cases.length} cases: ${counts.same} the same, ${counts.deviating} deviate on purpose, ${counts.failed} differ`);
  return counts.failed === 0;
}

const groups = loadGroups();
const cases = groups.flatMap((group) => group.cases);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'qd-differential-'));
let ok = true;
try {
  if (flags.record) {
    const results = await runAll('opencode', cases, scratch);
    const broken = cases.filter((one) => results[one.name].failed);
    for (const one of broken) console.log(`not recorded: ${one.name}: ${results[one.name].failed}`);
    record(groups.map((group) => ({ ...group, cases: group.cases.filter((one) => !broken.includes(one)) })), results);
    ok = broken.length === 0;
    if (flags.show) console.log(JSON.stringify(results, null, 1));
    console.log(`${cases.length - broken.length} cases recorded`);
  } else if (flags.server === 'opencode') {
    const results = await runAll('opencode', cases, scratch);
    if (flags.show) console.log(JSON.stringify(results, null, 1));
    ok = report(cases, results, loadExpected());
  } else {
    const ours = await runAll('ours', cases, scratch);
    if (flags.show) console.log(JSON.stringify(ours, null, 1));
    ok = report(cases, ours, flags.server === 'both' ? await runAll('opencode', cases, scratch) : loadExpected());
  }
} finally {
  if (flags.keep) console.log(`kept ${scratch}`);
  else fs.rmSync(scratch, { recursive: true, force: true });
}
process.exit(ok ? 0 : 1);
