"""Drives a server with the library opencode-client-python; prints as JSON what it has seen."""

import json
import sys
import threading
import time

from opencode_client import OpenCodeClient, OpenCodeApiError
from opencode_client.models import CreateSessionRequest

url, directory = sys.argv[1:]
seen = {"events": []}


def listen(stream):
    for event in stream.iter_events():
        seen["events"].append(event.type)


def eventually(check):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if value := check():
            return value
        time.sleep(0.05)
    raise TimeoutError(check)


def tool(name, arguments):
    return "TOOL:" + json.dumps([[name, arguments]])


with OpenCodeClient(url, timeout=60) as client, OpenCodeClient(url, timeout=60) as other:
    assert client.server.health().healthy
    with other.server.stream_events(directory=directory) as stream:
        threading.Thread(target=listen, args=(stream,), daemon=True).start()
        eventually(lambda: "server.connected" in seen["events"])
        session = client.sessions.create(directory=directory, body=CreateSessionRequest(title="from Python"))
        answer = client.sessions.prompt(session.id, "hello", model={"providerID": "fake", "modelID": "fake"})
        seen["text"] = "".join(part.text for part in answer.parts if part.type == "text")
        seen["roles"] = [message.info.role for message in client.sessions.list_messages(session.id)]
        seen["title"] = next(s.title for s in client.sessions.list_sessions(directory=directory) if s.id == session.id)
        eventually(lambda: "session.idle" in seen["events"])

        client.sessions.prompt_async(session.id, tool("bash", {"command": "touch from-python", "description": "x"}))
        asked = eventually(lambda: client.server.list_permissions(directory=directory))[0]
        seen["permission"] = asked.permission
        client.server.reply_permission(asked.id, "once")
        eventually(lambda: session.id not in client.sessions.status(directory=directory))

        options = [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]
        questions = [{"question": "Which colour?", "header": "Colour", "options": options}]
        client.sessions.prompt_async(session.id, tool("question", {"questions": questions}))
        question = eventually(lambda: client.server.list_questions(directory=directory))[0]
        seen["question"] = question.questions[0].question
        client.server.reply_question(question.id, [["Blue"]])
        eventually(lambda: session.id not in client.sessions.status(directory=directory))
        parts = [part for message in client.sessions.list_messages(session.id) for part in message.parts]
        answered = next(part for part in parts if part.type == "tool" and part.tool == "question")
        seen["answers"] = answered.model_dump(mode="json")["state"]["metadata"]["answers"]

        seen["forked"] = client.sessions.fork(session.id).title
        seen["found"] = client.files.search_files("a.txt", directory=directory)
        seen["content"] = client.files.read("a.txt", directory=directory).content
        seen["agents"] = [agent.name for agent in client.server.list_agents(directory=directory)]
        seen["providers"] = [provider.id for provider in client.server.list_providers(directory=directory).all]
        client.sessions.delete(session.id)
        seen["session"] = session.id
        try:
            client.sessions.get(session.id)
        except OpenCodeApiError as error:
            seen["missing"] = error.status_code
print(json.dumps(seen))
