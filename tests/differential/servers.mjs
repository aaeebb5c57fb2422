// Starts what a run needs: a scripted model, and a server that is configured to use it. Both end with the run.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { spawn } from 'node:child_process';

const kStartSeconds = 60;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function freePort() {
  return new Promise((resolve) => {
    const socket = net.createServer();
    socket.listen(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

function stopper(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const forced = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(forced);
  };
}

// Answers whatever it is asked: any HTTP status means that it listens.
async function untilItAnswers(url, child, what) {
  let failure;
  child.once('error', (error) => { failure = error; });
  for (const end = Date.now() + kStartSeconds * 1000; Date.now() < end; await sleep(100)) {
    if (failure) throw new Error(`${what}: ${failure.message}`);
    if (child.exitCode !== null) throw new Error(`${what} ended with status ${child.exitCode}`);
    try {
      const reply = await fetch(url, { signal: AbortSignal.timeout(3000) });
      await reply.arrayBuffer();
      return;
    } catch { /* not yet */ }
  }
  throw new Error(`${what} did not answer within ${kStartSeconds} s`);
}

export async function startModel(command) {
  const port = await freePort();
  const child = spawn(command[0], [...command.slice(1), '--port', String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
  await untilItAnswers(`http://127.0.0.1:${port}/v1/models`, child, command.join(' '));
  return { url: `http://127.0.0.1:${port}/v1`, stop: stopper(child) };
}

function configuration(modelUrl) {
  const model = (name) => ({ name, tool_call: true, attachment: true, modalities: { input: ['text', 'image'], output: ['text'] }, limit: { context: 200000, output: 8000 } });
  return {
    provider: {
      fake: {
        npm: '@ai-sdk/openai-compatible',
        name: 'fake',
        options: { baseURL: modelUrl, apiKey: 'x' },
        models: { fake: model('fake'), 'gpt-5.1': model('gpt-5.1') },
      },
    },
    model: 'fake/fake',
    small_model: 'fake/fake',
    permission: { '*': 'allow', external_directory: 'allow' },
    share: 'disabled',
    autoupdate: false,
  };
}

// `trust`, of ours: the project's own commands and servers may run.
export async function startServer({ binary, home, modelUrl, asksForTrust }) {
  const port = await freePort();
  for (const file of ['.config/opencode/opencode.json', '.config/quarterdeck/config.json']) {
    fs.mkdirSync(path.dirname(path.join(home, file)), { recursive: true });
    fs.writeFileSync(path.join(home, file), JSON.stringify(configuration(modelUrl), null, 1));
  }
  fs.mkdirSync(path.join(home, 'tmp'));
  const log = path.join(home, 'server.log');
  const output = fs.openSync(log, 'w');
  const child = spawn(binary, ['serve', '--port', String(port), '--hostname', '127.0.0.1'], {
    cwd: home,
    stdio: ['ignore', output, output],
    env: {
      PATH: process.env.PATH,
      HOME: home,
      TMPDIR: path.join(home, 'tmp'),
      LANG: 'C.UTF-8',
      TERM: 'dumb',
      SHELL: '/bin/bash',
      USER: 'dev',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await untilItAnswers(`${url}/config?directory=${encodeURIComponent(home)}`, child, binary).catch((error) => {
    throw new Error(`${error.message}\n${fs.readFileSync(log, 'utf8').slice(-2000)}`);
  });
  const trust = asksForTrust && ((directory) => fetch(`${url}/fleet/trust`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ directory }) }));
  return { url, home, log, trust, exited: () => child.exitCode !== null, stop: stopper(child) };
}
