#!/usr/bin/env python3
"""Translation by apertium, as an engine of lumos-node: see docs/external-engines.md."""

import json
import subprocess
import sys
import threading

TASK = "translation"
# Apertium has three letters where tags of languages have two.
LANGUAGES = {"en": "eng", "es": "spa"}


def receive():
    """The next message of the node and its parts; ends with stdin."""
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)
    message = json.loads(line)
    return message, [sys.stdin.buffer.read(length) for length in message.get("parts", [])]


writing = threading.Lock()
under_way = set()


def send(message, *parts):
    if parts:
        message["parts"] = [len(part) for part in parts]
    with writing:
        if "id" in message:
            # A request that was cancelled has ended already.
            if message["id"] not in under_way:
                return
            if message["type"] in ("done", "error"):
                under_way.discard(message["id"])
        sys.stdout.buffer.write(json.dumps(message).encode() + b"\n" + b"".join(parts))
        sys.stdout.buffer.flush()


def answer(message, parts):
    params = message["params"]
    languages = [params.get("from", "en"), params.get("to", "es")]
    pair = "-".join(LANGUAGES.get(language, "") for language in languages)
    if pair not in ("eng-spa", "spa-eng"):
        raise ValueError("this program translates between en and es, and not from %s to %s" % tuple(languages))
    texts = []
    for text in message["input"]["texts"]:
        if message["id"] not in under_way:
            return
        done = subprocess.run(["apertium", "-u", pair], input=text.encode(), stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise ValueError("apertium does not translate from %s to %s here" % tuple(languages))
        # What translates it may end it with a line break of its own.
        translated = done.stdout.decode()
        texts.append(translated if text.endswith("\n") else translated.rstrip("\n"))
        send({"type": "progress", "id": message["id"], "stage": "translating", "done": len(texts)})
    send({"type": "output", "id": message["id"], "output": {"texts": texts}})
    send({"type": "done", "id": message["id"]})


def work(message, parts):
    try:
        if message["task"] != TASK:
            raise ValueError("this program does " + TASK + " only")
        answer(message, parts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        send({"type": "error", "id": message["id"], "code": "INVALID_INPUT", "message": str(error)})
    except Exception as error:
        send({"type": "error", "id": message["id"], "code": "ENGINE_FAILED", "message": str(error)})


send({"type": "hello", "protocol": 1, "tasks": [TASK]})
while True:
    message, parts = receive()
    if message["type"] == "load":
        send({"type": "loaded"})
    elif message["type"] == "infer":
        # A thread of its own, so that a cancel is read meanwhile.
        under_way.add(message["id"])
        threading.Thread(target=work, args=(message, parts), daemon=True).start()
    elif message["type"] == "cancel":
        send({"type": "error", "id": message["id"], "code": "CANCELLED", "message": "cancelled"})
