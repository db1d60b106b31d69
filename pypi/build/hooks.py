"""Calls the hooks of a build backend (PEP 517) and writes down what they answer.

Usage: python hooks.py requires|metadata ANSWER SCRATCH BACKEND [FOLDER...]

The current folder is the source tree; the FOLDERs are those of backend-path. The answer is a JSON array of
requirements, or the text of METADATA. It must run on every Python that a lock may be for.
"""
import importlib
import json
import os
import sys
import zipfile


def load(backend, folders):
    sys.path[:0] = [os.path.abspath(folder) for folder in folders]
    name, _, attributes = backend.partition(":")
    found = importlib.import_module(name)
    if folders:
        origin = os.path.realpath(getattr(found, "__file__", None) or "")
        inside = [os.path.realpath(folder) + os.sep for folder in folders]
        if not any(origin.startswith(folder) for folder in inside):
            raise SystemExit("the backend %s is not in its backend-path" % name)
    for attribute in attributes.split(".") if attributes else ():
        found = getattr(found, attribute)
    return found


def requires(backend, scratch):
    hook = getattr(backend, "get_requires_for_build_wheel", None)
    return json.dumps([str(r) for r in hook(None)] if hook else []).encode()


def metadata(backend, scratch):
    hook = getattr(backend, "prepare_metadata_for_build_wheel", None)
    if hook:
        folder = hook(scratch, None)
        with open(os.path.join(scratch, os.path.basename(folder), "METADATA"), "rb") as f:
            return f.read()
    wheel = os.path.join(scratch, os.path.basename(backend.build_wheel(scratch, None, None)))
    with zipfile.ZipFile(wheel) as z:
        found = [n for n in z.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA")]
        if len(found) != 1:
            raise SystemExit("the wheel that was built has %d METADATA" % len(found))
        return z.read(found[0])


def main():
    hook, answer, scratch, backend = sys.argv[1:5]
    folders = sys.argv[5:]
    del sys.argv[1:], sys.path[0]  # not the folder of this file
    value = {"requires": requires, "metadata": metadata}[hook](load(backend, folders), scratch)
    with open(answer, "wb") as f:
        f.write(value)


main()
