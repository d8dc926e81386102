"""Trains digits-cnn and writes onnx/model.onnx beside this file.

Data: scikit-learn's copy of the UCI handwritten digits (Alpaydin and Kaynak,
CC BY 4.0), 1,797 pictures, of which 360 are held out. Needs torch, onnx and
scikit-learn, and a few seconds on one core. The file that ships reads 357 of
the 360; another machine's rounding moves that by a digit or two.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

EPOCHS = 60
BATCH = 64
HERE = Path(__file__).parent


class DigitsCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.hidden = nn.Linear(32 * 4, 32)
        self.dropout = nn.Dropout(0.2)
        self.logits = nn.Linear(32, 10)

    def forward(self, image):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(image))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.logits(self.dropout(F.relu(self.hidden(x.flatten(1)))))


def shifted(batch):
    """The batch moved by up to one pixel: handwriting is never centred."""
    dx, dy = np.random.randint(-1, 2, 2)
    return F.pad(batch, (1, 1, 1, 1))[:, :, 1 + dy : 9 + dy, 1 + dx : 9 + dx]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images.astype(np.float32) / 16.0)[:, None]
    train, test = train_test_split(
        np.arange(len(images)), test_size=360, stratify=digits.target, random_state=42
    )
    labels = torch.tensor(digits.target)

    net = DigitsCnn()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = EPOCHS * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=steps)

    for _ in range(EPOCHS):
        net.train()
        order = train[torch.randperm(len(train))]
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            moved = shifted(images[part])
            batch = moved if np.random.rand() < 0.5 else images[part]
            batch = (batch + 0.05 * torch.randn_like(batch)).clamp(0, 1)
            loss = F.cross_entropy(net(batch), labels[part], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    net.eval()
    with torch.no_grad():
        right = (net(images[test]).argmax(1) == labels[test]).sum().item()
    print(f"{right} of {len(test)} held-out digits right")

    torch.onnx.export(
        net,
        torch.zeros(1, 1, 8, 8),
        HERE / "onnx" / "model.onnx",
        opset_version=17,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch_size"}, "logits": {0: "batch_size"}},
    )


if __name__ == "__main__":
    main()
