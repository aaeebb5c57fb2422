// A conversation of several deeds with one session, and everything that is in its messages afterwards.
//
// `talk` of a case is a list of deeds, each done when the one before has ended:
//   { say: text | [parts], steps?, agent?, model?, tools?, format?, noReply? }   a prompt; `steps` as in case.mjs
//   { command: name, arguments?, steps? }            a slash command; the steps' lines are appended to its arguments
//   { shell: command, agent? }
//   { revert: n, part? }, { unrevert: true }         back to the n-th message of the user (0 = the first)
//   { fork: n }                                      what follows goes to the fork before that message
//   { summarize: true }
//   { write: { path: text | null } }                 somebody else changes files
// What differs from run to run, or holds what a server keeps for itself: response headers, our notes on a task.
const kVolatile = new Set([
  'id', 'sessionID', 'messageID', 'callID', 'time', 'tokens', 'cost', 'snapshot', 'hash', 'parentID', 'path', 'providerID', 'modelID', 'auto', 'model', 'responseHeaders', 'quarterdeck',
]);

export const linesOf = (steps) => (steps ?? []).map((step) => `TOOL:${JSON.stringify(step)}`).join('\n');

function withSteps(text, steps) {
  return [text, linesOf(steps)].filter(Boolean).join('\n');
}

function partsOf(deed) {
  const parts = typeof deed.say === 'string' ? [{ type: 'text', text: deed.say }] : structuredClone(deed.say);
  if (!deed.steps) return parts;
  const text = parts.find(({ type }) => type === 'text');
  if (text) text.text = withSteps(text.text, deed.steps);
  else parts.unshift({ type: 'text', text: linesOf(deed.steps) });
  return parts;
}

const users = async (call, session) => (await call('GET', `/session/${session}/message`)).filter(({ info }) => info.role === 'user');

async function one(call, session, deed, write) {
  if (deed.write) return write(deed.write);
  if (deed.say !== undefined) {
    const { agent, tools, format, noReply, system } = deed;
    return call('POST', `/session/${session}/message`, { model: { providerID: 'fake', modelID: deed.model ?? 'fake' }, agent, tools, format, noReply, system, parts: partsOf(deed) });
  }
  if (deed.command) return call('POST', `/session/${session}/command`, { command: deed.command, arguments: withSteps(deed.arguments ?? '', deed.steps), agent: deed.agent, model: 'fake/fake' });
  if (deed.shell) return call('POST', `/session/${session}/shell`, { agent: deed.agent ?? 'build', command: deed.shell, model: { providerID: 'fake', modelID: 'fake' } });
  if (deed.revert !== undefined) return call('POST', `/session/${session}/revert`, { messageID: (await users(call, session))[deed.revert].info.id });
  if (deed.unrevert) return call('POST', `/session/${session}/unrevert`);
  if (deed.summarize) return call('POST', `/session/${session}/summarize`, { providerID: 'fake', modelID: 'fake' });
  throw new Error(`no such deed: ${JSON.stringify(deed)}`);
}

// Does them all; gives back the sessions that were worked with, the last one first.
export async function converse(call, session, talk, write) {
  const sessions = [session];
  for (const deed of talk) {
    if (deed.fork === undefined) {
      await one(call, sessions[0], deed, write);
      continue;
    }
    const before = (await users(call, sessions[0]))[deed.fork]?.info.id;
    sessions.unshift((await call('POST', `/session/${sessions[0]}/fork`, before ? { messageID: before } : {})).id);
  }
  return sessions;
}

function shown(value) {
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([key]) => !kVolatile.has(key)).map(([key, each]) => [key, shown(each)]);
  // What is left of notes is nothing.
  return Object.fromEntries(kept.filter(([key, each]) => key !== 'metadata' || Object.keys(each ?? {}).length > 0));
}

// Reminders of planning: OpenCode adds them to each request; we store them, so that later requests begin the same.
const isReminder = (part) => part.type === 'text' && part.synthetic && part.text.startsWith('<system-reminder>\nPlan mode is active') || part.text?.startsWith('<system-reminder>\nYour mode has changed');

export function message({ info, parts }, withoutOrder) {
  const { role, agent, finish, error, summary, structured, variant } = info;
  return {
    role, agent, finish, structured, variant,
    ...(error ? { error: shown({ ...error, data: { ...error.data, metadata: undefined } }) } : {}),
    ...(role === 'assistant' && summary ? { summary } : {}),
    parts: parts.filter((part) => !isReminder(part)).map((part) => {
      const out = shown(part);
      if (part.type === 'tool') out.state = withoutOrder({ tool: part.tool, ...out.state });
      return out;
    }),
  };
}

// The session with its children, as one tree of messages.
export async function transcript(call, session, withoutOrder) {
  const messages = (await call('GET', `/session/${session}/message`)).map((each) => message(each, withoutOrder));
  const children = await call('GET', `/session/${session}/children`);
  const { revert } = await call('GET', `/session/${session}`);
  const todos = await call('GET', `/session/${session}/todo`);
  const below = [];
  for (const child of children) below.push({ title: child.title, agent: child.agent, permission: child.permission, ...(await transcript(call, child.id, withoutOrder)) });
  return { messages, ...(revert ? { reverted: true } : {}), ...(todos.length ? { todos } : {}), ...(below.length ? { children: below } : {}) };
}
