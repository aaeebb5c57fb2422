"""What is measured. Each function takes a World and yields rows: (what, value, unit, goal or None).

A goal is an upper bound; for rates ("/s") a lower one. They are the ones of docs/performance.md. `world.few(a, b)` is a,
or b for a server that would need many minutes for a.
"""
import os
import statistics
import time


def settled(server):
    """CPU seconds once background work has ended."""
    time.sleep(0.1)
    return server.cpu_s()


def starts(world):
    times = []
    for _ in range(world.few(5, 3)):
        server = world.serve()
        times.append(server.start_ms)
        server.stop()
    return statistics.median(times)


def start(world):
    world.serve().stop()  # what is done once in a home is not what is measured
    yield "start to first 200", starts(world), "ms", 30


def start_full(world):
    """10,000 sessions stored; they also are the load of POST /session."""
    server = world.serve()
    made = server.requests("/session", connections=16, seconds=world.few(25, 3), max=10_000, method="POST",
                           body='{"title":"bench"}')
    one = server.requests("/session", connections=1, seconds=1, method="POST", body='{"title":"bench"}')
    yield "POST /session, 1 connection, p50", one["ms"]["p50"], "ms", 3
    yield "POST /session, 16 connections", made["rps"], "/s", None
    server = world.filled(server, 10_000)
    yield "GET /session, 100 of 10,000", server.requests("/session")["rps"], "/s", 5000
    server.stop()
    yield "start to first 200, 10,000 sessions stored", starts(world), "ms", 60


def idle(world):
    world.serve().stop()
    server = world.serve()
    time.sleep(4)  # the start's own work (the check of the store) is over
    own, helpers = server.memory_mb()
    before = server.cpu_s()
    time.sleep(10)
    yield "idle memory, all processes", own + helpers, "MB", 15
    yield "idle memory, the server alone", own, "MB", None
    yield "idle CPU", (server.cpu_s() - before) / 10 * 1e3, "ms/s", 0.05


def projects(world):
    """500 turns over 20 projects (a slow server: 60)."""
    server = world.serve()
    sessions = [id for folder in world.projects(20) for id in server.sessions(1, folder)]
    server.turns(sessions, "[[bench deltas=20]]", turns=world.few(25, 3), parallel=4, seconds=90, events="/global/event")
    time.sleep(2)
    yield "memory after 500 turns over 20 projects", sum(server.memory_mb()), "MB", 40


def turn(world):
    server = world.serve()
    sessions = server.sessions(world.few(105, 25))
    server.turns(sessions[:5], "[[bench deltas=1]]")
    before = settled(server)
    out = server.turns(sessions[5:], "[[bench deltas=1]]", seconds=30)
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
    out = server.turns(session, "[[bench deltas=250 rate=50]]", seconds=world.few(20, 60))
    cpu = settled(server) - before
    yield "relay at 50 deltas/s, p50", out["lag_ms"]["p50"], "ms", 1
    yield "relay at 50 deltas/s, p99", out["lag_ms"]["p99"], "ms", 5
    yield "relay at 50 deltas/s, CPU per delta", cpu / out["marks"] * 1e6, "µs", None


def burst(world):
    server = world.serve()
    session = server.sessions(1)
    server.turns(session, "[[bench deltas=5]]")
    before = settled(server)
    out = server.turns(session, f"[[bench deltas={world.few(20000, 2000)}]]", turns=5, seconds=30)
    cpu = settled(server) - before
    yield "relay as fast as the model, CPU per delta", cpu / out["marks"] * 1e6, "µs", 15
    out = server.turns(session, "[[bench deltas=2000]]", turns=world.few(5, 2), seconds=30)
    yield "burst of 2,000 deltas, prompt to idle, p50", out["turn_ms"]["p50"], "ms", None


def tools(world):
    server = world.serve()
    session = server.sessions(1)
    server.turns(session, "[[bench deltas=1]]")
    steps = world.few(20, 10)
    out = server.turns(session, f"[[bench deltas=1 tools={steps}]]", seconds=30)
    yield "tool round trip (bash true)", out["turn_ms"]["p50"] / (steps + 1), "ms", 20


def streams(world):
    for count, lag, opened, memory in ((50, 20, 500, 60), (200, 50, 2000, 150)):
        server = world.serve()
        sessions = server.sessions(count)
        before = settled(server)
        out = server.turns(sessions, "[[bench deltas=150 rate=50]]", parallel=count, seconds=world.few(20, 90))
        cpu = settled(server) - before
        yield f"{count} sessions at 50/s, relay p99", out["lag_ms"]["p99"], "ms", lag
        yield f"{count} sessions at 50/s, all open", out["all_open_ms"], "ms", opened
        yield f"{count} sessions at 50/s, CPU per delta", cpu / max(out["marks"], 1) * 1e6, "µs", None
        yield f"{count} sessions at 50/s, peak memory", sum(server.memory_mb("VmHWM")), "MB", memory
        server.stop()


def fan_out(world):
    server = world.serve()
    session = server.sessions(1)
    out = server.turns(session, f"[[bench deltas={world.few(4000, 1000)}]]", subscribers=500, seconds=40)
    yield "500 subscribers, events", out["events"] / out["stream_seconds"], "/s", 1_000_000
    yield "500 subscribers, peak memory", sum(server.memory_mb("VmHWM")), "MB", 60


def history(world):
    """One session of 500 turns: 1,000 messages. A slow server gets prompts without an answer for most of them."""
    server = world.serve()
    session = server.sessions(1)
    empty = world.data_bytes()
    server.turns(session, "[[bench deltas=20]]", turns=5)
    messages, took, cpu = 10, [], []
    few = world.few(50, 10)
    for turns in (few, 0, few):
        if not turns:
            messages += server.long_past(session[0], 1000 - messages - 2 * few, world.program.slow)
            continue
        before = settled(server)
        out = server.turns(session, "[[bench deltas=20]]", turns=turns, seconds=60)
        cpu.append((settled(server) - before) / max(out["ended"], 1))
        took.append(out["own_ms"]["p50"])
        messages += 2 * out["ended"]
    # The model is sent, and reads, the whole history: so a turn late in it is held against an early one whose request is
    # as large because of a single long message.
    long = server.sessions(1)[0]
    said = sum(len(part.get("text", "")) + 60 for message in server.call("GET", f"/session/{session[0]}/message")
               for part in message["parts"])
    server.call("POST", f"/session/{long}/message", {"noReply": True, "parts": [{"type": "text", "text": "word " * (said // 5)}]})
    out = server.turns([long], "[[bench deltas=20]]", turns=few, seconds=60)
    yield "turn 500 against turn 1 with a request of its size, own time", took[1] / out["own_ms"]["p50"], "×", 1.1
    yield "turn 500 against turn 1 with a short request, own time", took[1] / took[0], "×", None
    yield "turn 500 against turn 1, CPU added", (cpu[1] - cpu[0]) * 1e3, "ms", None
    yield "memory after 500 turns in one session", sum(server.memory_mb()), "MB", 40
    path = f"/session/{session[0]}"
    yield "GET /session/{id}, 16 connections", server.requests(path)["rps"], "/s", 20000
    listed = server.requests(path + "/message", seconds=world.few(2, 4))
    yield "GET message list, 1,000 messages", listed["rps"], "/s", 500
    yield "… its size", listed["bytes_each"] / 1e3, "KB", None
    yield "GET message list, limit=50", server.requests(path + "/message?limit=50")["rps"], "/s", None
    yield "GET /global/health", server.requests("/global/health")["rps"], "/s", None
    server.stop()
    yield "disk per message (20 deltas)", (world.data_bytes() - empty) / messages / 1e3, "KB", 3


def digest(world):
    """One session of 5,000 events, most of them of tool calls. Only for us: nobody else makes digests."""
    if world.program.name != "quarterdeck":
        return
    server = world.serve()
    session = server.sessions(1)
    path = f"/fleet/session/{session[0]}/digest"
    while (events := server.call("GET", path)["cursor"]) < 5000:
        server.turns(session, "[[bench deltas=20 tools=20]]", turns=5, seconds=60)
    out = server.requests(path, connections=1, seconds=2)
    yield "digest of a session of 5,000 events, p50", out["ms"]["p50"] * 5000 / max(events, 5000), "ms", 50
    yield "… p99", out["ms"]["p99"], "ms", None
    bounds = (300, 1500, 20000)
    sizes = [len(server.text(f"{path}?max_tokens={tokens}")) / 3 / tokens for tokens in bounds]
    yield "… the largest part of its bound in tokens that one fills", max(sizes), "×", 1
    since = server.requests(f"{path}?since={events - 50}", connections=1, seconds=2)
    yield "… since a cursor 50 events ago, p50", since["ms"]["p50"], "ms", None
    server.stop()


def size(world):
    total = 0
    for path in world.program.install:
        if os.path.isdir(path):
            total += sum(os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(path) for n in names)
        else:
            total += os.path.getsize(path)
    yield "installed size", total / 1e6, "MB", 25


ALL = [start, start_full, idle, projects, turn, relay, burst, tools, streams, fan_out, history, digest, size]
