#!/usr/bin/env python3
"""A language server for tests. Every line with the word "bad" is an error, "odd" a warning.

language_server.py MODE [LOG]     what it was told goes to LOG, one JSON message a line
  push      publishes what it finds      pull      is asked for it       register  the same, announced after the start
  silent    finds nothing, says nothing  hang      never answers          die       ends at once
  crash     ends at the second change    flood     talks without end      garbage   writes what is no message
  deaf      does not read after start
"""
import json
import os
import sys
import time

mode = sys.argv[1]
log = open(sys.argv[2], "a", buffering=1) if len(sys.argv) > 2 else None
out = sys.stdout.buffer


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    out.write(b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n%s" % (len(body), body))
    out.flush()


def receive():
    length = 0
    while (line := sys.stdin.buffer.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not length:
        sys.exit(0)
    return json.loads(sys.stdin.buffer.read(length))


def diagnostics(text):
    found = []
    for number, line in enumerate(text.split("\n")):
        for severity, word in ((1, "bad"), (2, "odd")):
            at = line.find(word)
            if at >= 0:
                place = {"start": {"line": number, "character": at}, "end": {"line": number, "character": at + 3}}
                found.append({"range": place, "severity": severity, "source": "test", "message": f"{word} word"})
    return found


texts = {}
changes = 0
if mode == "die":
    sys.stderr.write("no licence\n")
    sys.exit(7)
if mode == "garbage":
    out.write(b"Hello, I am a language server\n" * 1000)
    out.flush()
while True:
    message = receive()
    if log:
        log.write(json.dumps(message) + "\n")
    method, params = message.get("method"), message.get("params")
    if mode == "hang":
        continue
    if method == "initialize":
        capabilities = {"textDocumentSync": {"openClose": True, "change": 2, "save": True}, "workspaceSymbolProvider": True}
        if mode == "pull":
            capabilities["diagnosticProvider"] = {"interFileDependencies": False, "workspaceDiagnostics": False}
        send({"id": message["id"], "result": {"capabilities": capabilities}})
    elif method == "initialized":
        send({"id": "c1", "method": "workspace/configuration", "params": {"items": [{"section": "a.b"}, {"section": "x"}, {}]}})
        if mode == "register":
            registration = {"id": "d", "method": "textDocument/diagnostic", "registerOptions": {"identifier": "extra"}}
            send({"id": "r1", "method": "client/registerCapability", "params": {"registrations": [registration]}})
        if mode == "deaf":
            for number in range(100_000):
                send({"id": number, "method": "workspace/workspaceFolders"})
            time.sleep(3600)
    elif method in ("textDocument/didOpen", "textDocument/didChange"):
        uri = params["textDocument"]["uri"]
        texts[uri] = params["textDocument"].get("text") or params["contentChanges"][0]["text"]
        changes += method == "textDocument/didChange"
        if mode == "crash" and changes >= 1:
            os._exit(3)
        if mode in ("push", "crash"):
            send({"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "version": params["textDocument"]["version"], "diagnostics": diagnostics(texts[uri])}})
        if mode == "flood":
            for number in range(20_000):
                send({"method": "textDocument/publishDiagnostics", "params": {"uri": f"file:///other/{number}", "diagnostics": diagnostics("bad\n" * 3)}})
                if number % 10 == 0:
                    send({"id": number, "method": "workspace/configuration", "params": {"items": [{}]}})
            send({"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "diagnostics": diagnostics(texts[uri])}})
    elif method == "textDocument/diagnostic":
        items = diagnostics(texts[params["textDocument"]["uri"]])
        send({"id": message["id"], "result": {"kind": "full", "items": items}})
    elif method == "textDocument/documentSymbol":
        place = {"start": {"line": 1, "character": 0}, "end": {"line": 3, "character": 1}}
        send({"id": message["id"], "result": [{"name": "middle", "kind": 12, "location": {"uri": params["textDocument"]["uri"], "range": place}}]})
    elif method == "workspace/symbol":
        place = {"uri": "file:///x", "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}}
        symbols = [{"name": params["query"] + str(kind), "kind": kind, "location": place} for kind in [1, 12, 13] + [5] * 20]
        send({"id": message["id"], "result": symbols})
    elif method == "shutdown":
        send({"id": message["id"], "result": None})
    elif method == "exit":
        sys.exit(0)
    elif "id" in message and method:
        send({"id": message["id"], "error": {"code": -32601, "message": "no such method"}})
