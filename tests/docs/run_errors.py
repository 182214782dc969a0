#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples of docs/errors.md that are one command, and shows status and seconds of each.

Usage: run_errors.py ROOT FOLDER_OF_PROGRAMS [SECONDS]
Each has to end with the status that its row names, with a word of the row's message, within SECONDS (5).
Rows that need more than a command are named at the end; their tests stand in the page. Exit status 1 if an
example does something else, or is of no row. Needs no GPU, and Fashion-MNIST for a few (else they are left out).
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
SIM = "lorae-simulate run.toml --home home --out out"



def tensor(dtype, values):
    """The command that writes w.safetensors with one tensor, its bytes in hexadecimal."""
    return ("python3 -c 'import json, struct; d = bytes.fromhex(\"" + values + "\"); h = json.dumps({\"w\": {\"dtype\": \"" + dtype +
            "\", \"shape\": [1], \"data_offsets\": [0, len(d)]}}).encode(); open(\"w.safetensors\", \"wb\").write("
            "struct.pack(\"<Q\", len(h)) + h + d)'")


PICTURES = "for c in cats dogs; do mkdir -p p/$c; for i in $(seq 55); do printf no > p/$c/$i.png; done; done; touch run.toml"
OF_PICTURES = SIM + " --set data.path=$PWD/p --set data.public_images=50 --set data.private_images=20 --set federation.clients=2"
SCENES = "lorae data scenes s --images 4 --val 2 --image-size 64 --classes 2 >/dev/null; "
DETECTOR = "lorae train s --model yolov8n --out t --set train.epochs=1 --set model.height=64 --set model.width=64"
SWEEP = r"""printf '[[data]]\nname = "a"\npath = "set"\nclasses = 2\nmetrics = ["map50"]\nmodels = ["yolov8n"]\nranks = [2]\n' > a.toml"""
COORDINATOR = "lorae-coordinator --home home --bind tcp://127.0.0.1:47229 --set data.public_images=400"

# The beginning of the row, what makes the files, the command, a part of what it says.
EXAMPLES = [
    ("`rank = 0` without", r"printf '[[methods]]\nname = \"m\"\nrank = 0\n' > run.toml", SIM, "as many as max_uplink lets through"),
    ("`head_start = ", r"printf '[model]\nname = \"yolov8n\"\nheight = 32\nwidth = 32\n[[methods]]\nname = \"m\"\nhead_start = \"class_means\"\n' > run.toml", SIM,
     "start the head of a classifier"),
    ("a `residual_rank`", r"printf '[[methods]]\nname = \"m\"\nresidual_rank = 8\n' > run.toml", SIM, "nothing fills it"),
    ("`max_uplink` beside a chain", r"printf '[[methods]]\nname = \"m\"\nuplink = \"delta,int8:row,zstd\"\nmax_uplink = \"2 kB\"\n' > run.toml",
     SIM, "needs an uplink of changes in steps of any size"),
    ('`weighting = "fednova"` of', r"printf '[[methods]]\nname = \"m\"\nweighting = \"fednova\"\naggregation = \"factor_median\"\n' > run.toml",
     SIM, "is for plain means"),
    ("`rank_mean` or", r"printf '[[methods]]\nname = \"m\"\naggregation = \"rank_mean\"\nuplink = \"int8:row,zstd\"\n' > run.toml",
     SIM, "rounds what a client did not train, too"),
    ("a rule over products beside", r"printf '[[methods]]\nname = \"m\"\naggregation = \"lora_fair\"\ndownlink = \"int8:row,zstd\"\n' > run.toml",
     SIM, "lora_fair looks at the state"),
    ("sides that a YOLO detector", SCENES, "lorae train s --model yolov8n --image-size 100 --out t", "multiples of 32"),
    ("`--save` into the folder", SCENES, "lorae predict s/images/val --save s/images/val/", "a folder of the pictures themselves"),
    ("a picture's name that is not UTF-8", SCENES + "for f in s/images/val/*; do mv $f s/images/val/$(printf 'caf\\351')${f##*/}; done",
     "lorae data convert s c --format coco", "has to be UTF-8"),
    ("data file truncated or damaged", f"mkdir d; cp {FASHION}/*.gz d; truncate -s 100000 d/train-images-idx3-ubyte.gz; touch run.toml",
     SIM + " --set data.path=$PWD/d", "train-images-idx3-ubyte.gz"),
    ("image that cannot be decoded", PICTURES, OF_PICTURES, "cannot decode image"),
    ("all pictures damaged", PICTURES, OF_PICTURES + " --set data.damaged=skip", "can be decoded"),
    ("label of a set of objects that makes no sense", SCENES + "for f in s/labels/train/*.txt; do echo 7 0.5 0.5 0.1 0.1 >> $f; done",
     DETECTOR, "class 7"),
    ("a half that a set has not", SCENES + "sed -i '/^val/d' s/data.yaml", DETECTOR, "expected a key 'val'"),
    ("more clients than a Dirichlet partition", "touch run.toml", SIM + " --set federation.clients=900", "min_images"),
    ("weights of another model for `model.weights`", tensor("F32", "0000803f") + "; touch run.toml",
     SIM + " --set model.weights=$PWD/w.safetensors", "have a place in resnet8"),
    ("a folder for `--watch`", "", "lorae predict --watch nothing --adapter-from nothing", "is no folder"),
    ("a training's folder that is another's", "mkdir t", f"lorae train {FASHION} --out t --resume", "holds no training"),
    ("a table, model, kind or rank", SWEEP, "lorae sweep a.toml --dry-run --only 5", "no table '5'"),
    ("a damaged run", "mkdir -p home/runs/r; touch home/runs/r/config.toml; printf garbage > home/runs/r/journal.db",
     "lorae status --home home", "journal.db"),
    ("second coordinator on one home", COORDINATOR + " & sleep 0.5", COORDINATOR, "another coordinator runs on this home"),
    ("unknown configuration key", r"printf '[training]\nlocal_epoch = 2\n' > run.toml", SIM,
     "run.toml:2: training.local_epoch: unknown key"),
    ("value of another type or range", r"printf '\n[training]\nbatch_size = \"many\"\n' > run.toml", SIM,
     "run.toml:3: training.batch_size: expected a whole number"),
    ("a flag's value that its key refuses", "", "lorae-coordinator --home home --rounds 0", "--rounds: federation.rounds"),
    ("unknown codec stage", r"printf '[[methods]]\nname = \"m\"\nuplink = \"delta,int7\"\n' > run.toml", SIM,
     "stage 'int7' is unknown"),
    ("TOML syntax", r"printf 'seed = 1\n[data\n' > run.toml", SIM, "run.toml:2: "),
    ("configuration file missing", "", SIM, "[file] cannot read 'run.toml'"),
    ("data set missing", "touch run.toml", SIM + " --set data.path=/nothing", "/nothing"),
    ("class folder without images", "mkdir -p p/train/cats p/train/dogs; touch run.toml p/train/cats/readme.txt",
     SIM + " --set data.path=$PWD/p", "p/train/"),
    ("device that is not there", "", "lorae profile resnet8 --device cuda:99", "cuda:99"),
    ("no device at all", "", "lorae profile resnet8 --device gpu", 'expected "auto", "cpu" or "cuda:N"'),
    ("folder of images without permission", "mkdir -p p/train/cats p/train/dogs; chmod 000 p/train/cats; touch run.toml",
     SIM + " --set data.path=$PWD/p", "Permission denied"),
    ("mean or deviation of another number", r"printf '[model]\nmean = [0.1, 0.2]\nchannels = 3\n' > run.toml", SIM,
     "expected one number, or one for each of 3 channels"),
    ("no public images and no backbone", "touch run.toml", SIM + " --set data.public_images=0",
     "leaves no images to pre-train a backbone on"),
    ("baseline that is no method", r"printf '[simulation]\nbaseline = \"fool\"\n[[methods]]\nname = \"a\"\n[[methods]]\nname = \"b\"\n' > run.toml", SIM,
     "no method 'fool'"),
    ("folder without a model for `--run`", "mkdir d; touch x.png", "lorae predict x.png --run d", "holds no model"),
    ("port in use", "python3 -c 'import socket,time; s=socket.socket(); s.bind((\"127.0.0.1\",47227)); s.listen(); time.sleep(20)' & sleep 0.5",
     "lorae-coordinator --home home --bind tcp://127.0.0.1:47227", "--bind"),
    ("malformed endpoint", "", "lorae-coordinator --home home --bind 127.0.0.1:7000", "127.0.0.1:7000"),
    ("secret key readable by others", "lorae keygen coordinator --out home >/dev/null; chmod 644 home/coordinator.key",
     "lorae-coordinator --home home --bind tcp://127.0.0.1:47228", "chmod 600"),
    ("home that cannot be written", "touch file", "lorae-coordinator --home file/home", "choose another with --home"),
    ("client without a name", "", "lorae-client --home home", "give --name NAME"),
    ("home without a coordinator", "mkdir home; lorae keygen b >/dev/null", "lorae enrol a b.pub --home home", "no coordinator has its home"),
    ("secret key, the coordinator's key, or none", "lorae keygen coordinator --out home >/dev/null; lorae keygen a >/dev/null",
     "lorae enrol a a.key --home home", "holds a secret key"),
    ("device that a kit has, or a folder that is no kit", "mkdir kit", "lorae provision --out kit --add cam-1",
     "is no kit of lorae provision"),
    ("results would be overwritten", "mkdir out; touch out/config.toml run.toml", SIM, "or another --out"),
    ("damaged safetensors file", "printf short > a.safetensors", "lorae digest a.safetensors", "[safetensors] too short"),
    ("no run in a home", "mkdir home", "lorae status --home home", "there is no run in"),
    ("another `--log-format`", "", "lorae runs --log-format xml", "xml"),
    ("folder that holds no simulation, run or training", "mkdir d", "lorae report d", "holds nothing to report"),
    ("a Git LFS pointer", r"printf 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n' > w.safetensors",
     "lorae weights inspect w.safetensors", "Git LFS pointer"),
    ("a safetensors header that is no JSON", r"printf '\010\0\0\0\0\0\0\0{{{{{{{{' > w.safetensors", "lorae digest w.safetensors",
     "the header is no JSON"),
    ("standard output on a full disk", "", "lorae models > /dev/full", "standard output did not take all"),
    ("weights or an adapter with NaN", tensor("F32", "0000c07f"), "lorae weights convert w.safetensors --output o", "'w' holds nan at [0]"),
    ("a number beyond the type", tensor("F32", "00247449"), "lorae weights convert w.safetensors --output o --dtype float16",
     "expected at most 65504"),
    ("weights with a dtype that this build does not know", tensor("F8_E4M3", "00"),
     "lorae weights convert w.safetensors --output o", 'unknown dtype "F8_E4M3"'),
    ("`--output` onto a device that is full", tensor("F32", "0000803f"),
     "lorae weights convert w.safetensors --output /dev/full", "cannot write '/dev/full'"),
    ("links that go round in circles", tensor("F32", "0000803f") + "; ln -s b a; ln -s a b",
     "lorae weights convert w.safetensors --output a", "too many links"),
    ("no HOME, LORAE_HOME and XDG_STATE_HOME", "", "env -u HOME -u LORAE_HOME -u XDG_STATE_HOME lorae runs",
     "no HOME in the environment"),
    ('`--home ""`', "", 'lorae runs --home ""', "--home: expected a folder, got nothing"),
    ("fewer than 64 descriptors", "", "ulimit -n 20; lorae models", "only 20 files may be open"),
    ("a path that is not UTF-8", "", "lorae-coordinator --home home --data $'/data/caf\\xe9'", "expected UTF-8"),
    ("a device without an end", "", "lorae digest /dev/zero", "a device that does not end"),
    ("`--out` with files of others", "mkdir out; touch out/mine run.toml", SIM, "holds files, but not those of a simulation"),
]


def rows(page):
    """What is wrong -> status, of the table of what ends a program."""
    found = {}
    for line in page.read_text().split("These do not end a program")[0].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and not set(cells[0]) <= set("-") and cells[0] != "what is wrong":
            found[cells[0]] = cells[2]
    return found


def ends_as(status, wanted):
    return status > 100 if wanted == "above 100" else str(status) == wanted


def main():
    root, programs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    limit = float(sys.argv[3]) if len(sys.argv) > 3 else 5.0
    wanted, shown, wrong = rows(root / "docs/errors.md"), set(), 0
    print(f"{'status':>6} {'s':>6}  command")
    for begin, setup, command, part in EXAMPLES:
        row = [name for name in wanted if name.startswith(begin)]
        if len(row) != 1:
            print(f"no row begins with '{begin}'")
            wrong += 1
            continue
        shown.add(row[0])
        if (begin.startswith("folder of images without permission") and os.geteuid() == 0) or (
                "run.toml" in command and not FASHION.exists()):
            print(f"{'-':>6} {'-':>6}  {command}  (left out here)")
            continue
        with tempfile.TemporaryDirectory() as folder:
            env = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": folder, "LC_ALL": "C.UTF-8"}
            shell = lambda text: subprocess.run(["timeout", "60", "bash", "-c", text], cwd=folder, env=env,
                                                capture_output=True)
            holder = None
            if " & " in setup:  # something stays in the background
                holder = subprocess.Popen(["bash", "-c", setup.replace(" & sleep 0.5", "")], cwd=folder, env=env)
                time.sleep(0.5)
            else:
                shell(setup)
            start = time.monotonic()
            done = shell(command)
            seconds = time.monotonic() - start
            if holder:
                holder.kill()
                holder.wait()
            subprocess.run(["chmod", "-R", "u+rwx", folder], check=True)
        text = (done.stdout + done.stderr).decode(errors="replace")
        good = ends_as(done.returncode, wanted[row[0]]) and part in text and seconds < limit
        print(f"{done.returncode:>6} {seconds:>6.2f}  {command}{'' if good else '   <-- expected ' + wanted[row[0]]}")
        if not good:
            print("       " + text.strip()[:500])
            wrong += 1
    others = [name for name in wanted if name not in shown]
    print(f"\n{len(shown)} of {len(wanted)} rows; the others need more than a command: " + "; ".join(others))
    sys.exit(1 if wrong else 0)


main()
