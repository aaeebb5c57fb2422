// Runs one case in a git repository of its own and says what came of it.
//
// A case: { name, files, outside?, steps, model?, permission?, replies?, abortOn? }
//   files, outside   path → text | {base64} | {text, mode, mtime} | {repeat: {text, count}} | {symlink} | {dir: true}
//                    ("outside" lies beside the repository; in texts and arguments $DIR and $OUT are the two directories)
//   steps            one list of [tool, arguments] per model step; arguments given as a string are sent as they are
//   permission       goes into the repository's opencode.json
//   replies          answers to the permission requests, in order; `once` when they run out; {silent: true} answers nothing
//   abortOn          the session is aborted at its first event that contains this text
//   talk             instead of `steps`: several deeds (conversation.mjs), of which every message is compared
//   trusted          the project may run what its own files say (ours asks for that once)
//   config, answers  more of opencode.json; answers to questions, in order ({reject: true} refuses), the first option
//                    of each when they run out
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { normalise, showBytes, withoutOrder } from './compare.mjs';
import { converse, transcript } from './conversation.mjs';

const kAbortSeconds = 120;

function expand(value, names) {
  if (typeof value === 'string') return Object.entries(names).reduce((text, [name, real]) => text.replaceAll(name, real), value);
  if (Array.isArray(value)) return value.map((one) => expand(one, names));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expand(one, names)]));
  return value;
}

function content(spec, names) {
  if (typeof spec === 'string') return Buffer.from(expand(spec, names));
  if (spec.base64 !== undefined) return Buffer.from(spec.base64, 'base64');
  if (spec.repeat) return Buffer.from(Array.from({ length: spec.repeat.count }, (_, at) => spec.repeat.text.replaceAll('{i}', at + 1)).join(''));
  return Buffer.from(expand(spec.text, names));
}

function writeFiles(root, files, names) {
  fs.mkdirSync(root, { recursive: true });
  const entries = Object.entries(files ?? {}).map(([name, spec]) => [path.join(root, name), spec]);
  for (const [file, spec] of entries) {
    fs.mkdirSync(spec.dir ? file : path.dirname(file), { recursive: true });
    if (spec.symlink) fs.symlinkSync(spec.symlink, file);
    else if (!spec.dir) fs.writeFileSync(file, content(spec, names));
    if (spec.mode) fs.chmodSync(file, parseInt(spec.mode, 8));
  }
  for (const [file, spec] of entries) if (spec.mtime) fs.utimesSync(file, spec.mtime, spec.mtime);
}

function readFiles(root, prefix, at = '', found = new Map()) {
  for (const entry of fs.readdirSync(path.join(root, at), { withFileTypes: true })) {
    const name = path.posix.join(at, entry.name);
    const file = path.join(root, name);
    if (name === '.git') continue;
    if (entry.isDirectory()) readFiles(root, prefix, name, found);
    else found.set(prefix + name, entry.isSymbolicLink() ? Buffer.from(`-> ${fs.readlinkSync(file)}`) : fs.readFileSync(file));
  }
  return found;
}

function changes(before, after) {
  const changed = {};
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    if (!after.has(name)) changed[name] = null;
    else if (!before.get(name)?.equals(after.get(name))) changed[name] = showBytes(after.get(name));
  }
  return changed;
}

async function makeRepository(directory, home) {
  const git = (...args) => promisify(execFile)('git', args, {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: home, GIT_CONFIG_NOSYSTEM: '1', GIT_AUTHOR_NAME: 'test', GIT_AUTHOR_EMAIL: 'test@example.com', GIT_COMMITTER_NAME: 'test', GIT_COMMITTER_EMAIL: 'test@example.com' },
  });
  await git('init', '-q', '-b', 'main', '--template=');
  await git('add', '-A');
  await git('commit', '-q', '--allow-empty', '-m', path.basename(home));
}

// Answers permission requests and questions of one session as they come and remembers what was asked; in a conversation
// also those of its children.
async function answerRequests(call, events, session, { replies = [], answers = [], abortOn, talk }) {
  const asked = [];
  const left = [...replies];
  const answersLeft = [...answers];
  let aborted = false;
  const belongs = async (id) => {
    for (let at = id; at; at = (await call('GET', `/session/${at}`)).parentID) if (at === session) return true;
    return false;
  };
  const listen = async () => {
    let buffer = '';
    for await (const chunk of events.body.pipeThrough(new TextDecoderStream())) {
      buffer += chunk;
      for (let end; (end = buffer.indexOf('\n\n')) >= 0; buffer = buffer.slice(end + 2)) {
        const data = buffer.slice(0, end).split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n');
        if (!data) continue;
        if (abortOn && !aborted && data.includes(session) && data.includes(abortOn)) {
          aborted = true;
          call('POST', `/session/${session}/abort`).catch(() => {});
        }
        const { type, properties } = JSON.parse(data);
        if (talk ? !(await belongs(properties.sessionID)) : properties.sessionID !== session) continue;
        if (type === 'question.asked') {
          asked.push({ questions: properties.questions });
          const answer = answersLeft.shift() ?? { answers: properties.questions.map(({ options }) => [options[0].label]) };
          if (answer.reject) await call('POST', `/question/${properties.id}/reject`);
          else if (!answer.silent) await call('POST', `/question/${properties.id}/reply`, answer);
        }
        if (type !== 'permission.asked') continue;
        const { permission, patterns, metadata, always } = properties;
        asked.push({ permission, patterns, metadata, always });
        const reply = left.shift() ?? { reply: 'once' };
        if (!reply.silent) await call('POST', `/permission/${properties.id}/reply`, reply);
      }
    }
  };
  listen().catch(() => {}); // ends when the case aborts the stream
  return asked;
}

function toolCalls(messages) {
  return messages.filter(({ info }) => info.role === 'assistant').flatMap(({ parts }) => parts).filter(({ type }) => type === 'tool').map(({ tool, state }) => {
    const { time, attachments, ...rest } = state;
    const shown = attachments?.map(({ type, mime, filename, url }) => ({ type, mime, filename, url }));
    return withoutOrder({ tool, ...rest, ...(shown ? { attachments: shown } : {}) });
  });
}

export async function runCase(server, one, root) {
  const directory = path.join(root, 'repo');
  const outside = path.join(root, 'outside');
  const names = { $DIR: directory, $OUT: outside };
  writeFiles(outside, one.outside, names);
  writeFiles(directory, one.files, names);
  if (one.permission || one.config) {
    const { permission, config } = expand({ permission: one.permission, config: one.config }, names);
    const schema = one.talk ? { $schema: 'https://opencode.ai/config.json' } : {};  // else OpenCode writes it there
    fs.writeFileSync(path.join(directory, 'opencode.json'), JSON.stringify({ ...schema, ...(permission ? { permission } : {}), ...config }));
  }
  await makeRepository(directory, root);
  const look = () => new Map([...readFiles(directory, ''), ...readFiles(outside, '$OUT/')]);
  const before = look();

  const query = `?directory=${encodeURIComponent(directory)}`;
  const call = async (method, where, body) => {
    const reply = await fetch(server.url + where + query, { method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${where}: ${reply.status} ${text.slice(0, 300)}`);
    return text ? JSON.parse(text) : undefined;
  };
  if (one.trusted && server.trust) await server.trust(directory);
  const stream = new AbortController();
  const session = (await call('POST', '/session', { title: one.name })).id;
  const events = await fetch(`${server.url}/event${query}`, { signal: stream.signal });
  const asked = await answerRequests(call, events, session, one);
  const abort = setTimeout(() => call('POST', `/session/${session}/abort`).catch(() => {}), kAbortSeconds * 1000);
  const real = { $DIR: directory, $OUT: outside, $ROOT: root, $DATA: [path.join(server.home, '.local/share/opencode'), path.join(server.home, '.local/share/quarterdeck')], $HOME: server.home };
  try {
    if (one.talk) {
      const write = (files) => {
        for (const [name, text] of Object.entries(files)) if (text === null) fs.rmSync(path.join(directory, name));
        writeFiles(directory, Object.fromEntries(Object.entries(files).filter(([, text]) => text !== null)), names);
      };
      const worked = await converse(call, session, expand(one.talk, names), write);
      const sessions = [];
      for (const id of worked) sessions.push(await transcript(call, id, withoutOrder));
      return normalise({ sessions, ...(asked.length ? { asks: asked } : {}), files: changes(before, look()) }, real);
    }
    const text = one.steps.map((step) => `TOOL:${JSON.stringify(expand(step, names))}`).join('\n');
    await call('POST', `/session/${session}/message`, { model: { providerID: 'fake', modelID: one.model ?? 'fake' }, parts: [{ type: 'text', text }] });
    const messages = await call('GET', `/session/${session}/message`);
    const last = messages.filter(({ info }) => info.role === 'assistant').at(-1)?.info;
    const result = {
      calls: toolCalls(messages),
      ...(asked.length ? { asks: asked } : {}),
      files: changes(before, look()),
      finish: last?.finish ?? null,
      ...(last?.error ? { error: last.error } : {}),
    };
    return normalise(result, real);
  } finally {
    clearTimeout(abort);
    stream.abort();
    fs.rmSync(root, { recursive: true, force: true });
  }
}
