"""What is measured. Each function takes a World and yields rows: (what, value, unit, goal or None).

A goal is an upper bound; for rates ("/s") a lower one. They are the ones of docs/performance.md.
"""
import os
import statistics
import time


def settled(server):
    """CPU seconds once background work has ended."""
    time.sleep(0.1)
    return server.cpu_s()


def start(world):
    times = []
    for _ in range(5):
        server = world.serve()
        times.append(server.start_ms)
        server.stop()
    yield "start to first 200", statistics.median(times), "ms", 30


def start_full(world):
    """10,000 sessions stored; they also are the load of POST /session."""
    server = world.serve()
    made = server.requests("/session", connections=16, seconds=25, max=10_000, method="POST", body='{"title":"bench"}')
    one = server.requests("/session", connections=1, seconds=1, method="POST", body='{"title":"bench"}')
    yield "POST /session, 1 connection, p50", one["ms"]["p50"], "ms", 3
    yield "POST /session, 16 connections", made["rps"], "/s", None
    listed = server.requests("/session", seconds=1)
    yield f"GET /session, 100 of {made['answered']:,}", listed["rps"], "/s", 5000
    server.stop()
    times = []
    for _ in range(5):
        server = world.serve()
        times.append(server.start_ms)
        server.stop()
    yield f"start to first 200, {made['answered']:,} sessions", statistics.median(times), "ms", 60


def idle(world):
    server = world.serve()
    time.sleep(1)
    own, helpers = server.memory_mb()
    before = server.cpu_s()
    time.sleep(2)
    yield "idle memory, server", own, "MB", 15
    yield "idle memory, its helper process", helpers, "MB", None
    yield "idle CPU", (server.cpu_s() - before) / 2 * 1e3, "ms/s", 0


def turn(world):
    server = world.serve()
    sessions = server.sessions(100)
    server.turns(sessions[:5], "[[bench deltas=1]]")
    before = settled(server)
    out = server.turns(sessions[5:], "[[bench deltas=1]]", seconds=20)
    cpu = settled(server) - before
    yield "turn, instant model: prompt to idle, p50", out["turn_ms"]["p50"], "ms", 10
    yield "turn, instant model: prompt to idle, p99", out["turn_ms"]["p99"], "ms", None
    yield "turn, own time without the model, p50", out["own_ms"]["p50"], "ms", 10
    yield "turn, prompt acknowledged, p50", out["ack_ms"]["p50"], "ms", None
    yield "turn, CPU", cpu / max(out["ended"], 1) * 1e3, "ms", 3


def relay(world):
    server = world.serve()
    session = server.sessions(1)
    server.turns(session, "[[bench deltas=5]]")
    before = settled(server)
    out = server.turns(session, "[[bench deltas=250 rate=50]]")
    cpu = settled(server) - before
    yield "relay at 50 deltas/s, p50", out["lag_ms"]["p50"], "ms", 1
    yield "relay at 50 deltas/s, p99", out["lag_ms"]["p99"], "ms", 5
    yield "relay at 50 deltas/s, CPU per delta", cpu / out["marks"] * 1e6, "µs", None


def burst(world):
    server = world.serve()
    session = server.sessions(1)
    server.turns(session, "[[bench deltas=5]]")
    before = settled(server)
    out = server.turns(session, "[[bench deltas=20000]]", turns=5, seconds=20)
    cpu = settled(server) - before
    yield "burst, CPU per delta", cpu / out["marks"] * 1e6, "µs", 15
    out = server.turns(session, "[[bench deltas=2000]]", turns=5)
    yield "burst of 2,000 deltas, prompt to idle, p50", out["turn_ms"]["p50"], "ms", None


def tools(world):
    server = world.serve()
    session = server.sessions(1)
    server.turns(session, "[[bench deltas=1]]")
    steps = 20
    out = server.turns(session, f"[[bench deltas=1 tools={steps}]]")
    yield "tool round trip (bash true)", out["turn_ms"]["p50"] / (steps + 1), "ms", 20


def streams(world):
    for count, lag, opened, memory in ((50, 20, 500, 60), (200, 50, 2000, 150)):
        server = world.serve()
        sessions = server.sessions(count)
        before = settled(server)
        out = server.turns(sessions, "[[bench deltas=150 rate=50]]", parallel=count)
        cpu = settled(server) - before
        yield f"{count} sessions at 50/s, relay p99", out["lag_ms"]["p99"], "ms", lag
        yield f"{count} sessions at 50/s, all open", out["all_open_ms"], "ms", opened
        yield f"{count} sessions at 50/s, CPU per delta", cpu / max(out["marks"], 1) * 1e6, "µs", None
        yield f"{count} sessions at 50/s, peak memory", sum(server.memory_mb("VmHWM")), "MB", memory
        server.stop()


def fan_out(world):
    server = world.serve()
    session = server.sessions(1)
    out = server.turns(session, "[[bench deltas=4000]]", subscribers=500, seconds=20)
    yield "500 subscribers, events", out["events"] / out["stream_seconds"], "/s", 1_000_000
    yield "500 subscribers, peak memory", sum(server.memory_mb("VmHWM")), "MB", 60


def history(world):
    """One session of 500 turns: 1,000 messages."""
    server = world.serve()
    session = server.sessions(1)
    empty = world.data_bytes()
    server.turns(session, "[[bench deltas=20]]", turns=5)
    ended, took, cpu = 5, [], []
    for turns in (50, 395, 50):
        before = settled(server)
        out = server.turns(session, "[[bench deltas=20]]", turns=turns, seconds=20)
        cpu.append((settled(server) - before) / max(out["ended"], 1))
        took.append(out["turn_ms"]["p50"])
        ended += out["ended"]
    messages = 2 * ended
    yield f"turn {ended} against turn 1, prompt to idle", took[2] / took[0], "×", 1.1
    yield f"turn {ended} against turn 1, CPU added", (cpu[2] - cpu[0]) * 1e3, "ms", None
    yield f"memory after {ended} turns", server.memory_mb()[0], "MB", 40
    path = f"/session/{session[0]}"
    yield "GET /session/{id}, 16 connections", server.requests(path)["rps"], "/s", 20000
    listed = server.requests(path + "/message", seconds=2)
    yield f"GET message list, {messages:,} messages ({listed['bytes_each'] // 1000} KB)", listed["rps"], "/s", 500
    yield "GET message list, limit=50", server.requests(path + "/message?limit=50")["rps"], "/s", None
    yield "GET /global/health", server.requests("/global/health")["rps"], "/s", None
    server.stop()
    yield "disk per message (20 deltas)", (world.data_bytes() - empty) / messages / 1e3, "KB", 3


def size(world):
    total = 0
    for path in world.program.install:
        if os.path.isdir(path):
            total += sum(os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(path) for n in names)
        else:
            total += os.path.getsize(path)
    yield "installed size", total / 1e6, "MB", 25


ALL = [start, start_full, idle, turn, relay, burst, tools, streams, fan_out, history, size]
