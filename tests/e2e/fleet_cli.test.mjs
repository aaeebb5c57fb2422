// Supervision by command line alone: hand over, watch, answer, look, close. Scripts rely on what is tested here.
import assert from "node:assert/strict"
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { afterEach, beforeEach, test } from "node:test"
import { existsSync, writeFileSync } from "node:fs"
import { resolve, join } from "node:path"
import { client, eventually, makeWorld } from "../support/server.mjs"

const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
let world, server, api
const start = async (config = {}, env = {}) => {
  world = await makeWorld({ config })
  server = await world.serve({ env })
  api = client(server.url)
}
beforeEach(() => (world = undefined))
afterEach(() => world?.close())

// One command to its end.
function qd(args, { input = "", env = {}, url = server.url } = {}) {
  return new Promise((done) => {
    const child = execFile(
      bin,
      args,
      { cwd: world.directory, env: { ...world.env, QUARTERDECK_URL: url, ...env }, timeout: 180000 },
      (error, out, err) => done({ code: error ? (error.code ?? error.signal) : 0, out, err }),
    )
    child.stdin.on("error", () => {}) // it may be done before it reads
    child.stdin.end(input)
  })
}
const ok = async (args, more) => {
  const result = await qd(args, more)
  assert.equal(result.code, 0, `${args.join(" ")}: ${result.err}`)
  return result
}

test("the whole supervision loop by command line", async () => {
  await start({ permission: { bash: "ask" } })
  const task = 'TOOL:[["bash",{"command":"echo once >> done.txt"}]]'
  const open = ["open", "--in-place", "--priority", "P1", "--label", "ci", "--ref", "linear:ENG-12", "--key", "k1", task]
  const session = (await ok(open)).out.trim()
  assert.match(session, /^ses_/)
  const again = await ok(open)
  assert.deepEqual([again.out.trim(), /already/.test(again.err)], [session, true], "handed over twice, one session")
  assert.equal((await ok([...open.slice(0, -2), "k1", task, "--json"])).out.includes('"created":false'), true)

  const asking = await qd(["wait", "linear:ENG-12", "--timeout", "120"])
  assert.equal(asking.code, 4, asking.err)
  assert.match(asking.out, /approve/)
  const listed = await ok(["ps"])
  assert.match(listed.out, /NEEDS YOU \(1\)\nP1 +approve .*ENG-12/)
  assert.doesNotMatch(listed.out, /\x1b/, "no colours without a terminal")
  const requests = await ok(["requests"])
  const request = requests.out.match(/per_\w+/)[0]
  assert.match(requests.out, /bash: echo once/)
  const wrong = await qd(["answer", request, "yes"])
  assert.deepEqual([wrong.code, /quarterdeck approve/.test(wrong.err)], [2, true])
  assert.match((await ok(["approve", request.slice(0, 24)])).out, /^approved per_/)
  const late = await qd(["approve", request])
  assert.deepEqual([late.code, /answered, or withdrawn/.test(late.err)], [1, true])

  assert.equal((await qd(["wait", session.slice(0, 20), "--timeout", "120"])).code, 0)
  assert.equal(existsSync(join(world.directory, "done.txt")), true)
  assert.match((await ok(["diff", session, "--stat"])).out, /done\.txt +1 +0/)
  assert.match((await ok(["diff", "k1"])).out, /^\+once$/m, "a session is found by the key of its handoff")
  assert.match((await ok(["diff", session, "--list"])).out, /step/)
  const digest = await ok(["digest", session])
  assert.match(digest.out, /state +ready/)
  const cursor = JSON.parse((await ok(["digest", session, "--json"])).out).cursor
  assert.match(digest.out, new RegExp(`cursor +${cursor}`))
  assert.doesNotMatch((await ok(["digest", session, "--since", String(cursor)])).out, /^check/m)

  assert.match((await ok(["set", session, "--priority", "P0"])).out, /P0/)
  const told = await ok(["tell", session, "--mode", "steer", "--key", "t1", "One more thing"])
  const toldAgain = await ok(["tell", session, "--mode", "steer", "--key", "t1", "One more thing"])
  assert.equal(told.out.match(/msg_\w+/)[0], toldAgain.out.match(/msg_\w+/)[0], "told twice, one message")
  assert.equal((await qd(["wait", session, "--timeout", "120"])).code, 0)
  await ok(["nudge", session, "Go on"])
  assert.equal((await qd(["wait", session, "--timeout", "120"])).code, 0)
  assert.match((await ok(["accept", session])).out, /idle/)
  assert.match((await ok(["close", session])).out, /done/)
  assert.match((await ok(["reopen", session])).out, /idle/)
  await ok(["close", session, "--archive"])
  assert.doesNotMatch((await ok(["ps"])).out, /ses_/)
  assert.match((await ok(["ps", "--archived"])).out, /ses_/)
  const users = (await api.messages(session)).filter((m) => m.info.role === "user")
  assert.equal(users.length, 3, "the request, what it was told, the nudge")
})

test("questions are answered, permissions rejected, and what does not fit says what does", async () => {
  await start({ permission: { bash: "ask" } })
  const ask = { questions: [{ question: "Which database?", header: "db", options: [{ label: "Postgres", description: "" }, { label: "SQLite", description: "" }] }] }
  const session = (await ok(["open", "--in-place", `TOOL:[["question",${JSON.stringify(ask)}]]`])).out.trim()
  assert.equal((await qd(["wait", session, "--until", "attention", "--timeout", "120"])).code, 4)
  assert.match((await ok(["requests"])).out, /Which database\?\n +- Postgres/)
  assert.equal((await qd(["approve", session])).code, 2)
  assert.match((await ok(["answer", session, "SQLite"])).out, /^answered que_/)
  assert.equal((await qd(["wait", session, "--timeout", "120"])).code, 0)
  assert.match(JSON.stringify(await api.messages(session)), /SQLite/)
  const other = (await ok(["open", "--in-place", 'TOOL:[["bash",{"command":"touch no.txt"}]]'])).out.trim()
  assert.equal((await qd(["wait", other, "--timeout", "120"])).code, 4)
  assert.match((await ok(["reject", other, "--why", "use the other file"])).out, /^rejected/)
  await qd(["wait", other, "--timeout", "120"])
  assert.equal(existsSync(join(world.directory, "no.txt")), false)
  const both = await qd(["tell", "ses_", "hi"])
  assert.deepEqual([both.code, /several sessions fit/.test(both.err)], [1, true])
  const none = await qd(["digest", "nothing-like-it"])
  assert.deepEqual([none.code, /quarterdeck ps/.test(none.err)], [1, true])
})

test("a handoff has a worktree and a branch of its own, unless it is to work in place", async () => {
  await start()
  const session = (await ok(["open", "--branch", "wanted", 'TOOL:[["bash",{"command":"echo hi > new.txt"}]]'])).out.trim()
  assert.equal((await qd(["wait", session, "--timeout", "120"])).code, 0)
  assert.equal(existsSync(join(world.directory, "new.txt")), false)
  assert.match(execFileSync("git", ["branch"], { cwd: world.directory, encoding: "utf8" }), /wanted/)
  assert.match((await ok(["diff", session])).out, /^\+hi$/m)
  assert.match((await ok(["gc", "--dry-run", "--json"])).out, /"dry_run":true/)
})

test("waiting says by its exit code what happened", async () => {
  await start()
  const failing = (await ok(["open", "--in-place", "ERR:400"])).out.trim()
  assert.equal((await qd(["wait", failing, "--timeout", "120"])).code, 1)
  const slow = (await ok(["open", "--in-place", "SLOW:2000:50"])).out.trim()
  const late = await qd(["wait", slow, "--timeout", "0.5", "--json"])
  assert.equal(late.code, 124)
  assert.equal(JSON.parse(late.out).timeout, true)
  const waiting = qd(["wait", slow, "--timeout", "60"])
  await api.delete(`/session/${slow}`)
  assert.equal((await waiting).code, 5)
  assert.equal((await qd(["wait", "ses_", "--timeout", "1"], { url: "http://127.0.0.1:1" })).code, 3)
  const all = await qd(["wait", "--all", failing, "--timeout", "5"])
  assert.equal(all.code, 1)
  const opened = await qd(["open", "--in-place", "--wait", "hello there"])
  assert.equal(opened.code, 0)
})

test("text comes from words, a file or standard input; a password is taken from the environment", async () => {
  world = await makeWorld()
  const env = { OPENCODE_SERVER_PASSWORD: "secret" }
  server = await world.serve({ env })
  writeFileSync(join(world.directory, "task.md"), "hello from a file\n")
  const from = async (args, input) => {
    const opened = await qd(["open", "--in-place", "--json", ...args], { input, env })
    assert.equal(opened.code, 0, opened.err)
    return JSON.parse(opened.out).session.title
  }
  assert.equal(await from(["--file", "task.md"]), "hello from a file")
  assert.equal(await from(["-"], "hello from a pipe\n"), "hello from a pipe")
  assert.equal(await from([], "hello from nothing\n"), "hello from nothing")
  const refused = await qd(["ps"])
  assert.deepEqual([refused.code, /OPENCODE_SERVER_PASSWORD/.test(refused.err)], [1, true])
  assert.equal((await qd(["open", "--in-place"], { env })).code, 2)
})

test("wrong usage is told in a sentence, and help has examples", async () => {
  await start()
  for (const [args, said] of [
    [["open", "--priority", "P9", "x"], /P0, P1, P2 or P3/],
    [["open", "--ref", "ENG-12", "x"], /SYSTEM:ID/],
    [["tell", "ses_1"], /what should it be told/],
    [["tell", "ses_1", "x", "--mode", "later"], /queue, steer or interrupt/],
    [["wait"], /session/],
    [["ps", "--limit", "-1"], /limit|NONNEGATIVE|-1/i],
    [["completion", "tcsh"], /bash/],
  ]) {
    const result = await qd(args)
    assert.equal(result.code, 2, args.join(" "))
    assert.match(result.err, said)
  }
  for (const verb of ["ps", "open", "watch", "tell", "nudge", "answer", "approve", "reject", "requests", "diff", "digest", "wait", "accept", "close", "reopen", "set", "completion"])
    assert.match((await ok([verb, "--help"])).out, /Examples:\n +\S/, verb)
})

test("watch prints what several sessions do, each once, also over a restart", async () => {
  await start()
  const [a, b] = await Promise.all(["first", "second"].map((title) => api.session({ title }).then((s) => s.id)))
  const watching = spawn(bin, ["watch", a, b], { cwd: world.directory, env: { ...world.env, QUARTERDECK_URL: server.url } })
  let out = "", err = ""
  watching.stdout.on("data", (bytes) => (out += bytes))
  watching.stderr.on("data", (bytes) => (err += bytes))
  await eventually(() => err.includes("second"), 60000)
  const spoken = async (text) => eventually(async () => {
    if (out.includes(text)) return true
    await api.promptAsync(a, `${text}`)
    return false
  }, 60000)
  await spoken("words for the watcher")
  await api.prompt(b, 'TOOL:[["bash",{"command":"echo seen"}]]')
  await eventually(() => /second.*bash echo seen/.test(out), 60000)
  const port = Number(new URL(server.url).port)
  await server.kill()
  server = await world.serve({ port })
  await eventually(() => err.includes("connected again"), 60000)
  await api.prompt(b, 'TOOL:[["bash",{"command":"echo after"}]]')
  await eventually(() => /bash echo after/.test(out), 60000)
  assert.equal(out.match(/bash echo seen/g).length, 1)
  assert.doesNotMatch(out, /\x1b/)
  watching.kill("SIGKILL")
})

test("on a terminal ps draws again as sessions change, and fits the width", async () => {
  await start()
  const session = (await api.session({ title: "a title that is much too long for such a narrow terminal, as it goes on and on" })).id
  const narrow = spawn("script", ["-qec", `stty cols 60 rows 10; exec ${bin} ps`, "/dev/null"], {
    cwd: world.directory,
    env: { ...world.env, TERM: "xterm", QUARTERDECK_URL: server.url },
  })
  let out = ""
  narrow.stdout.on("data", (bytes) => (out += bytes))
  await eventually(() => out.includes("idle"), 60000)
  await api.promptAsync(session, "SLOW:400:50")
  await eventually(() => out.includes("WORKING"), 60000)
  narrow.kill("SIGKILL")
  assert.match(out, /\x1b\[/, "colours on a terminal")
  const plain = out.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "")
  for (const line of plain.split(/\r?\n/)) assert.ok([...line].length <= 60, line)
})

test("shells complete verbs, options and the running server's sessions", async () => {
  await start()
  const session = (await api.session({ title: "completed" })).id
  const offered = async (...words) => (await ok(["__complete", "--", ...words])).out.split("\n").filter(Boolean).map((l) => l.split("\t")[0])
  assert.ok((await offered("")).includes("ps"))
  assert.ok(!(await offered("")).some((word) => word.startsWith("__")))
  assert.deepEqual(await offered("dig"), ["digest"])
  assert.ok((await offered("open", "--pri")).includes("--priority"))
  assert.deepEqual(await offered("open", "--priority", ""), ["P0", "P1", "P2", "P3"])
  assert.deepEqual(await offered("tell", "--mode", "st"), ["steer"])
  // A server that is slow to answer offers nothing: a tab key does not wait.
  const soon = (...words) => eventually(async () => (await offered(...words)).join() === session, 60000)
  await soon("digest", session.slice(0, 8))
  await soon("watch", "--json", "")
  const bash = () => spawnSync("bash", ["-c", `
    PATH=${resolve(bin, "..")}:$PATH
    source <(quarterdeck completion bash)
    COMP_WORDS=(quarterdeck digest ${session.slice(0, 8)}); COMP_CWORD=2; _quarterdeck; printf '%s\\n' "\${COMPREPLY[@]}"
    COMP_WORDS=(quarterdeck wa); COMP_CWORD=1; _quarterdeck; printf '%s\\n' "\${COMPREPLY[@]}"
  `], { encoding: "utf8", env: { ...world.env, QUARTERDECK_URL: server.url } })
  await eventually(() => bash().stdout.trim().split("\n").join() === [session, "watch", "wait"].join(), 60000)
  for (const shell of ["zsh", "fish"]) {
    const script = (await ok(["completion", shell])).out
    assert.match(script, /quarterdeck __complete --/)
    const file = join(world.root, `complete.${shell}`)
    writeFileSync(file, script)
    if (spawnSync(shell, ["--version"]).status === 0)
      assert.equal(spawnSync(shell, ["-n", file]).status, 0, `${shell} reads it`)
  }
})

test("checkpoints are rolled back to and forked from, work is reviewed, claims are checked, all by command line", async () => {
  await start()
  const run = (command) => `TOOL:${JSON.stringify([["bash", { command, description: "x" }]])}`
  const session = (await ok(["open", `${run("echo one > made.txt")}`, "--wait"])).out.trim().split("\n")[0]
  const { checkpoints } = (await api.get(`/fleet/session/${session}/commits`)).body
  const { directory } = (await api.get(`/fleet/session/${session}`)).body
  await ok(["tell", session, run("rm made.txt; echo two > other.txt; false"), "--wait"])
  const undo = (await ok(["rollback", session, "--to", checkpoints[0].id.slice(0, 10), "--key", "r1"])).out.trim()
  assert.ok(existsSync(join(directory, "made.txt")) && !existsSync(join(directory, "other.txt")))
  assert.equal((await ok(["rollback", session, "--to", checkpoints[0].id.slice(0, 10), "--key", "r1"])).out.trim(), undo)
  await ok(["rollback", session, "--to", undo])
  assert.ok(existsSync(join(directory, "other.txt")))

  const forked = (await ok(["fork", session, "--to", checkpoints[0].id, "go another way", "--title", "other"])).out.trim()
  const fork = (await api.get(`/fleet/session/${forked}`)).body
  assert.equal(fork.title, "other")
  assert.ok(existsSync(join(fork.directory, "made.txt")))

  assert.match((await ok(["evidence", session])).out, /claims nothing/)
  await ok(["review", session, "rename it", "--comment", "other.txt:1:why two?"])
  await ok(["wait", session])
  assert.match(JSON.stringify(await api.messages(session)), /why two\?/)
  assert.equal((await qd(["review", session])).code, 2)
  assert.match((await qd(["review", session, "x", "--comment", "other.txt"])).err, /PATH:LINE:TEXT/)
  await ok(["review", session, "--accept"])
  assert.equal((await qd(["fork", session])).code, 2)
})

test("a result's schema, budgets, schedules and the queue by command line", async () => {
  await start()
  writeFileSync(join(world.root, "schema.json"), '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}')
  const session = (await ok(["open", 'TOOL:[["StructuredOutput",{"n":7}]]', "--result-schema", join(world.root, "schema.json"), "--wait"])).out.trim().split("\n")[0]
  assert.match((await ok(["digest", session])).out, /result +\{"n":7\}/)
  assert.equal((await qd(["open", "x", "--result-schema", "/nowhere"])).code, 2)

  assert.match((await ok(["budget"])).out, /no limits/)
  assert.match((await ok(["budget", "principal", "bot", "--budget-usd", "5", "--budget-steps", "500"])).out, /principal +bot +\$0\.00 of \$5\.00, 0 of 500 steps/)
  assert.match((await ok(["budget", "principal", "bot", "--none"])).out, /no limits/)
  for (const wrong of [["month"], ["project"], ["day", "x"], ["day"]]) assert.equal((await qd(["budget", ...wrong])).code, 2, wrong.join(" "))

  writeFileSync(join(world.root, "nightly.json"), JSON.stringify({ name: "nightly", cron: "0 3 * * *", handoff: { request: "hello", directory: world.directory, in_place: true } }))
  const id = (await ok(["schedule", "add", join(world.root, "nightly.json")])).out.trim()
  assert.match((await ok(["schedule"])).out, new RegExp(`${id} +on +0 3 \\* \\* \\* +nightly`))
  const ran = (await ok(["schedule", "run", id])).out.trim()
  await ok(["wait", ran])
  assert.match((await ok(["schedule", "remove", id])).out, /removed/)
  assert.match((await ok(["schedule", "list"])).out, /no schedules/)
  assert.match((await ok(["queue"])).out, /no session waits/)
})
