#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does a detector end with the same bits, whatever kills it?

Trains YOLOv8n on composed scenes; adapts it in a simulated federation; adapts it in a deployed one. Each is
run once undisturbed and then with `kill -9` at five moments, spread over its time, and must end with the same
digest: the training and the simulation go on by --resume, the deployment by starting again what was killed,
three times the coordinator and twice a client. The deployment must end with the simulation's digest, too.

    python3 bench/kill_detector.py [--bin build/release/bin] [--out build/kill_detector]
"""

import argparse
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time

CLIENTS = 4
CONFIG = """
seed = 3
[model]
name = "yolov8n"
classes = 3
channels = 3
height = 96
width = 96
pool = 1
mean = 0.0
standard_deviation = 1.0
weights = "{weights}"
[data]
path = "{data}"
public_images = 0
private_images = 60
test_images = 20
partition = "iid"
[training]
local_epochs = 1
batch_size = 8
[federation]
rounds = 6
clients = {clients}
cohort = 3
min_clients = {clients}
heartbeat = 1
[simulation]
seeds = [3]
baseline = "lorae"
[[methods]]
name = "lorae"
kind = "lorae"
norm = "{norm}"
rank = 4
learning_rate = 0.005
"""


class Runner:
    def __init__(self, programs, out):
        self.programs, self.out = programs, out

    def start(self, program, *arguments):
        log = open(self.out / f"{program}.log", "a")
        return subprocess.Popen([self.programs / program, *map(str, arguments)], stdout=log, stderr=log)

    def run(self, program, *arguments):
        done = subprocess.run([self.programs / program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{program} {' '.join(map(str, arguments))}\n{done.stderr}")
        return done.stdout

    def timed(self, *command):
        start = time.monotonic()
        self.run(*command)
        return time.monotonic() - start

    def killed(self, seconds, moments, *command):
        """Runs a command that goes on by --resume, killed at so many moments of its time."""
        kills = 0
        for i in range(moments):
            process = self.start(*command, *(["--resume"] if kills else []))
            try:
                process.wait(seconds / (moments + 1) * (0.5 + 0.2 * i))
                break  # it was faster
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
        self.run(*command, "--resume")
        return kills


def digest_of_training(folder):
    return json.loads((folder / "train.json").read_text())["digest"]


def digest_of_simulation(folder):
    return json.loads((folder / "comparison.json").read_text())["runs"][0]["digest"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def deployed(runner, config, home, seconds, kills):
    """The digest of a deployed run; `kills`: of ("coordinator" | client's number), at even distances."""
    address = f"tcp://127.0.0.1:{free_port()}"
    result = runner.out / "deployment.json"

    def coordinator():
        log = open(result, "a")
        return subprocess.Popen([runner.programs / "lorae-coordinator", "--config", config, "--home", home, "--bind",
                                 address, "--json"], stdout=log, stderr=subprocess.DEVNULL)

    def client(i):
        return runner.start("lorae-client", "--home", home, "--name", f"client-{i + 1:02}", "--coordinator", address)

    result.unlink(missing_ok=True)
    head = coordinator()
    clients = [client(i) for i in range(CLIENTS)]
    for victim in kills:
        time.sleep(seconds / (len(kills) + 1))
        if head.poll() is not None:
            sys.exit("the deployment ended before its last kill")
        if victim == "coordinator":
            head.kill()
            head.wait()
            head = coordinator()
        else:
            clients[victim].kill()
            clients[victim].wait()
            clients[victim] = client(victim)
    status = head.wait(1200)
    for process in clients:
        process.wait(60)
    if status:
        sys.exit(f"the coordinator ended with {status}")
    return json.loads(result.read_text().splitlines()[-1])["digest"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, default="build/release/bin")
    parser.add_argument("--out", type=pathlib.Path, default="build/kill_detector")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    runner = Runner(arguments.bin.resolve(), out)
    data = out / "scenes"
    runner.run("lorae", "data", "scenes", data, "--images", 60, "--val", 20, "--image-size", 96, "--classes", 3)
    failed = 0

    def compare(what, wanted, got, kills):
        nonlocal failed
        failed += wanted != got
        print(f"{what}, {kills} kills: {'same digest' if wanted == got else 'ANOTHER digest'} {got[:16]}", flush=True)

    train = ["lorae", "train", data, "--model", "yolov8n", "--kind", "full", "--image-size", 96, "--epochs", 6,
             "--batch", 8, "--set", "threads=1", "--out"]
    seconds = runner.timed(*train, out / "whole")
    kills = runner.killed(seconds, 5, *train, out / "killed")
    compare("training", digest_of_training(out / "whole"), digest_of_training(out / "killed"), kills)

    for norm in ("frozen", "local"):
        config = out / f"{norm}.toml"
        config.write_text(CONFIG.format(weights=out / "whole/best.safetensors", data=data, clients=CLIENTS, norm=norm))
        simulate = ["lorae-simulate", config, "--home", out / "home", "--out"]
        seconds = runner.timed(*simulate, out / f"{norm}-whole")
        wanted = digest_of_simulation(out / f"{norm}-whole")
        kills = runner.killed(seconds, 5, *simulate, out / f"{norm}-killed")
        compare(f"simulation, norms {norm}", wanted, digest_of_simulation(out / f"{norm}-killed"), kills)
        victims = ["coordinator", 0, "coordinator", 2, "coordinator"]
        got = deployed(runner, config, out / f"{norm}-deployed", seconds, victims)
        compare(f"deployment, norms {norm}", wanted, got, len(victims))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
