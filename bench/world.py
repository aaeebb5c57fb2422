"""What a measurement runs in: a scratch home, a git project, the scripted model and a server under test."""
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="latin1") as f:
        fields = f.read().rpartition(")")[2].split()
    # Its own time to the nanosecond, by the kernel's clock of that process; that of children it has waited for in ticks.
    own = time.clock_gettime((~int(pid) << 3) | 2)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)
    return {"parent": int(fields[1]), "cpu": own + sum(map(int, fields[13:15])) / TICKS}


def _tree(root):
    """The process and its descendants: pid -> stat."""
    stats = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stats[int(name)] = _stat(name)
            except (OSError, IndexError):
                pass
    found = {}
    todo = [root]
    while todo:
        pid = todo.pop()
        if pid in stats and pid not in found:
            found[pid] = stats[pid]
            todo += [p for p, s in stats.items() if s["parent"] == pid]
    return found


def _memory_kb(pid, field):
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith(field):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


class Program:
    """How to start one of the servers that are compared."""

    # `slow`: sizes are smaller where a full one would take minutes. `sessions_db`: where rows of "session" can be cloned.
    def __init__(self, name, binary, env=None, warm_up=False, install=(), slow=False, sessions_db=None):
        self.name, self.binary, self.env, self.warm_up = name, binary, env or {}, warm_up
        self.slow, self.sessions_db = slow, sessions_db
        self.install = install or (binary,)


class Server:
    def __init__(self, program, world):
        self.program, self.world = program, world
        self.port = free_port()
        started = time.monotonic()
        self.process = subprocess.Popen(
            [program.binary, "serve", "--port", str(self.port), "--hostname", "127.0.0.1"],
            cwd=world.project, env=world.env | program.env, stdout=world.log, stderr=world.log)
        world.servers.append(self)
        self.start_ms = self._first_answer(started)
        if program.warm_up and len(world.servers) == 1:  # what it does once in a home is not what is measured
            self.turns(self.sessions(1), "[[bench deltas=1]]", seconds=60)

    def _first_answer(self, started):
        # A fresh connection each time: a server may accept before it can answer.
        request = f"GET /global/health HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n".encode()
        while time.monotonic() - started < 30:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as s:
                    s.sendall(request)
                    if b" 200 " in s.recv(4096).split(b"\r\n")[0]:
                        return (time.monotonic() - started) * 1e3
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.program.name} ended with {self.process.returncode}; see {self.world.log.name}")
            time.sleep(0.0005)
        raise RuntimeError(f"{self.program.name} did not answer within 30 s")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_s(self):
        return sum(s["cpu"] for s in _tree(self.process.pid).values())

    def memory_mb(self, field="VmRSS"):
        """[the server process, all its helpers together]"""
        pids = _tree(self.process.pid)
        return [_memory_kb(self.process.pid, field) / 1024,
                sum(_memory_kb(p, field) for p in pids if p != self.process.pid) / 1024]

    def text(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read()

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method, headers={"Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def sessions(self, count, directory=None):
        # With a title, so that no second model call makes one.
        query = "?directory=" + urllib.parse.quote(directory) if directory else ""
        return [self.call("POST", "/session" + query, {"title": f"bench {i}"})["id"] for i in range(count)]

    def long_past(self, session, messages, quick):
        """Adds about so many messages to a session: by turns, or (quick) as prompts that nobody answers."""
        if not quick:
            return 2 * self.turns([session], "[[bench deltas=20]]", turns=messages // 2, seconds=120)["ended"]
        body = {"noReply": True, "parts": [{"type": "text", "text": "word " * 120}]}
        return self.requests(f"/session/{session}/message", connections=4, seconds=60, max=messages, method="POST",
                             body=json.dumps(body))["answered"]

    def turns(self, sessions, text, **options):
        body = {"parts": [{"type": "text", "text": text}]}
        return self.world.loadgen("turns", self.port, sessions=",".join(sessions), body=json.dumps(body), **options)

    def requests(self, path, connections=16, seconds=1, **options):
        return self.world.loadgen("http", self.port, path=path, connections=connections, seconds=seconds, **options)


class World:
    """One per measure and program; everything it made is gone after close()."""

    def __init__(self, program, model_port, loadgen):
        self.program, self._loadgen = program, loadgen
        self.root = tempfile.mkdtemp(prefix="quarterdeck-bench-")
        self.home, self.project = os.path.join(self.root, "home"), os.path.join(self.root, "project")
        os.mkdir(self.home)
        os.mkdir(self.project)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8", "SHELL": "/bin/bash"}
        self.log = open(os.path.join(self.root, "log"), "w")
        settings = {
            "model": "fake/fake", "small_model": "fake/fake", "share": "disabled", "autoupdate": False,
            "provider": {"fake": {
                "name": "Fake", "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": f"http://127.0.0.1:{model_port}/v1", "apiKey": "key"},
                "models": {"fake": {"name": "Fake", "tool_call": True, "limit": {"context": 2000000, "output": 8000}}}}}}
        with open(os.path.join(self.project, "opencode.json"), "w") as f:
            json.dump(settings, f)
        self._commit(self.project)
        self.servers = []

    def serve(self):
        return Server(self.program, self)

    def few(self, usual, slow):
        return slow if self.program.slow else usual

    def filled(self, server, sessions):
        """A server with so many sessions stored. Where the program cannot make them in time, a row is cloned."""
        have = len(server.call("GET", "/session?limit=1000000"))
        if have >= sessions or not self.program.sessions_db:
            return server
        server.stop()
        db = sqlite3.connect(os.path.join(self.home, self.program.sessions_db))
        names = [column[1] for column in db.execute("PRAGMA table_info(session)")]
        row = dict(zip(names, db.execute("SELECT * FROM session LIMIT 1").fetchone()))
        with db:
            for i in range(have, sessions):
                clone = row | {"id": row["id"][:-12] + f"{i:012d}", "time_created": row["time_created"] - i * 1000,
                               "time_updated": row["time_updated"] - i * 1000}
                db.execute(f"INSERT INTO session VALUES ({','.join('?' * len(names))})", [clone[n] for n in names])
        db.close()
        return self.serve()

    def projects(self, count):
        """Copies of the project, each a repository of its own."""
        folders = []
        for i in range(count):
            folder = f"{self.project}-{i}"
            if not os.path.exists(folder):
                shutil.copytree(self.project, folder)
                with open(os.path.join(folder, "number"), "w") as f:
                    f.write(str(i))
                shutil.rmtree(os.path.join(folder, ".git"))
                self._commit(folder)
            folders.append(folder)
        return folders

    def _commit(self, folder):
        git = ["git", "-C", folder, "-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
        for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "init"]):
            subprocess.run(git + args, check=True)

    def loadgen(self, kind, port, seconds=10, **options):
        args = [self._loadgen, kind, "--port", str(port), "--seconds", str(seconds)]
        for key, value in options.items():
            args += ["--" + key, str(value)]
        done = subprocess.run(args, capture_output=True, text=True, timeout=seconds + 30, check=True)
        return json.loads(done.stdout)

    def data_bytes(self):
        return sum(os.path.getsize(os.path.join(folder, name))
                   for folder, _, names in os.walk(os.path.join(self.home, ".local"))
                   for name in names if not name.endswith(".log"))

    def close(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.stop()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
