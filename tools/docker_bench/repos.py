"""Copies of the example's trees, what is built of them, and the edits that are measured."""

import json
import os
import re
import shutil
import subprocess
import time

from images import Failed

SERVICES = ["api", "langgraph", "scheduler", "telegram_bot", "worker-spawner", "infrastructure"]
IMAGES = [*SERVICES, "tooling"]
# Under a profile of compose in the tree after: built when somebody asks for them.
PROFILES = {"infrastructure": "infra", "tooling": "dev"}
ADDED = "apscheduler>=3.10,<4"  # what the scheduler has already


class Repo:
    """A copy of a tree in a folder."""

    def __init__(self, name, source, folder):
        self.name, self.folder = name, folder
        shutil.copytree(source, folder)

    @property
    def base(self):
        """The Dockerfile of the base image, where the tree has one."""
        path = self.path("docker", "base.Dockerfile")
        return path if os.path.exists(path) else None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def dockerfile(self, image):
        return self.path(image, "Dockerfile") if image == "tooling" else self.path("services", image, "Dockerfile")

    def optional(self, image):
        return self.base is not None and image in PROFILES

    def lock(self, pylock, python, *services):
        """Compiles locks for a Python, in a tree that has them; the seconds that it took."""
        if self.base is None:
            return 0.0
        start = time.monotonic()
        done = subprocess.run(
            [pylock, "compile", "--python-version", python, *services], cwd=self.folder, capture_output=True, text=True
        )
        if done.returncode:
            raise Failed(f"pylock compile failed:\n{done.stderr}")
        return time.monotonic() - start

    def mend(self, pylock):
        """Lets pylock doctor mend what it can; its report of the rest, and whether it changed anything."""
        done = subprocess.run(
            [pylock, "doctor", "--fix", "--format", "json", self.folder], capture_output=True, text=True
        )
        if done.returncode not in (0, 1):
            raise Failed(f"pylock doctor failed:\n{done.stderr}")
        return json.loads(done.stdout), "Mended" in done.stderr

    def change_source(self):
        """A comment more in one module of langgraph."""
        with open(self.path("services/langgraph/src/langgraph_service/__main__.py"), "a", encoding="utf-8") as f:
            f.write("# changed\n")

    def add_dependency(self):
        """One requirement more of langgraph, in its pyproject.toml."""
        path = self.path("services/langgraph/pyproject.toml")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace('    "shared",\n', f'    "{ADDED}",\n    "shared",\n', 1))

    def ranges(self, service):
        """What a service asks the index for, a requirement a line: its pyproject.toml
        without the repository's own package."""
        with open(self.path("services", service, "pyproject.toml"), encoding="utf-8") as f:
            found = re.findall(r'^    "(.*)",$', f.read(), re.MULTILINE)
        return "".join(f"{r}\n" for r in found if r != "shared")
