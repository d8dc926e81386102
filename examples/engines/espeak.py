#!/usr/bin/env python3
"""Speech by espeak-ng, as an engine of lumos-node: see docs/external-engines.md."""

import json
import subprocess
import sys
import tempfile

TASK = "text-to-speech"
WORDS_A_MINUTE = 175


def receive():
    """The next message of the node and its parts; ends with stdin."""
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)
    message = json.loads(line)
    return message, [sys.stdin.buffer.read(length) for length in message.get("parts", [])]


def send(message, *parts):
    if parts:
        message["parts"] = [len(part) for part in parts]
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n" + b"".join(parts))
    sys.stdout.buffer.flush()


def answer(message, parts):
    text = message["input"]["text"]
    params = message["params"]
    speed = round(WORDS_A_MINUTE * params.get("speed", 1))
    voice = params.get("voice", "en-us")
    # A text is no argument of a command: it might begin with a dash.
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", file.name, "--stdin"]
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL)
        speech = file.read()
    # Some versions crash on a voice that they do not have.
    if "voice" in params and (done.returncode != 0 or not speech):
        raise ValueError("espeak-ng does not speak with the voice %r" % voice)
    if done.returncode != 0:
        raise RuntimeError("espeak-ng ended with code %d" % done.returncode)
    send({"type": "data", "id": message["id"], "mime": "audio/wav", "bytes": {"$part": 0}}, speech)
    send({"type": "done", "id": message["id"]})


send({"type": "hello", "protocol": 1, "tasks": [TASK]})
while True:
    message, parts = receive()
    if message["type"] == "load":
        send({"type": "loaded"})
    elif message["type"] == "infer":
        try:
            if message["task"] != TASK:
                raise ValueError("this program does " + TASK + " only")
            answer(message, parts)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            send({"type": "error", "id": message["id"], "code": "INVALID_INPUT", "message": str(error)})
        except Exception as error:
            send({"type": "error", "id": message["id"], "code": "ENGINE_FAILED", "message": str(error)})
