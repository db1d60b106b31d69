"""Shows locks of PEP 751 to packaging.pylock, which installers read them by.

usage: validate_pylock.py FILE [--select MACHINE]...

Every FILE must be valid under its name. With --select, a Python 3.12 on Linux
of each MACHINE (x86_64, aarch64) must find exactly one file for each package,
and the environments of the lock must not overlap there. Prints the number of
packages; exits with 1 and the reason otherwise.
"""

import argparse
import pathlib
import sys
import tomllib

from packaging.markers import default_environment
from packaging.pylock import Pylock, is_valid_pylock_path
from packaging.tags import compatible_tags, cpython_tags

GLIBC = range(28, 16, -1)  # manylinux_2_28 down to manylinux_2_17


def target(machine):
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC] + [f"manylinux2014_{machine}", f"linux_{machine}"]
    tags = list(cpython_tags((3, 12), platforms=platforms)) + list(compatible_tags((3, 12), "cp312", platforms))
    environment = default_environment() | {
        "implementation_name": "cpython",
        "implementation_version": "3.12.0",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": "3.12.0",
        "python_version": "3.12",
        "sys_platform": "linux",
    }
    return environment, tags


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--select", action="append", default=[])
    args = parser.parse_args()
    if not is_valid_pylock_path(args.file):
        return f"{args.file.name} is not a name of PEP 751"
    lock = Pylock.from_dict(tomllib.loads(args.file.read_text(encoding="utf-8")))
    lock.validate()
    for machine in args.select:
        environment, tags = target(machine)
        holding = [m for m in lock.environments or [] if m.evaluate(environment, context="requirement")]
        if lock.environments and len(holding) != 1:
            return f"{len(holding)} environments hold on {machine}"
        chosen = list(lock.select(environment=environment, tags=tags))
        if not chosen:
            return f"nothing is chosen on {machine}"
    print(len(lock.packages))


try:
    sys.exit(main())
except Exception as e:  # every reason is one of the lock
    sys.exit(f"{type(e).__name__}: {e}")
