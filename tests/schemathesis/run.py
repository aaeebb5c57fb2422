#!/usr/bin/env python3
"""Runs schemathesis over our own /doc: whatever the document allows, and whatever it forbids, is answered without 5xx, as
documented, in JSON. Installs the pinned version into build/schemathesis on first use; without it and without a network
the test is skipped (exit 77).

    QUARTERDECK_BIN=build/dev/quarterdeck tests/schemathesis/run.py [--max-examples 10] [--seed 1]
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = "4.32.5"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Streams have no end; the others stop what the run works with, start commands, or wait for a person.
LEFT_OUT = r"/mcp/oauth/callback$|/event$|/fleet/events$|/fleet/wait$|/tui/control/next|/dispose$|/shell$|/message$|/prompt_async$|/summarize$|/init$|/command$"


def install():
    home = ROOT / "build" / "schemathesis"
    program = home / "bin" / "schemathesis"
    if not program.exists():
        venv.create(home, with_pip=True, clear=True)
        done = subprocess.run([home / "bin" / "pip", "install", "-q", f"schemathesis=={VERSION}"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            print(f"schemathesis {VERSION} cannot be installed:\n{done.stderr[-2000:]}", file=sys.stderr)
            sys.exit(77)
    return program


def start(binary, home):
    project = home / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    environment |= {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ}
    server = subprocess.Popen([binary, "serve", "--port", "0"], cwd=project, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=open(home / "server.log", "w"))
    return server, re.search(r"http://\S+", server.stdout.readline()).group(0)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--max-examples", default=os.environ.get("QD_SCHEMATHESIS", "4"))
    arguments.add_argument("--seed", default=os.environ.get("QD_SEED", "1"))
    wanted = arguments.parse_args()
    program = install()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-schemathesis-") as home:
        home = pathlib.Path(home)
        server, url = start(os.path.abspath(os.environ.get("QUARTERDECK_BIN", "build/dev/quarterdeck")), home)
        try:
            result = subprocess.run(
                [program, "run", f"{url}/doc", "--url", url, "--max-examples", wanted.max_examples, "--seed", wanted.seed,
                 "--checks", CHECKS, "--exclude-path-regex", LEFT_OUT, "--phases", "examples,coverage,fuzzing",
                 "--request-timeout", "20", "--suppress-health-check", "all", "--no-color",
                 "--generation-database", "none"], cwd=home)
            alive = server.poll() is None
        finally:
            server.terminate()
            ended = server.wait(timeout=20)
        if not alive or ended != 0:
            print(f"the server ended with {ended}:\n{(home / 'server.log').read_text()[-3000:]}")
            return 1
        return 1 if result.returncode else 0


sys.exit(main())
