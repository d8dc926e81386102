#!/usr/bin/env python3
"""
TEMPLATE, not run by the tests of this project: pictures to vectors on the NPU of an RK3566, RK3576 or RK3588.

    engines:
      external:
        npu: { command: /usr/bin/python3, args: [/opt/engines/rknn_template.py], runtime: rknn, device: rk3588,
               tasks: [image-feature-extraction], read: [/usr/local/lib], gpu: true }

It needs rknn-toolkit-lite2 and librknnrt.so. A folder in models/ whose model_info.json has
`runtimes.rknn: { available: true, devices: [rk3588], files: { rk3588: [rknn/rk3588/vision.rknn] } }` is then served.
"""

import io
import json
import sys

TASK = "image-feature-extraction"
SIDE = 224
rknn = None


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


def load(message):
    global rknn, numpy, Image
    import numpy
    from PIL import Image
    from rknnlite.api import RKNNLite

    rknn = RKNNLite()
    if rknn.load_rknn(message["files"][0]) != 0:
        raise RuntimeError("the file is no model for " + message["device"])
    if rknn.init_runtime() != 0:
        raise RuntimeError("the NPU cannot be used: is librknnrt.so of the version that made the file?")


def answer(message, parts):
    vectors = []
    for image in message["input"]["images"]:
        picture = Image.open(io.BytesIO(parts[image["$part"]])).convert("RGB").resize((SIDE, SIDE))
        vector = rknn.inference(inputs=[numpy.asarray(picture)[None]])[0].reshape(-1).astype("<f4")
        vectors.append(vector / numpy.linalg.norm(vector))
        send({"type": "progress", "id": message["id"], "stage": "pictures", "done": len(vectors)})
    output = {"dimensions": len(vectors[0]), "vectors": {"$part": 0}}
    send({"type": "output", "id": message["id"], "output": output}, b"".join(vector.tobytes() for vector in vectors))
    send({"type": "done", "id": message["id"]})


send({"type": "hello", "protocol": 1, "tasks": [TASK]})
while True:
    message, parts = receive()
    if message["type"] == "load":
        try:
            load(message)
            send({"type": "loaded"})
        except Exception as error:
            send({"type": "failed", "message": str(error)})
    elif message["type"] == "infer":
        try:
            if message["task"] != TASK:
                raise ValueError("this program does " + TASK + " only")
            answer(message, parts)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            send({"type": "error", "id": message["id"], "code": "INVALID_INPUT", "message": str(error)})
        except Exception as error:
            send({"type": "error", "id": message["id"], "code": "ENGINE_FAILED", "message": str(error)})
