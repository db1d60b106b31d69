"""Ask pip's resolver what it takes of a lock in each environment of the lock.

A lock of several environments is right when, in each of them, pip takes
exactly the pins whose markers hold there:

  lock    pip install -r LOCK --require-hashes takes those pins: none is
          missing, none contradicts another, each has a wheel with a hash of
          the lock for the environment.
  input   pip install -r INPUT -c LOCK takes the same set: no marker of the
          lock lets in a package that nothing asks for there. Only with
          --input.

pip evaluates markers for the interpreter that runs it, whatever its
--platform says. So pip runs in this process with the marker environment and
the wheel tags of the target put in place of the interpreter's. The tags come
from packaging's own generators, the values of the markers from the tables
below; nothing is taken from the tool that wrote the lock.

An ENVIRONMENT is PYTHON@PLATFORM, such as 3.12@linux or
3.10.4@aarch64-unknown-linux-musl. Without --environment they are read from
the command in the lock's header: each --python-version on each
--python-platform, else on Linux x86_64 and aarch64; for --universal, the given
Python and NEWEST_PYTHON on Linux, Windows and macOS.

Run it with the pip of requirements.txt beside it. Every wheel that a lock
names for an environment is read from the index, once.
Exit status: 0 all agree, 1 a difference, 2 wrong usage.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

NEWEST_PYTHON = "3.13"
DEFAULT_PLATFORMS = ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28"]
UNIVERSAL_PLATFORMS = ["linux", "windows", "macos"]
# Settings of pip that say how to reach the index, none that changes a result.
KEPT_SETTINGS = {"PIP_INDEX_URL", "PIP_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_CONFIG_FILE"}

ALIASES = {
    "linux": "x86_64-manylinux_2_28",
    "x86_64-unknown-linux-gnu": "x86_64-manylinux_2_28",
    "aarch64-unknown-linux-gnu": "aarch64-manylinux_2_28",
    "x86_64-manylinux2014": "x86_64-manylinux_2_17",
    "aarch64-manylinux2014": "aarch64-manylinux_2_17",
    "macos": "aarch64-apple-darwin",
    "windows": "x86_64-pc-windows-msvc",
}
WINDOWS = {  # platform_machine, tag
    "x86_64": ("AMD64", "win_amd64"),
    "aarch64": ("ARM64", "win_arm64"),
    "i686": ("x86", "win32"),
}
MACOS_VERSION = (13, 0)
MUSL_VERSION = (1, 2)


class Environment:
    """One Python on one platform: marker values and, by tags(), wheel tags."""

    def __init__(self, name):
        python, _, platform = name.partition("@")
        if not re.fullmatch(r"3\.\d+(\.\d+)?", python) or not platform:
            raise ValueError(f"{name!r} is no environment: write it like 3.12@linux")
        self.name = name
        self.python = python
        self.version = tuple(int(n) for n in (python.split(".") + ["0"])[:3])
        self.platform = ALIASES.get(platform, platform)
        arch, _, rest = self.platform.partition("-")
        self.arch, self.libc, machine = arch, None, arch
        if glibc := re.fullmatch(r"manylinux_(\d+)_(\d+)", rest):
            self.system = ("posix", "linux", "Linux")
            self.libc = (int(glibc[1]), int(glibc[2]))
        elif rest == "unknown-linux-musl":
            self.system = ("posix", "linux", "Linux")
        elif rest == "apple-darwin":
            self.system = ("posix", "darwin", "Darwin")
            machine = "arm64" if arch == "aarch64" else arch
        elif rest == "pc-windows-msvc" and arch in WINDOWS:
            self.system = ("nt", "win32", "Windows")
            machine = WINDOWS[arch][0]
        else:
            raise ValueError(f"no tags are known for the platform {platform!r}: use one of {', '.join(ALIASES)}")
        full = ".".join(str(n) for n in self.version)
        self.markers = {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": self.system[0],
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": self.system[2],
            "platform_version": "",
            "python_full_version": full,
            "python_version": ".".join(str(n) for n in self.version[:2]),
            "sys_platform": self.system[1],
        }

    def platforms(self):
        """Platform tags, best first, by packaging's generators."""
        from pip._vendor.packaging import _manylinux, _musllinux, tags

        if self.system[1] == "win32":
            return [WINDOWS[self.arch][1]]
        if self.system[1] == "darwin":
            return list(tags.mac_platforms(MACOS_VERSION, self.markers["platform_machine"]))
        if self.libc:
            _manylinux._get_glibc_version = lambda: self.libc
            made = _manylinux.platform_tags([self.arch])
        else:
            _musllinux._get_musl_version = lambda executable: _musllinux._MuslVersion(*MUSL_VERSION)
            made = _musllinux.platform_tags([self.arch])
        return [*made, f"linux_{self.arch}"]

    def tags(self):
        from pip._vendor.packaging import tags

        interpreter = f"cp{self.version[0]}{self.version[1]}"
        platforms = self.platforms()
        return [
            *tags.cpython_tags(self.version[:2], [interpreter], platforms),
            *tags.compatible_tags(self.version[:2], interpreter, platforms),
        ]

    def impersonate(self):
        """Make pip, not imported so far, believe that it runs here."""
        from pip._vendor.packaging import markers

        markers.default_environment = lambda: dict(self.markers)
        from pip._internal.utils import compatibility_tags

        supported = self.tags()
        compatibility_tags.get_supported = lambda *args, **kwargs: list(supported)


def read_pins(lock, environment):
    """Return {name: (version, hashes)} of the pins whose markers hold.

    The markers get their environment as an argument here, and not by the
    replacement that pip sees: were that without effect, the sets would differ.
    """
    from pip._internal.network.session import PipSession
    from pip._internal.req.req_file import parse_requirements
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.utils import canonicalize_name

    pins = {}
    for parsed in parse_requirements(str(lock), session=PipSession()):
        requirement = Requirement(parsed.requirement)
        if requirement.marker and not requirement.marker.evaluate(environment.markers, context="requirement"):
            continue
        name = canonicalize_name(requirement.name)
        pinned = re.fullmatch(r"===?([^,*]+)", str(requirement.specifier))
        if not pinned and not requirement.url:
            raise ValueError(f"{parsed.comes_from}: {name} is not pinned")
        if name in pins:
            raise ValueError(f"{parsed.comes_from}: a second pin of {name} holds on {environment.name}")
        pins[name] = (pinned[1] if pinned else None, set((parsed.options or {}).get("hashes", {}).get("sha256", ())))
    return pins


def without_wheel(finder, pins):
    """Sort out the pins that no wheel can serve: (sdist only, no file at all)."""
    from pip._vendor.packaging.version import Version

    def has(name, kind):
        version, hashes = pins[name]
        return any(
            candidate.version == Version(version)
            and candidate.link.is_wheel == (kind == "wheel")
            and (not hashes or candidate.link.hash in hashes | {None})
            for candidate in finder.find_all_candidates(name)
        )

    missing = [name for name in sorted(pins) if pins[name][0] and not has(name, "wheel")]
    only = finder.format_control.only_binary
    kept = set(only)
    sdists = []
    for name in missing:
        only.clear()
        finder._all_candidates.pop(name)
        if has(name, "sdist"):
            sdists.append(name)
        only.update(kept)
        finder._all_candidates.pop(name)
    return sdists, [name for name in missing if name not in sdists]


def work(job):
    """Run pip once, for one environment and one kind; return what came out."""
    environment = Environment(job["environment"])
    for setting in [s for s in os.environ if s.startswith("PIP_") and s not in KEPT_SETTINGS]:
        del os.environ[setting]
    environment.impersonate()

    from pip._internal.cli.main import main
    from pip._internal.commands.install import InstallCommand
    from pip._internal.resolution.resolvelib.factory import Factory
    from pip._vendor.packaging.utils import canonicalize_name

    try:
        pins = read_pins(job["lock"], environment)
    except ValueError as err:
        return {"pins": {}, "sdists": [], "absent": [], "refused": str(err)}
    out = {"pins": {name: version for name, (version, _) in pins.items()}, "sdists": [], "absent": []}
    build = InstallCommand._build_package_finder

    def build_and_look(self, *args, **kwargs):
        finder = build(self, *args, **kwargs)
        out["sdists"], out["absent"] = without_wheel(finder, pins)
        # pip cannot read an sdist without running it, on this machine: such a
        # pin is left out, with every requirement on it.
        make = Factory._make_requirements_from_install_req
        skipped = set(out["sdists"])

        def make_but_skipped(self, ireq, requested_extras):
            if not (ireq.name and canonicalize_name(ireq.name) in skipped):
                yield from make(self, ireq, requested_extras)

        Factory._make_requirements_from_install_req = make_but_skipped
        return finder

    InstallCommand._build_package_finder = build_and_look
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        args = ["install", "--quiet", "--dry-run", "--ignore-installed", "--disable-pip-version-check",
                "--no-input", "--progress-bar=off", "--root-user-action=ignore", "--only-binary=:all:",
                f"--python-version={environment.python}", f"--cache-dir={job['cache']}", f"--report={report}"]
        if job["kind"] == "lock":
            args += ["--require-hashes", "-r", job["lock"]]
        else:
            args += ["--no-require-hashes", "-c", job["lock"], "-r", job["input"]]
        out["status"] = main(args)
        if report.exists():
            read = json.loads(report.read_text())
            if read["environment"] != environment.markers:
                raise RuntimeError(f"pip judged for {read['environment']}")
            out["taken"] = {canonicalize_name(i["metadata"]["name"]): i["metadata"]["version"] for i in read["install"]}
    return out


def differences(result, allow_sdists):
    """Return a line for each way in which pip and the lock disagree."""
    if "refused" in result:
        return [result["refused"]]
    lines = []
    for name in result["absent"]:
        lines.append(f"{name}=={result['pins'][name]}: no file with a hash of the lock fits")
    if not allow_sdists:
        for name in result["sdists"]:
            lines.append(f"{name}=={result['pins'][name]}: only an sdist fits, which pip with --only-binary refuses")
    if "taken" not in result:
        return [*lines, f"pip exits with {result['status']}"]
    want = {name: version for name, version in result["pins"].items() if name not in result["sdists"]}
    taken = result["taken"]
    from pip._vendor.packaging.version import Version

    for name in sorted(want.keys() | taken.keys()):
        if name not in taken:
            lines.append(f"-{name}=={want[name]}: its marker holds, pip does not take it")
        elif name not in want:
            lines.append(f"+{name}=={taken[name]}: pip takes it, no pin of it holds")
        elif want[name] and Version(want[name]) != Version(taken[name]):
            lines.append(f"!{name}: the lock has {want[name]}, pip takes {taken[name]}")
    return lines


def environments(lock):
    """Name the environments of the lock by the command in its header."""
    header = re.search(r"^#\s+(pylock .*)$", Path(lock).read_text(), re.MULTILINE)
    if not header:
        raise ValueError(f"{lock} has no command in its header: use --environment")
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--python-version", "--python", "-p", action="append", default=[])
    parser.add_argument("--python-platform", action="append", default=[])
    parser.add_argument("--universal", action="store_true")
    found, _ = parser.parse_known_args(shlex.split(header[1]))
    pythons, platforms = found.python_version, found.python_platform or DEFAULT_PLATFORMS
    if not pythons:
        raise ValueError(f"the command of {lock} has no --python-version: use --environment")
    if found.universal:
        pythons, platforms = [*pythons, NEWEST_PYTHON], UNIVERSAL_PLATFORMS
    return [f"{python}@{platform}" for python in dict.fromkeys(pythons) for platform in platforms]


def run(job):
    """Run work(job) in a process of its own: what it replaces stays there."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "result.json")
        command = [sys.executable, __file__, "--job", json.dumps({**job, "out": str(out)})]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return json.loads(out.read_text()) if out.exists() else None, done.stdout.splitlines()


def check(lock, name, input_file, cache, allow_sdists):
    """Compare one environment and print the outcome; return whether it agrees."""
    passed, notes = [], []
    for kind in ["lock", "input"]:
        if kind == "input" and not input_file:
            continue
        if kind == "input" and notes:
            notes.append("not asked from the input, whose requirements on those are not known")
            continue
        job = {"kind": kind, "lock": str(lock), "environment": name, "input": input_file and str(input_file), "cache": cache}
        result, log = run(job)
        lines = differences(result, allow_sdists) if result else ["pip did not come to an end"]
        if lines:
            print(f"FAIL {lock} {name} ({kind}):", flush=True)
            for line in lines + log[-12:]:
                print(f"     {line}")
            return False
        notes += [f"left out, only an sdist fits: {n}=={result['pins'][n]}" for n in result["sdists"]]
        passed.append(f"{kind} {len(result['taken'])}")
    print(f"ok   {lock} {name}: pip takes exactly the pins ({', '.join(passed)})", flush=True)
    for note in notes:
        print(f"     {note}")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lock", nargs="*", type=Path, metavar="LOCK")
    parser.add_argument("-e", "--environment", action="append", metavar="ENVIRONMENT", help="judge for this one (repeatable)")
    parser.add_argument("-i", "--input", type=Path, help="the requirements file that the lock was made from")
    parser.add_argument("--allow-sdists", action="store_true", help="leave out pins for which only an sdist fits, and say so")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.job:
        job = json.loads(o.job)
        Path(job["out"]).write_text(json.dumps(work(job)))
        return 0
    if not o.lock or (o.input and len(o.lock) > 1):
        parser.error("give a LOCK, and with --input only one")
    for file in [*o.lock, o.input]:
        if file and not file.is_file():
            parser.error(f"{file} is no file")
    try:
        pairs = [(lock, name) for lock in o.lock for name in o.environment or environments(lock)]
        for _, name in pairs:
            Environment(name)
    except (ValueError, OSError) as err:
        parser.error(str(err))
    failed = 0
    # A cache of its own for each run: nothing of the machine's decides.
    with tempfile.TemporaryDirectory() as cache:
        for lock, name in pairs:
            failed += not check(lock, name, o.input, cache, o.allow_sdists)
    print(f"{len(pairs) - failed} environments agree, {failed} do not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
