#!/usr/bin/env python3
"""Start-up on a large store: fills one (10,000 sessions, 1 GB by default), then kills the server with -9 and starts it
again, and measures from the start of the process to the first answer over HTTP.

    bench/start_big_store.py build/release/quarterdeck [--sessions 10000] [--megabytes 1024] [--rounds 30] [--keep DIR]
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

MESSAGES = 10  # of a session; a user's and an answer in turns


def start(binary, env, directory):
    """The process, its URL, and the seconds to its first answer."""
    began = time.monotonic()
    server = subprocess.Popen([binary, "serve", "--port", "0"], env=env, cwd=directory, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    url = server.stdout.readline().split()[-1]
    with urllib.request.urlopen(url + "/session?limit=1") as answer:
        assert answer.status == 200
    return server, url, time.monotonic() - began


def call(url, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def fill(database, sessions, total_bytes):
    """Rows as the projector writes them, modelled on one real session; `quarterdeck verify` agrees."""
    sql = sqlite3.connect(database)
    sql.execute("PRAGMA synchronous=OFF")
    columns = {t: [row[1] for row in sql.execute(f"PRAGMA table_info({t})")] for t in ("event", "session", "message", "part")}

    def one(table, where):
        values = sql.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1").fetchone()
        return dict(zip(columns[table], values))

    def put(table, row):
        sql.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(columns[table]))})",
                    [row[c] for c in columns[table]])

    model = one("session", "1")
    session_event = one("event", f"seq={model['seq']}")
    user = one("message", "NOT open AND body->>'role'='user'")
    answer = one("message", "NOT open AND body->>'role'='assistant'")
    text = one("part", "body->>'type'='text'")
    seq = sql.execute("SELECT max(seq) FROM event").fetchone()[0]
    padding = "lorem ipsum " * max(1, total_bytes // sessions // MESSAGES // 12)
    for n in range(sessions):
        key, session_id = model["key"] + 1 + n, f"ses_{n:026d}"
        body = json.loads(model["body"]) | {"id": session_id, "title": f"Session {n}"}
        seq, count = seq + 1, 0

        def log(of, kind, entity):
            put("event", session_event | {"seq": of, "session": key, "session_seq": count, "id": f"evt_{of:026d}",
                                          "type": kind, "entity": entity, "body": None})

        put("session", model | {"key": key, "seq": seq, "id": session_id, "title": body["title"],
                                "body": json.dumps(body, separators=(",", ":"))})
        log(seq, "session.updated", None)
        for m in range(1, MESSAGES + 1):
            row, message = dict(user if m % 2 else answer), (key << 22) + m
            message_id = f"msg_{n:013d}{m:013d}"
            seq, count = seq + 1, count + 1
            info = json.loads(row["body"]) | {"id": message_id, "sessionID": session_id}
            put("message", row | {"key": message, "seq": seq, "session": key, "id": message_id,
                                  "body": json.dumps(info, separators=(",", ":"))})
            log(seq, "message.updated", message)
            seq, count = seq + 1, count + 1
            part = json.loads(text["body"]) | {"id": f"prt_{n:013d}{m:013d}", "sessionID": session_id,
                                               "messageID": message_id, "text": padding}
            put("part", text | {"key": (message << 17) + 1, "seq": seq, "id": part["id"],
                                "body": json.dumps(part, separators=(",", ":"))})
            log(seq, "message.part.updated", (message << 17) + 1)
    sql.commit()
    sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sql.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--keep", help="make the store here and leave it")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    root = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="quarterdeck-big-"))
    project = root / "project"
    project.mkdir(parents=True, exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(root), "LANG": "C.UTF-8"}
    database = root / ".local/share/quarterdeck/quarterdeck.db"
    try:
        if not database.exists():
            server, url, _ = start(binary, env, project)
            session = call(url, "/session", {"title": "the model"})["id"]
            call(url, f"/session/{session}/message", {"parts": [{"type": "text", "text": "hello"}]})
            server.send_signal(signal.SIGTERM)
            server.wait()
            fill(database, options.sessions, options.megabytes * 1_000_000)
        times = []
        for _ in range(options.rounds):
            server, url, seconds = start(binary, env, project)
            times.append(seconds)
            call(url, "/session", {"title": "written before the kill"})
            server.kill()
            server.wait()
        times.sort()
        at = lambda share: times[min(len(times) - 1, int(len(times) * share))]
        print(f"{database.stat().st_size / 1e6:.0f} MB, {options.sessions} sessions, {len(times)} starts after kill -9: "
              f"median {at(0.5) * 1000:.0f} ms, p99 {at(0.99) * 1000:.0f} ms, worst {times[-1] * 1000:.0f} ms")
        return 0
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
