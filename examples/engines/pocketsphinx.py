#!/usr/bin/env python3
"""
Recognition of English by pocketsphinx, as an engine of lumos-node: see docs/external-engines.md.

It takes WAV files of 16 bits. It understands clear words, and far fewer than a neural model. Its argument, if there is one, is
a grammar (JSGF) of what can be said: with it, commands are understood well.
"""

import array
import io
import json
import subprocess
import sys
import tempfile
import threading
import wave

TASK = "automatic-speech-recognition"
RATE = 16000
running = {}


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


def samples(recording):
    """One channel of 16,000 samples a second, which is all that pocketsphinx knows."""
    with wave.open(io.BytesIO(recording)) as file:
        if file.getsampwidth() != 2:
            raise ValueError("a recording must have 16 bits")
        rate, channels = file.getframerate(), file.getnchannels()
        frames = array.array("h", file.readframes(file.getnframes()))[::channels]
    count = int(len(frames) * RATE / rate)
    resampled = array.array("h", bytes(2 * count))
    for i in range(count):
        at, part = divmod(i * rate, RATE)
        after = frames[min(at + 1, len(frames) - 1)]
        resampled[i] = (frames[at] * (RATE - part) + after * part) // RATE
    return resampled.tobytes(), len(frames) / rate


def answer(message, parts):
    id = message["id"]
    recording = parts[message["input"]["audio"]["$part"]]
    raw, seconds = samples(recording)
    with tempfile.NamedTemporaryFile(suffix=".raw") as file:
        file.write(raw)
        file.flush()
        command = ["pocketsphinx_continuous", "-infile", file.name, "-logfn", "/dev/null"]
        if len(sys.argv) > 1:
            command += ["-jsgf", sys.argv[1]]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            running[id] = process
            if id not in under_way:
                process.kill()
            text = process.stdout.read().decode()
        del running[id]
    if process.returncode != 0:
        raise RuntimeError("pocketsphinx ended with code %d" % process.returncode)
    output = {"text": " ".join(text.split()), "language": "en", "duration_ms": round(seconds * 1000)}
    send({"type": "output", "id": id, "output": output})
    send({"type": "done", "id": id})


def work(message, parts):
    try:
        if message["task"] != TASK:
            raise ValueError("this program does " + TASK + " only")
        answer(message, parts)
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, IndexError, wave.Error) as error:
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
        if message["id"] in running:
            running[message["id"]].kill()
