#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs of life while a coordinator evaluates and while a client verifies its backbone.

A deployment of two clients on loopback, each behind a relay that notes when packets pass:

- answers: from a client's packet to the coordinator's next one, from the first round on, while the
  coordinator measures every round for minutes;
- lateness: by how much a client's packets are further apart than its heartbeat of 0.1 s while it
  verifies 240 MB of weights (resnet152), trains and encodes; it is started again for each sample.

Usage: bench/long_work.py [PROGRAMS' FOLDER] [--test-images N] [--rounds N] [--starts N]
"""
import argparse
import asyncio
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

HEARTBEAT = 0.1
HANDSHAKE = 12  # packets of CURVE, Hello, Welcome
QUIET = 20_000  # bytes: heartbeats and what goes with a round, but no piece of a model


class Relay:
    """Forwards one port to another; `connections` holds for each (time, from_client, bytes)."""

    def __init__(self, target):
        self.target, self.connections, self.port = target, [], None

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        events = []
        self.connections.append(events)
        await asyncio.gather(self.pump(reader, far_writer, events, True),
                             self.pump(far_reader, writer, events, False), return_exceptions=True)

    async def pump(self, reader, writer, events, from_client):
        try:
            while data := await reader.read(1 << 18):
                events.append((time.monotonic(), from_client, len(data)))
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


def answers(events, since):
    """Seconds from a client's packet to the next one of the coordinator; before the first round the
    coordinator pre-trains and answers nobody."""
    waits, asked = [], None
    for when, from_client, _ in events:
        if when < since:
            continue
        if from_client and asked is None:
            asked = when
        elif not from_client and asked is not None:
            waits.append(when - asked)
            asked = None
    return sorted(waits)


def lateness(events):
    """Beyond the heartbeat, between packets of a client that is known, while no model passes."""
    late, last, moved = [], None, 0
    for when, from_client, size in events[HANDSHAKE:]:
        moved += size
        if from_client:
            if last is not None and moved <= QUIET:
                late.append(max(0.0, when - last - HEARTBEAT))
            last, moved = when, 0
    return sorted(late)


def quantile(values, q):
    return values[min(len(values) - 1, int(q * len(values)))]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Deployment:
    def __init__(self, programs, home, settings, rounds):
        self.programs, self.rounds = pathlib.Path(programs), rounds
        self.env = dict(os.environ, LORAE_HOME=str(home))
        self.port, self.settings = free_port(), settings
        self.relays = {name: Relay(self.port) for name in ("ada", "bob")}

    async def run(self, on_line=None):
        for relay in self.relays.values():
            await relay.start()
        flags = [f"--set={s}" for s in self.settings]
        coordinator = await asyncio.create_subprocess_exec(
            self.programs / "lorae-coordinator", "--rounds", str(self.rounds), "--min-clients", "2", "--json",
            "--bind", f"tcp://127.0.0.1:{self.port}", *flags, env=self.env, limit=1 << 24,
            stdout=subprocess.PIPE, stderr=open(pathlib.Path(self.env["LORAE_HOME"]) / "coordinator.log", "w"))
        clients = {name: await self.client(name) for name in self.relays}
        lines = []
        while raw := await coordinator.stdout.readline():
            line = json.loads(raw)
            lines.append((time.monotonic(), line))
            if on_line:
                await on_line(self, clients, line)
        status = await coordinator.wait()
        for client in clients.values():
            await asyncio.wait_for(client.wait(), 60)
        return status, lines

    async def client(self, name):
        log = open(pathlib.Path(self.env["LORAE_HOME"]) / f"{name}.log", "a")
        return await asyncio.create_subprocess_exec(
            self.programs / "lorae-client", "--name", name, "--coordinator",
            f"tcp://127.0.0.1:{self.relays[name].port}", env=self.env, stdout=log, stderr=log)


def settings_of(model, test_images, deadline=600):
    return ["federation.clients=2", f"model.name={model}", "data.private_images=40", "data.public_images=100",
            f"data.test_images={test_images}", "pretraining.epochs=1", f"federation.heartbeat={HEARTBEAT}",
            f"federation.report_deadline={deadline}"]


async def slow_evaluation(programs, test_images, rounds):
    digests = []
    for images in (10, test_images):
        with tempfile.TemporaryDirectory() as home:
            deployment = Deployment(programs, home, settings_of("resnet152", images), rounds)
            status, lines = await deployment.run()
            log = (pathlib.Path(home) / "coordinator.log").read_text()
            assert status == 0, log
            digests.append(re.findall(r'"digest": ?"([0-9a-f]+)"', json.dumps(lines))[-1])
            if images == test_images:
                waits = sorted(wait for relay in deployment.relays.values()
                               for events in relay.connections for wait in answers(events, lines[0][0]))
                span = lines[-1][0] - lines[0][0]
                print(f"evaluation of {images} images: run of {span:.0f} s, {len(waits)} answers, "
                      f"p50 {1e3 * quantile(waits, .5):.1f} ms, p99 {1e3 * quantile(waits, .99):.1f} ms, "
                      f"longest {1e3 * waits[-1]:.0f} ms")
                dropped = re.findall(r".*(?:gone|dropped|silent|extended).*", log)
                print("dropped or extended:", dropped or "none")
                for when, line in (entry for entry in lines if entry[1]["event"] == "metrics"):
                    print(f"  {when - lines[0][0]:7.1f} s  {json.dumps(line)[:150]}")
    print("same digest" if digests[0] == digests[1] else f"ANOTHER DIGEST: {digests}")
    assert digests[0] == digests[1]


async def verification(programs, starts):
    with tempfile.TemporaryDirectory() as home:
        rounds = starts

        async def restart(deployment, clients, line):
            if line.get("event") == "round" and line["round"] < rounds:
                clients["ada"].terminate()
                await clients["ada"].wait()
                clients["ada"] = await deployment.client("ada")

        deployment = Deployment(programs, home, settings_of("resnet152", 10), rounds)
        status, lines = await deployment.run(restart)
        assert status == 0, (pathlib.Path(home) / "coordinator.log").read_text()
        late = sorted(seconds for events in deployment.relays["ada"].connections
                      for seconds in lateness(events))
        print(f"a client that verifies 240 MB, trains and encodes, {starts} starts: {len(late)} heartbeats, late by "
              f"p50 {1e3 * quantile(late, .5):.1f} ms, p99 {1e3 * quantile(late, .99):.1f} ms, "
              f"longest {1e3 * late[-1]:.1f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", nargs="?", default="build/ci/bin")
    parser.add_argument("--test-images", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=28)
    parser.add_argument("--starts", type=int, default=8)
    options = parser.parse_args()
    asyncio.run(verification(options.programs, options.starts))
    asyncio.run(slow_evaluation(options.programs, options.test_images, options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
