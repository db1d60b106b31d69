"""Compares pylock with uv and pip on a repository of many sources: see accept-sources.sh.

usage: accept_sources.py PYLOCK UV PIP VALIDATE FOLDER
"""

import base64
import hashlib
import http.server
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

pylock, uv, pip, validate, work = sys.argv[1:]
work = Path(work).resolve()
www = work / "www"
# Neither settings of the shell nor those of the machine decide what is compared.
environment = dict(
    {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "PYLOCK_"))},
    PYLOCK_CACHE_DIR=str(work / "cache"), UV_CACHE_DIR=str(work / "uv-cache"),
    PIP_CONFIG_FILE=os.devnull, GIT_CONFIG_GLOBAL=os.devnull, GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@example.org", GIT_COMMITTER_NAME="t", GIT_COMMITTER_EMAIL="t@example.org",
)


def run(*command, cwd=work, ok=True):
    p = subprocess.run([str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True)
    if ok and p.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {p.returncode}\n{p.stdout}\n{p.stderr}")
    return p


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def project(name, version="1.0", requires=(), more=""):
    listed = ", ".join(repr(r) for r in requires)
    return (f"[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
            f"[project]\nname = '{name}'\nversion = '{version}'\nrequires-python = '>=3.12'\ndependencies = [{listed}]\n{more}")


# A build backend that needs nothing installed: it lies beside each pyproject.toml.
BACKEND = '''
import os, tomllib, zipfile

def _project():
    with open("pyproject.toml", "rb") as f:
        return tomllib.load(f)["project"]

def _metadata(p):
    return "Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n" % (p["name"], p["version"]) + "".join("Requires-Dist: %s\\n" % r for r in p["dependencies"])

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    p = _project()
    info = "%s-%s.dist-info" % (p["name"], p["version"])
    os.makedirs(os.path.join(folder, info))
    with open(os.path.join(folder, info, "METADATA"), "w") as f:
        f.write(_metadata(p))
    return info

def build_wheel(folder, config_settings=None, metadata_directory=None):
    raise SystemExit("nothing is to be built")
'''


def package(folder, *args):
    write(folder / "pyproject.toml", project(*args))
    write(folder / "backend.py", BACKEND)


def wheel(path, name, version, requires=()):
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {r}\n" for r in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: accept\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    def digest(text):
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    files[f"{info}/RECORD"] = "".join(f"{n},sha256={digest(t)},{len(t)}\n" for n, t in files.items()) + f"{info}/RECORD,,\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as z:
        for n, t in files.items():
            z.writestr(zipfile.ZipInfo(n), t)


def sdist(path, folder, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as t:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(text)
            t.addfile(entry, io.BytesIO(text.encode()))


def serve(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *a, **k):
            super().__init__(*a, directory=str(folder), **k)
        def log_message(self, *a):
            pass
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{s.server_port}"


def commit(folder, tag=None):
    if not (folder / ".git").exists():
        run("git", "init", "-q", "-b", "main", ".", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-q", "-m", "x", cwd=folder)
    if tag:
        run("git", "tag", tag, cwd=folder)
    return run("git", "rev-parse", "HEAD", cwd=folder).stdout.strip()


def index(www, packages):
    for name, version, requires in packages:
        wheel(www / "files" / f"{name}-{version}-py3-none-any.whl", name, version, requires)
    names = {name for name, _, _ in packages}
    for name in names:
        links = []
        for f in sorted((www / "files").glob(f"{name}-*.whl")):
            links.append(f'<a href="../../files/{f.name}#sha256={hashlib.sha256(f.read_bytes()).hexdigest()}">{f.name}</a><br>')
        write(www / "simple" / name / "index.html", "<!DOCTYPE html><html><body>\n" + "\n".join(links) + "\n</body></html>\n")


# The index, the archives, and two repositories: one a workspace.
index(www, [
    ("alpha", "1.0", ()), ("alpha", "2.0", ("beta>=1",)), ("beta", "1.0", ()), ("beta", "1.5", ()), ("gamma", "1.0", ("alpha<2",)),
    ("delta", "3.0", ()), ("fromurl", "9.0", ()), ("fromgit", "9.0", ()), ("twofold", "5.0", ()), ("omega", "9.0", ()),
])
wheel(www / "archives" / "fromurl-1.0-py3-none-any.whl", "fromurl", "1.0", ("beta",))
wheel(www / "archives" / "twofold-1.0-py3-none-any.whl", "twofold", "1.0", ("delta",))
wheel(www / "archives" / "twofold-2.0-py3-none-any.whl", "twofold", "2.0", ())
sdist(www / "archives" / "static-1.0.tar.gz", "static-1.0", {
    "pyproject.toml": project("static", "1.0", ("delta",)), "backend.py": BACKEND,
    "PKG-INFO": "Metadata-Version: 2.2\nName: static\nVersion: 1.0\nRequires-Dist: delta\n",
})
sdist(www / "archives" / "mono.tar.gz", "mono-abc", {"lib/inner/pyproject.toml": project("inner", "4.0", ("gamma",)), "lib/inner/backend.py": BACKEND})
base = serve(www)
# A second index, for one package that both have.
index(work / "www2", [("omega", "2.0", ("beta",)), ("omega", "3.0", ("beta>1",))])
second = serve(work / "www2")

remote = work / "remote"
package(remote, "fromgit", "1.0", ("near", "alpha"), "[tool.uv.sources]\nnear = { workspace = true }\n[tool.uv.workspace]\nmembers = ['packages/*']\n")
package(remote / "packages/near", "near", "1.0", ("beta<1.5",))
first = commit(remote, "v1")
write(remote / "README", "later")
commit(remote)
plain = work / "plain"
package(plain / "sub", "subbed", "2.0", ("gamma",))
commit(plain, "v2")
# The plain repository by the simple protocol of git, over http.
run("git", "clone", "-q", "--bare", plain, www / "plain.git")
run("git", "update-server-info", cwd=www / "plain.git")

repo = work / "repo"
write(repo / ".git/HEAD", "ref: refs/heads/main\n")
write(repo / "pyproject.toml", "[tool.uv.workspace]\nmembers = ['services/*', 'libs/member']\n")
package(repo / "libs/member", "member", "0.1", ("delta",))
package(repo / "libs/outer", "outer", "0.1", ("deep", "alpha"), "[tool.uv.sources]\ndeep = { path = '../deep' }\n")
package(repo / "libs/deep", "deep", "0.1", ("beta",))
wheel(repo / "vendor/vendored-1.0-py3-none-any.whl", "vendored", "1.0", ("alpha",))
package(repo / "services/api", "api", "0", ("alpha", "fromurl", "static", "inner", "fromgit", "subbed", "member", "outer", "vendored", "twofold", "omega"), f"""
[[tool.uv.index]]
name = "second"
url = "{second}/simple/"
explicit = true
[tool.uv.sources]
omega = {{ index = "second" }}
fromurl = {{ url = "{base}/archives/fromurl-1.0-py3-none-any.whl" }}
static = {{ url = "{base}/archives/static-1.0.tar.gz" }}
inner = {{ url = "{base}/archives/mono.tar.gz", subdirectory = "lib/inner" }}
fromgit = {{ git = "file://{remote}", tag = "v1" }}
subbed = {{ git = "{base}/plain.git", branch = "main", subdirectory = "sub" }}
member = {{ workspace = true }}
outer = {{ path = "../../libs/outer", editable = true }}
vendored = {{ path = "../../vendor/vendored-1.0-py3-none-any.whl" }}
twofold = [
  {{ url = "{base}/archives/twofold-1.0-py3-none-any.whl", marker = "sys_platform == 'linux'" }},
  {{ url = "{base}/archives/twofold-2.0-py3-none-any.whl", marker = "sys_platform == 'darwin'" }},
]
""")
api = repo / "services/api"

LOCALS = {"member", "outer", "deep", "api"}


def lines(text):
    """What a lock says, a line a package, in one spelling: local folders left out."""
    out = set()
    for line in text.splitlines():
        line = line.rstrip("\\ ").strip()
        if not line or line.startswith(("#", "-", "--hash", "./", "../", "/")):
            if "vendored-1.0" in line and not line.startswith("#"):
                out.add("vendored file")
            continue
        line = re.sub(r"#(sha256=\w+)?&?", "#", line).rstrip("#")
        name = re.match(r"[a-z0-9-]+", line).group()
        if name in LOCALS:
            continue
        if name == "vendored":
            line = "vendored file"
        line, _, marker = line.partition(" ; ")
        out.add(line.strip() + (" ; " + marker.replace('"', "'") if marker else ""))
    return out


failed = 0


def step(name, check):
    global failed
    try:
        print(f"ok   {name}: {check()}", flush=True)
    except Exception as e:  # told, and the next step is taken
        failed += 1
        print(f"FAIL {name}: {e}", flush=True)


def pins(flags):
    ours = run(pylock, "pip", "compile", "pyproject.toml", "--default-index", base + "/simple/", *flags, cwd=api)
    theirs = run(uv, "pip", "compile", "-q", "pyproject.toml", "--default-index", base + "/simple/", *flags, cwd=api)
    a, b = lines(ours.stdout), lines(theirs.stdout)
    assert a == b and len(a) > 10, f"{flags}\nonly pylock: {sorted(a - b)}\nonly uv: {sorted(b - a)}\n{ours.stdout}"
    return f"{len(a)} lines equal uv's"


for flags in (["--python-version=3.12", "--python-platform=linux"], ["--python-version=3.12", "--python-platform=macos"], ["--python-version=3.12", "--universal"]):
    step("pins " + flags[1], lambda: pins(flags))


def pip_takes():
    run(pylock, "compile", "services/api", "--no-hashes", "--default-index", base + "/simple/", "--python-platform=linux", "--python-version=3.12", cwd=repo)
    # Metadata of git and sdists is built: with what is there, which is setuptools.
    p = run(pip, "install", "--dry-run", "--ignore-installed", "--no-deps", "--index-url", base + "/simple/", "--trusted-host", "127.0.0.1", "-r", "requirements.lock", cwd=api)
    would = [l for l in p.stdout.splitlines() if l.startswith("Would install")]
    assert would and "fromgit-1.0" in would[0] and "inner-4.0" in would[0] and "vendored-1.0" in would[0], p.stdout
    return f"pip would install {len(would[0].split()) - 2} packages"


def pip_hashes():
    out = repo / "services/api/hashed.lock"
    run(pylock, "compile", "services/api", "-o", out, "--hashes=target", "--no-emit-package=fromgit,near,subbed", "--default-index", base + "/simple/", "--python-platform=linux", "--python-version=3.12", cwd=repo)
    p = run(pip, "install", "--dry-run", "--ignore-installed", "--no-deps", "--require-hashes", "--index-url", base + "/simple/", "--trusted-host", "127.0.0.1", "-r", out, cwd=api)
    assert "Would install" in p.stdout and "fromurl-1.0" in p.stdout, p.stdout
    text = out.read_text()
    bad = api / "bad.lock"
    bad.write_text(re.sub(r"(fromurl @ .*\n.*sha256:)[0-9a-f]{8}", r"\g<1>00000000", text))
    p = run(pip, "install", "--dry-run", "--no-deps", "--require-hashes", "--index-url", base + "/simple/", "--trusted-host", "127.0.0.1", "-r", bad, cwd=api, ok=False)
    assert p.returncode and "DO NOT MATCH THE HASHES" in p.stderr, p.stderr
    return "pip verifies the hash of each archive"


def refused():
    p = run(pylock, "compile", "services/api", "-o", api / "refused.lock", "--hashes=target", "--default-index", base + "/simple/", "--python-version=3.12", cwd=repo, ok=False)
    assert p.returncode == 2 and "git repository, of which there is no hash" in p.stderr, p.stderr
    mixed = api / "mixed.lock"
    mixed.write_text((api / "hashed.lock").read_text() + f"\nfromgit @ git+file://{remote}@{first}\n")
    p = run(pip, "install", "--dry-run", "--no-deps", "--index-url", base + "/simple/", "--trusted-host", "127.0.0.1", "-r", mixed, cwd=api, ok=False)
    assert p.returncode and "version control repositories" in p.stderr, p.stderr
    return "pip refuses a commit beside hashes, and pylock to write one"


def toml():
    run(pylock, "compile", "services/api", "-o", api / "pylock.toml", "--default-index", base + "/simple/", "--python-platform=linux", "--python-version=3.12", cwd=repo)
    run(Path(pip).parent / "python", validate, api / "pylock.toml")
    p = run(uv, "pip", "install", "--dry-run", "--target", work / "target", "-r", "pylock.toml", "--preview-features", "pylock", "--python", Path(pip).parent / "python", cwd=api)
    assert "fromgit==1.0" in p.stderr or "fromgit" in p.stderr, p.stderr
    q = run(pylock, "check", "services/api/pylock.toml", "--default-index", base + "/simple/", cwd=repo)
    return "valid, and uv takes it; " + q.stdout.splitlines()[-1]


def checked():
    for lock in ("requirements.lock", "hashed.lock"):
        run(pylock, "check", f"services/api/{lock}", "--default-index", base + "/simple/", cwd=repo)
        run(pylock, "check", f"services/api/{lock}", "--default-index", base + "/simple/", "--offline", cwd=repo)
    return "the locks are up to date, offline too"


step("pip", pip_takes)
step("pip --require-hashes", pip_hashes)
step("refused", refused)
step("toml", toml)
step("check", checked)
sys.exit(1 if failed else 0)
