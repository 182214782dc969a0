#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A larger network on many small clients: resnet18 (small stem, 28 pixels), 200 clients of 50 images,
# batches of 10, LoRAE r = 8, two threads. Our simulator and the plain PyTorch loop in turn; prints client
# trainings per second, the ratio of their medians, and our simulator's largest resident memory.
# Usage: bench/many_clients.sh PYTHON [PAIRS]    a Python that can import torch (CPU); default: 3 pairs
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?usage: bench/many_clients.sh PYTHON [PAIRS]}
pairs=${2:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rounds=3 cohort=10

ours() {  # -> trainings per second, largest resident memory in MB
  rm -rf "$work/out"
  "$python" - build/release/bin/lorae-simulate configs/quickstart.toml --home "$work/home" --out "$work/out" \
    --method lorae --set simulation.baseline=lorae --set simulation.threads=2 \
    --set model.name=resnet18 --set model.stem=small --set model.pool=1 \
    --set data.partition=iid --set data.private_images=10000 --set data.public_images=200 \
    --set data.test_images=100 --set pretraining.epochs=1 \
    --set training.local_epochs=1 --set training.batch_size=10 --set federation.rounds=$rounds \
    --set federation.clients=200 --set federation.cohort=$cohort <<'PYTHON'
import re, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
if done.returncode:
    sys.exit(done.stderr)
speed = re.search(r"run\.speed.* per_second=([0-9.]+)", done.stderr).group(1)
print(speed, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PYTHON
}

theirs() {  # -> trainings per second
  "$python" bench/pytorch_loop.py --model resnet18 --pool 1 --workers 2 --rounds $rounds --dirichlet 1e6 \
    --clients 200 --clients-per-round $cohort --private-images 10000 --local-epochs 1 --batch-size 10 |
    sed -n 's/.*"trainings_per_second": \([0-9.]*\).*/\1/p'
}

ours >/dev/null  # makes the backbone
for ((i = 0; i < pairs; ++i)); do
  echo "$(ours) $(theirs)"
done | tee "$work/pairs" | sed 's/^\(.*\) \(.*\) \(.*\)$/ours \1 trainings\/s, \2 MB; PyTorch \3 trainings\/s/'
"$python" - "$work/pairs" <<'PYTHON'
import statistics, sys
rows = [[float(x) for x in line.split()] for line in open(sys.argv[1])]
ours, memory, peer = zip(*rows)
print(f"ratio of medians {statistics.median(ours) / statistics.median(peer):.2f}, "
      f"largest memory {max(memory):.0f} MB")
PYTHON
