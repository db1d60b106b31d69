"""Builds the images of examples/monorepo and of what it was before, by hand: make docker-bench.

usage: python3 tools/docker_bench PYLOCK [--docs FILE --chart FILE] ...

No Docker daemon and no registry of images are needed: buildah builds with chroot
isolation, on a python:3.12-slim that debootstrap makes (python.Dockerfile), whose
Python is the suite's; the locks are compiled for that Python in copies of the
trees. Needs Linux, root, and Debian's packages buildah and debootstrap; --install
gets them by apt-get. Takes half an hour, 10 GB below --work while it runs, and
what pip and apt-get are configured to take packages from: the settings of pip are
seen by the builds and written to no image.

Exit status: 0 all built and healthy, 1 something failed, 2 the machine does not suit.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys

from images import Failed, Store, remove_tree
from report import Results, write_chart, write_page
from repos import IMAGES, SERVICES, Repo

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TREES = {"before": "examples/monorepo-before", "after": "examples/monorepo"}
PYTHON_IMAGE, BASE_IMAGE = "python:3.12-slim", "monorepo-base"
DEBIAN = ["buildah", "debootstrap", "ca-certificates"]
PIP_SETTINGS = "index-url|extra-index-url|trusted-host|proxy|timeout|default-timeout"

# How the packages of langgraph are installed where nothing but that is measured.
INSTALL = """FROM {base}
COPY {requirements} requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \\
    pip install --ignore-installed --prefix=/install -r requirements.txt
"""


def tell(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def prepare(install):
    """Sees that the machine can build; exits with 2 where it cannot."""
    missing = [p for p in DEBIAN[:2] if not shutil.which(p)]
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.exit(say_unfit("needs Linux and root"))
    if missing and install:
        tell(f"installing {' '.join(DEBIAN)} by apt-get")
        quiet("apt-get", "update")
        quiet("apt-get", "install", "--yes", "--no-install-recommends", *DEBIAN)
    elif missing:
        sys.exit(say_unfit(f"needs Debian's packages {' '.join(missing)}: --install gets them"))


def say_unfit(why):
    print(f"docker_bench: {why}", file=sys.stderr)
    return 2


def quiet(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise Failed(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout


class Bench:
    """One run; everything that it makes is below work, and gone in the end."""

    def __init__(self, options):
        self.options, self.work = options, os.path.abspath(options.work)
        self.layout = ""  # of the Python image
        self.results = Results.read(options.results) if os.path.exists(options.results) else Results()

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def run(self):
        remove_tree(self.work)
        os.makedirs(self.work)
        try:
            self.make_python()
            if "trees" in self.options.only:
                self.results.builds, self.results.health, self.results.loads = {}, {}, []
                self.measure_trees()
            if "installs" in self.options.only:
                self.results.installs = {}
                self.measure_installs()
            if "mended" in self.options.only:
                self.results.mended = {}
                self.build_mended()
        finally:
            remove_tree(self.work)

    def repo(self, name, tree=None):
        """A copy of a tree, its locks compiled for the Python of the images."""
        repo = Repo(name, os.path.join(ROOT, TREES[tree or name]), self.path(name))
        repo.lock(self.options.pylock, self.results.python)
        return repo

    def make_python(self):
        """The image that all start from, as an OCI layout that each store begins with."""
        if self.options.image:
            self.layout = os.path.abspath(self.options.image)
        else:
            self.layout = self.path("python.oci")
            self.make_stand_in()
        store = self.store("python")
        version = store.inside(PYTHON_IMAGE, "python", "-c", "import platform as p; print(p.python_version())").strip()
        self.results.python = ".".join(version.split(".")[:2])
        self.results.machine = {
            "python": version,
            "system": store.inside(PYTHON_IMAGE, "sh", "-c", '. /etc/os-release && echo "$PRETTY_NAME"').strip(),
            "pip": store.inside(PYTHON_IMAGE, "pip", "--version").split()[1],
            "buildah": quiet("buildah", "--version").split()[2],
            "pylock": quiet(self.options.pylock, "--version").split()[1],
            "storage": self.options.storage_driver,
            "cpu": processor(),
            "cores": os.cpu_count(),
        }
        store.remove()

    def make_stand_in(self):
        tell(f"{PYTHON_IMAGE}: debootstrap of {self.options.suite}")
        rootfs, context = self.path("rootfs"), self.path("context")
        mirror = [self.options.mirror] if self.options.mirror else []
        packages = "--include=ca-certificates,python3,python3-venv"
        quiet("debootstrap", "--variant=minbase", packages, self.options.suite, rootfs, *mirror)
        for folder in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(os.path.join(rootfs, folder))
        os.makedirs(context)
        quiet("tar", "-C", rootfs, "-cf", os.path.join(context, "rootfs.tar"), ".")
        shutil.rmtree(rootfs)
        bundle = self.options.ca_bundle or os.devnull
        with open(bundle, "rb") as source, open(os.path.join(context, "ca.crt"), "wb") as target:
            shutil.copyfileobj(source, target)
        store = self.new_store("stand-in")
        store.build(PYTHON_IMAGE, os.path.join(HERE, "python.Dockerfile"), context, "--build-arg", "CA_BUNDLE=ca.crt")
        store.run("push", PYTHON_IMAGE, f"oci:{self.layout}:python")
        store.remove()
        shutil.rmtree(context)

    def new_store(self, name):
        settings = self.pip_settings()
        mounts = [(settings, "/etc/pip.conf")] if settings else []
        return Store(self.path(f"store-{name}"), self.options.storage_driver, mounts)

    def store(self, name):
        """A store with the Python image and nothing else."""
        store = self.new_store(name)
        # buildah names an image by the path of its layout, and not every path is a name.
        folder, layout = os.path.split(self.layout)
        image = store.run("pull", f"oci:{layout}:python", folder=folder).split()[-1]
        store.run("tag", image, PYTHON_IMAGE)
        return store

    def pip_settings(self):
        """A file with where this machine's pip takes packages from; None where it has
        no settings of that kind. It may hold credentials: only root reads it."""
        found = {}
        for line in quiet(sys.executable, "-m", "pip", "config", "list").splitlines():
            match = re.fullmatch(rf"(?::env:|global|install)\.({PIP_SETTINGS})='(.*)'", line)
            if match:
                found[match[1]] = match[2].replace("\\n", "\n  ")
        if not found:
            return None
        path = self.path("pip.conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write("[global]\n" + "".join(f"{key} = {value}\n" for key, value in found.items()))
        return path

    def measure_trees(self):
        """Both trees: from nothing, again, after an edit of a source, after one of a
        pyproject.toml; image by image in turn, so that both meet a machine as busy."""
        trees = [(self.store(name), self.repo(name)) for name in TREES]
        self.build_all(trees, "clean", optional=True)
        for store, repo in trees:
            for image in IMAGES:
                self.check(store, repo, image)
        self.build_all(trees, "nothing")
        for _, repo in trees:
            repo.change_source()
        self.build_all(trees, "source")
        for _, repo in trees:
            repo.add_dependency()
            self.results.relock = repo.lock(self.options.pylock, self.results.python, "services/langgraph")
        self.build_all(trees, "dependency")
        for store, _ in trees:
            store.remove()

    def build_all(self, trees, scenario, optional=False):
        for store, repo in trees:
            if repo.base:
                self.keep(repo, scenario, "base", self.build_base(store, repo))
        for image in IMAGES:
            for store, repo in trees:
                if optional or not repo.optional(image):
                    build = store.build(f"{repo.name}/{image}", repo.dockerfile(image), repo.folder)
                    self.keep(repo, scenario, image, build)

    def build_base(self, store, repo):
        return store.build(BASE_IMAGE, repo.base, os.path.dirname(repo.base))

    def keep(self, repo, scenario, image, build):
        self.results.add(repo.name, scenario, image, build)
        self.results.loads.append(round(os.getloadavg()[0], 1))
        self.results.write(self.options.results)  # what there is, if a later build fails
        tell(f"{repo.name}, {scenario}, {image}: {build.seconds:.1f} s, {build.reused} of {build.layers} layers reused")

    def check(self, store, repo, image):
        """The health check of an image; what has no server has to start its tools."""
        tag = f"{repo.name}/{image}"
        if image in SERVICES:
            answer = store.health(tag)
            if json.loads(answer).get("ok") is not True:
                raise Failed(f"{tag} is not well: {answer}")
        else:
            answer = store.inside(tag, "python", "-m", "pytest", "--version").strip()
        self.results.health[tag] = answer
        tell(f"{tag} answers {answer}")

    def build_mended(self):
        """The tree before, as pylock doctor --fix leaves it: its images build and are
        well, and nothing is left that the doctor could mend."""
        repo, store = self.repo("mended", "before"), self.store("mended")
        found, mended = repo.mend(self.options.pylock)
        if not mended:
            raise Failed("pylock doctor --fix mended nothing")
        for image in IMAGES:
            build = store.build(f"{repo.name}/{image}", repo.dockerfile(image), repo.folder)
            self.keep(repo, "clean", image, build)
            self.check(store, repo, image)
        if repo.mend(self.options.pylock)[1]:
            raise Failed("pylock doctor --fix mended again what it had mended")
        self.results.mended = {"left": found["files"], **found["summary"]}
        self.results.write(self.options.results)
        store.remove()

    def measure_installs(self):
        """langgraph's install step alone, in turn: with an empty pip cache, and again with it."""
        before, after = self.repo("ranges", "before"), self.repo("locks", "after")
        store = self.store("install")
        self.build_base(store, after)
        with open(after.path("services/langgraph/requirements.lock"), encoding="utf-8") as f:
            lock = f.read()
        inputs = {"lock": lock, "ranges": after.ranges("langgraph"), "ansible": before.ranges("langgraph")}
        context = self.path("install")
        os.makedirs(context)
        for name, text in inputs.items():
            with open(os.path.join(context, name), "w", encoding="utf-8") as f:
                f.write(text)
            with open(os.path.join(context, f"{name}.Dockerfile"), "w", encoding="utf-8") as f:
                f.write(INSTALL.format(base=BASE_IMAGE, requirements=name))
        for _ in range(self.options.rounds):
            for name in inputs:
                store.empty_caches()
                for cache in ("clean", "cached"):
                    dockerfile = os.path.join(context, f"{name}.Dockerfile")
                    build = store.build(f"install/{cache}", dockerfile, context, "--no-cache")
                    self.results.install(name, cache, build)
                    self.results.write(self.options.results)
                    step = build.steps[-1]
                    tell(f"install from {name}, {cache}: {step.seconds:.1f} s, {step.resolved:.1f} s until pip installs")
        store.remove()


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())


def arguments():
    p = argparse.ArgumentParser(prog="docker_bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("pylock", help="the program that locks", type=os.path.abspath)
    p.add_argument("--install", action="store_true", help="install buildah and debootstrap by apt-get")
    p.add_argument("--work", default=".bench/docker", help="the folder for images; 10 GB (default %(default)s)")
    p.add_argument("--only", nargs="+", default=["trees", "installs", "mended"], choices=["trees", "installs", "mended"],
                   help="what to measure; of the rest --results keeps the figures of the last run (default all)")
    p.add_argument("--rounds", type=int, default=3, help="of langgraph's install step (default %(default)s)")
    p.add_argument("--image", help="an OCI layout, tag python, of an image like python:3.12-slim, in the place of debootstrap's")
    p.add_argument("--suite", default="trixie", help="of Debian (default %(default)s)")
    p.add_argument("--mirror", help="of Debian, for debootstrap (default its own)")
    p.add_argument("--ca-bundle", default=os.environ.get("SSL_CERT_FILE"),
                   help="certificates that the images trust too (default SSL_CERT_FILE)")
    p.add_argument("--storage-driver", default="overlay", choices=["overlay", "vfs"], help="of buildah")
    p.add_argument("--results", default=".bench/docker.json", help="the figures as JSON (default %(default)s)")
    p.add_argument("--docs", help="a page that gets the tables")
    p.add_argument("--chart", help="an SVG that gets the bars")
    p.add_argument("--report", action="store_true", help="build nothing; the page and the chart from --results")
    return p.parse_args()


def main():
    options = arguments()
    if options.report:
        results = Results.read(options.results)
    else:
        prepare(options.install)
        bench = Bench(options)
        bench.results.date = f"{datetime.date.today()}"
        bench.run()
        results = bench.results
    if options.docs:
        write_page(results, options.docs)
    if options.chart:
        write_chart(results, options.chart)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except Failed as e:
        sys.exit(f"docker_bench: {e}")
