#!/usr/bin/env python3
"""
TEMPLATE, not run by the tests of this project: pictures to vectors by a PyTorch model, as an engine of lumos-node.

    engines:
      external:
        pictures: { command: /opt/torch/bin/python3, args: [/opt/engines/torch_template.py], runtime: torch,
                    tasks: [image-feature-extraction], read: [/opt/torch], gpu: true }

A folder in models/ with model_info.json, `runtimes.torch.available: true` and one TorchScript file is then served.
"""

import io
import json
import struct
import sys

TASK = "image-feature-extraction"
model = None


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
    global model, torch, transforms, Image
    # After the hello: a node waits two minutes for `loaded`, and twenty seconds for the hello.
    import torch
    from PIL import Image
    from torchvision import transforms

    # TorchScript holds a graph. A pickled model (torch.load without weights_only) is a program of its maker: do not open it.
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = torch.jit.load(message["files"][0], map_location=device).eval()
    if device == "cuda":
        # Memory of a card is in no process: the node counts what it is told.
        send({"type": "memory", "bytes": torch.cuda.memory_allocated()})


def answer(message, parts):
    prepare = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor()])
    pictures = [Image.open(io.BytesIO(parts[image["$part"]])).convert("RGB") for image in message["input"]["images"]]
    with torch.inference_mode():
        device = next(model.parameters()).device
        vectors = model(torch.stack([prepare(picture) for picture in pictures]).to(device))
        vectors = torch.nn.functional.normalize(vectors, dim=-1).cpu().tolist()
    numbers = b"".join(struct.pack("<%df" % len(vector), *vector) for vector in vectors)
    output = {"dimensions": len(vectors[0]), "vectors": {"$part": 0}}
    send({"type": "output", "id": message["id"], "output": output}, numbers)
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
