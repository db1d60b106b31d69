"""Builds images with buildah, step by step with times, and runs them."""

import dataclasses
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

STEP = re.compile(r"(?:\[(\d+)/\d+\] )?STEP \d+/\d+: (.*)")
INSTALLING = "Installing collected packages"


class Failed(Exception):
    """A command that did not do its work; the text says which, and its last lines."""


@dataclasses.dataclass
class Step:
    """An instruction of a Dockerfile. Seconds last until the next one begins, the
    layer written; resolved is when pip began to install, of a step where it did."""

    stage: int
    text: str
    seconds: float = 0.0
    cached: bool = False
    resolved: float = 0.0

    @property
    def layer(self):
        return self.text.startswith(("RUN ", "COPY ", "ADD "))


@dataclasses.dataclass
class Build:
    """A build of an image: seconds of the whole, those of processors in it, and bytes
    of its layers, uncompressed."""

    seconds: float
    processor: float
    size: int
    steps: list

    @property
    def layers(self):
        return sum(s.layer for s in self.steps)

    @property
    def reused(self):
        return sum(s.layer and s.cached for s in self.steps)


def parse_steps(lines):
    """Steps of the output of a build, given as (seconds since its start, line) in order."""
    steps, begun, now = [], 0.0, 0.0
    for now, line in lines:
        started = STEP.match(line)
        if started:
            if steps:
                steps[-1].seconds = now - begun
            begun = now
            steps.append(Step(int(started[1] or 1), started[2]))
        elif steps and line.startswith("--> Using cache"):
            steps[-1].cached = True
        elif steps and line.startswith(INSTALLING):
            steps[-1].resolved = now - begun
    if steps:
        steps[-1].seconds = now - begun
    return steps


def processor_time():
    """Seconds of processors in all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def remove_tree(folder):
    """Removes a folder with the layers in it that a build which was interrupted left mounted."""
    if not os.path.exists(folder):
        return
    with open("/proc/self/mounts", encoding="utf-8") as f:
        mounted = [line.split()[1] for line in f]
    for place in sorted((m for m in mounted if m.startswith(folder + "/")), key=len, reverse=True):
        subprocess.run(["umount", place], check=True)
    shutil.rmtree(folder)


class Store:
    """Images in a folder of their own, with the cache mounts that their builds share.

    mounts are (file, place in the image) that every RUN sees and no layer has."""

    def __init__(self, folder, driver, mounts=()):
        self.folder, self.driver, self.mounts = folder, driver, mounts
        os.makedirs(self.caches, exist_ok=True)

    @property
    def caches(self):
        return os.path.join(self.folder, "caches")

    def empty_caches(self):
        """Forgets what the cache mounts hold; layers stay."""
        shutil.rmtree(self.caches)
        os.makedirs(self.caches)

    def remove(self):
        remove_tree(self.folder)

    def command(self, *arguments):
        place = ["--root", os.path.join(self.folder, "root"), "--runroot", os.path.join(self.folder, "run")]
        return ["buildah", *place, "--storage-driver", self.driver, *arguments]

    def run(self, *arguments, folder=None):
        """The output of a command of buildah, run in a folder; Failed when it fails."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, env=self.environment(), cwd=folder
        )
        if done.returncode:
            raise Failed(f"buildah {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def environment(self):
        # Cache mounts are kept below TMPDIR.
        return os.environ | {"TMPDIR": self.caches}

    def build(self, tag, dockerfile, context, *options):
        """Builds an image from what is here, never from a registry."""
        command = self.command("build", "--isolation", "chroot", "--network", "host", "--layers", "--pull-never")
        for source, target in self.mounts:
            command += ["--volume", f"{source}:{target}:ro"]
        command += [*options, "--tag", tag, "--file", dockerfile, context]
        start, used, lines = time.monotonic(), processor_time(), []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env=self.environment(), start_new_session=True,
        ) as process:
            try:
                for line in process.stdout:
                    lines.append((time.monotonic() - start, line.rstrip("\n")))
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)  # what runs in the image, too
                raise
        if process.returncode:
            raise Failed(f"{tag} does not build:\n" + "\n".join(line for _, line in lines[-25:]))
        seconds, used = time.monotonic() - start, processor_time() - used
        return Build(seconds, used, self.size(tag), parse_steps(lines))

    def inspect(self, image):
        return json.loads(self.run("inspect", "--type", "image", image))

    def size(self, image):
        """Bytes of the layers of an image that was built here, which are not compressed."""
        return sum(layer["size"] for layer in json.loads(self.inspect(image)["Manifest"])["layers"])

    def inside(self, image, *command, env=()):
        """The output of a command in a new container of an image, with its user and folder."""
        container = self.run("from", "--pull-never", image).strip()
        try:
            options = [part for pair in env for part in ("--env", pair)]
            return self.run("run", "--isolation", "chroot", "--network", "host", *options, container, "--", *command)
        finally:
            self.run("rm", container)

    def health(self, image):
        """What the image's own command answers on /health, started in its root file
        system; Failed when that is not 200 within a minute."""
        command = self.inspect(image)["OCIv1"]["config"]["Cmd"]
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        return self.inside(image, "python3", "-c", ASK, *command, env=[f"PORT={port}"]).strip().splitlines()[-1]


# Starts a command and asks it; both in the image, as a health check of compose does.
ASK = r"""
import os, subprocess, sys, time, urllib.request
url = f"http://127.0.0.1:{os.environ['PORT']}/health"
service = subprocess.Popen(sys.argv[1:])
try:
    end = time.monotonic() + 60
    while True:
        try:
            print(urllib.request.urlopen(url, timeout=2).read().decode())
            break
        except OSError as e:
            if service.poll() is not None or time.monotonic() > end:
                sys.exit(f"no answer: {e}")
            time.sleep(0.2)
finally:
    service.kill()
"""
