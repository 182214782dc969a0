#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The peer of our speed comparison: federated LoRAE as a plain PyTorch loop.

What it is: the client trainings of the quickstart (Fashion-MNIST turned by 90 degrees and inverted,
label-Dirichlet shares, ResNet-8 or -18) written the way a practitioner would: nn.Modules, autograd, the
adapter as a branch beside its frozen convolution, torch.optim.SGD, and a pool of worker processes
with one thread each. `--method full` trains every convolution instead of the adapters.

What it is not: an accuracy reference. The backbone is random, nothing is pre-trained or evaluated,
no update is compressed. Only the rounds are timed: clients, aggregation and the traffic between the
processes. Start-up, data loading and one warm-up step per worker stay outside.

    python3 bench/pytorch_loop.py --method lorae --workers 2
    {"trainings": 40, "seconds": ..., "trainings_per_second": ..., "torch": "2.15.0+cu132", ...}
"""

import argparse
import gzip
import json
import math
import pathlib
import time

import torch
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import clip_grad_norm_, parameters_to_vector, vector_to_parameters

MEAN, STDDEV = 0.2860, 0.3530
CLASSES = 10
SCALING = 2.0  # alpha / rank
MOMENTUM = 0.9
SERVER_LEARNING_RATE, SERVER_MOMENTUM = 0.5, 0.7


class LoraeConv(nn.Module):
    """A frozen convolution and its LoRAE branch: host(x) + scaling * mapper(extractor(x))."""

    def __init__(self, host, rank):
        super().__init__()
        self.host = host
        self.extractor = nn.Conv2d(host.in_channels, rank, host.kernel_size, host.stride,
                                   host.padding, bias=False)
        self.mapper = nn.Conv2d(rank, host.out_channels, 1, bias=False)
        nn.init.zeros_(self.mapper.weight)

    def forward(self, x):
        return self.host(x) + SCALING * self.mapper(self.extractor(x))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions; a 1x1 shortcut where the shape changes; ReLU after the sum."""

    def __init__(self, conv, in_channels, out_channels, stride):
        super().__init__()
        self.conv1 = conv(in_channels, out_channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv(out_channels, out_channels, 3, 1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(conv(in_channels, out_channels, 1, stride),
                                          nn.BatchNorm2d(out_channels))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


# Stem's channels, and of each block channels and stride; a 3x3 stem.
NETWORKS = {
    "resnet8": (32, ((32, 1), (64, 2), (128, 2))),
    "resnet18": (64, ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1))),
}


class ResNet(nn.Module):
    """A network of grey images, every convolution trainable or with a branch."""

    def __init__(self, name, method, rank):
        super().__init__()

        def conv(in_channels, out_channels, kernel, stride):
            host = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
            if method == "full":
                return host
            host.requires_grad_(False)
            return LoraeConv(host, rank)

        width, rows = NETWORKS[name]
        self.stem = nn.Sequential(conv(1, width, 3, 1), nn.BatchNorm2d(width), nn.ReLU())
        blocks = []
        for channels, stride in rows:
            blocks.append(ResidualBlock(conv, width, channels, stride))
            width = channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)
        self.eval()  # BatchNorm keeps the backbone's statistics

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def read_idx(path):
    """Reads one gzip-compressed IDX file of bytes."""
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(rank)]
    return torch.frombuffer(bytearray(raw[4 + 4 * rank:]), dtype=torch.uint8).reshape(shape)


def private_domain(folder, count, pool, seed):
    """`count` training images of the private domain as (count, 1, 28 / pool, 28 / pool), and their labels."""
    images = read_idx(folder / "train-images-idx3-ubyte.gz")
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz").long()
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count]
    turned = 255 - torch.rot90(images[chosen], 1, (1, 2))
    pixels = (turned.float() / 255 - MEAN) / STDDEV
    return F.avg_pool2d(pixels[:, None], pool), labels[chosen]


def dirichlet_shares(labels, clients, concentration, smallest, seed):
    """Splits every class over the clients by Dirichlet proportions; draws again if one is poor."""
    torch.manual_seed(seed)
    dirichlet = torch.distributions.Dirichlet(torch.full((clients,), concentration))
    for _ in range(10000):
        shares = [[] for _ in range(clients)]
        for label in range(CLASSES):
            members = torch.nonzero(labels == label).flatten()
            members = members[torch.randperm(len(members))]
            cuts = (dirichlet.sample().cumsum(0)[:-1] * len(members)).long()
            for share, part in zip(shares, members.tensor_split(cuts)):
                share.append(part)
        shares = [torch.cat(share) for share in shares]
        if min(map(len, shares)) >= smallest:
            return shares
    raise SystemExit("[pytorch_loop] no draw gave every client an image share of that size")


def trainable(model):
    return [p for p in model.parameters() if p.requires_grad]


def parameter_groups(model, learning_rate, mapper_ratio):
    mappers = [p for name, p in model.named_parameters() if name.endswith("mapper.weight")]
    others = [p for name, p in model.named_parameters()
              if p.requires_grad and not name.endswith("mapper.weight")]
    groups = [{"params": others, "lr": learning_rate}]
    if mappers:
        groups.append({"params": mappers, "lr": learning_rate * mapper_ratio})
    return groups


class Worker:
    """What one process keeps between clients: the model, the images and the shares."""

    def __init__(self, args, images, labels, shares):
        torch.set_num_threads(1)
        torch.manual_seed(args.seed)
        self.args, self.images, self.labels, self.shares = args, images, labels, shares
        self.model = ResNet(args.model, args.method, args.rank)

    def step(self, optimizer, rows):
        optimizer.zero_grad()
        F.cross_entropy(self.model(self.images[rows]), self.labels[rows]).backward()
        clip_grad_norm_(trainable(self.model), self.args.clip_norm)
        optimizer.step()

    def train(self, client, vector, learning_rate, seed):
        """One local fit from the global `vector`; returns local - global."""
        vector_to_parameters(vector.clone(), trainable(self.model))
        optimizer = torch.optim.SGD(
            parameter_groups(self.model, learning_rate, self.args.mapper_ratio), momentum=MOMENTUM)
        generator = torch.Generator().manual_seed(seed)
        share = self.shares[client]
        for _ in range(self.args.local_epochs):
            for rows in share[torch.randperm(len(share), generator=generator)].split(
                    self.args.batch_size):
                self.step(optimizer, rows)
        return client, parameters_to_vector(trainable(self.model)).detach() - vector


def start_worker(args, images, labels, shares, ready):
    """Pool initializer; the barrier keeps the clock from starting before every worker is warm."""
    global worker
    worker = Worker(args, images, labels, shares)
    optimizer = torch.optim.SGD(trainable(worker.model), lr=0.0)
    worker.step(optimizer, torch.arange(args.batch_size))
    ready.wait()


def train_client(job):
    return worker.train(*job)


def run_rounds(args, pool, shares):
    """The federation: a cohort a round, weighted mean of its deltas, server SGD."""
    torch.manual_seed(args.seed)
    vector = parameters_to_vector(trainable(ResNet(args.model, args.method, args.rank))).detach()
    velocity = torch.zeros_like(vector)
    generator = torch.Generator().manual_seed(args.seed)
    examples = 0
    started = time.perf_counter()
    for round_ in range(args.rounds):
        cohort = torch.randperm(args.clients, generator=generator)[:args.clients_per_round].tolist()
        cohort.sort(key=lambda client: -len(shares[client]))  # largest first: no long tail
        learning_rate = args.learning_rate * 0.5 * (1 + math.cos(math.pi * round_ / args.rounds))
        jobs = [(client, vector, learning_rate, (args.seed * 1000 + round_) * 1000 + client)
                for client in cohort]
        total = sum(len(shares[client]) for client in cohort)
        mean = torch.zeros_like(vector)
        for client, delta in pool.imap(train_client, jobs, chunksize=1):
            mean.add_(delta, alpha=len(shares[client]) / total)
        velocity.mul_(SERVER_MOMENTUM).add_(mean)
        vector = vector + SERVER_LEARNING_RATE * velocity
        examples += total * args.local_epochs
    seconds = time.perf_counter() - started
    if not bool(vector.isfinite().all()):
        raise SystemExit("[pytorch_loop] the training diverged; lower --learning-rate")
    return examples, seconds


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--method", choices=["lorae", "full"], default="lorae")
    parser.add_argument("--model", choices=sorted(NETWORKS), default="resnet8")
    parser.add_argument("--pool", type=int, default=2, help="pixels of a side that are averaged to one")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=pathlib.Path, default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--clients-per-round", type=int, default=8)
    parser.add_argument("--private-images", type=int, default=4000)
    parser.add_argument("--dirichlet", type=float, default=0.3)
    parser.add_argument("--local-epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--mapper-ratio", type=float, default=4.0)
    parser.add_argument("--clip-norm", type=float, default=2.0)
    return parser.parse_args()


def main():
    args = parse_arguments()
    torch.set_num_threads(1)
    images, labels = private_domain(args.data, args.private_images, args.pool, args.seed)
    shares = dirichlet_shares(labels, args.clients, args.dirichlet, smallest=10, seed=args.seed)
    context = mp.get_context("spawn")
    ready = context.Barrier(args.workers + 1)
    with context.Pool(args.workers, start_worker, (args, images, labels, shares, ready)) as pool:
        ready.wait()
        examples, seconds = run_rounds(args, pool, shares)
    trainings = args.rounds * args.clients_per_round
    print(json.dumps({
        "trainings": trainings,
        "seconds": round(seconds, 3),
        "trainings_per_second": round(trainings / seconds, 3),
        "torch": torch.__version__,
        "method": args.method,
        "workers": args.workers,
        "examples": examples,
        "examples_per_second": round(examples / seconds, 1),
    }))


if __name__ == "__main__":
    main()
