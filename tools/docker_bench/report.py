"""Figures of a run, as JSON, as tables of a page, and as a chart."""

import json
import statistics

from repos import IMAGES, PROFILES, SERVICES

TREES = ["before", "after"]
BEGIN, END = "<!-- written by make docker-bench, from here -->\n", "<!-- make docker-bench: to here -->\n"
SCENARIOS = {
    "clean": "clean: no layers, no packages",
    "nothing": "nothing changed",
    "source": "one source file of langgraph changed",
    "dependency": "one dependency of langgraph added",
}
INPUTS = {
    "ansible": "ranges, `ansible` beside `ansible-core`",
    "ranges": "ranges",
    "lock": "the lock",
}


class Results:
    """builds: tree, scenario, image: seconds, size in bytes, layers, reused, and the
    steps; installs: input, cache: seconds of each round, those until pip
    installs, and those of processors."""

    def __init__(self):
        self.date, self.python, self.relock = "", "", 0.0
        self.machine, self.builds, self.installs, self.health = {}, {}, {}, {}
        self.mended = {}  # what pylock doctor still says of the tree before, once mended
        self.loads = []  # of the machine, after each build

    @classmethod
    def read(cls, path):
        out = cls()
        with open(path, encoding="utf-8") as f:
            out.__dict__.update(json.load(f))
        return out

    def write(self, path):
        with open(path, "w", encoding="utf-8") as f:
            json.dump(self.__dict__, f, indent=1)

    def add(self, tree, scenario, image, build):
        self.builds.setdefault(tree, {}).setdefault(scenario, {})[image] = {
            "seconds": round(build.seconds, 2),
            "processor": round(build.processor, 2),
            "size": build.size,
            "layers": build.layers,
            "reused": build.reused,
            "steps": [{"text": s.text, "seconds": round(s.seconds, 2), "cached": s.cached} for s in build.steps],
        }

    def install(self, name, cache, build):
        """Keeps a build whose last step alone counts."""
        kept = self.installs.setdefault(name, {}).setdefault(cache, {"seconds": [], "resolved": [], "processor": []})
        kept["seconds"].append(round(build.steps[-1].seconds, 2))
        kept["resolved"].append(round(build.steps[-1].resolved, 2))
        kept["processor"].append(round(build.processor, 2))

    def image(self, tree, name, scenario="clean"):
        """A build of an image; None where it was not measured."""
        return self.builds.get(tree, {}).get(scenario, {}).get(name)

    def total(self, tree, scenario, key="seconds"):
        """Of what a plain build makes, which is nothing under a profile; None unless all of it was measured."""
        names = IMAGES if tree == "before" else ["base", *(i for i in IMAGES if i not in PROFILES)]
        builds = [self.image(tree, name, scenario) for name in names]
        return sum(b[key] for b in builds) if all(b and b[key] is not None for b in builds) else None

    def steps(self, tree, names, match):
        """Seconds of those steps of clean builds that install what match says."""
        builds = [self.image(tree, name) for name in names]
        if not all(builds):
            return None
        texts = [s for b in builds for s in b["steps"]]
        return sum(s["seconds"] for s in texts if "pip install" in s["text"] and match(s["text"]))

    def median(self, name, cache, key="seconds"):
        times = self.installs.get(name, {}).get(cache)
        return statistics.median(times[key]) if times else None


def seconds(value):
    return "–" if value is None else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def megabytes(value):
    return "–" if value is None else f"{value / 1e6:,.0f} MB"


def of(build, key):
    return build and build[key]


def change(before, after, form=seconds):
    return f"{form(before)} → {form(after)}"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def plan(r):
    """The steps of the plan, each by what it changes."""
    shares = ["api", "langgraph", "scheduler"]
    rest = [s for s in SERVICES if s != "langgraph"]

    def shared(text):
        return text.endswith("./shared")

    def image(step, what, name):
        before, after = r.image("before", name), r.image("after", name)
        later = seconds(of(after, "seconds"))
        if name in PROFILES:
            later = f"0 ({later} with the profile)"
        used = change(of(before, "processor"), of(after, "processor"))
        size = change(of(before, "size"), of(after, "size"), megabytes)
        return [step, what, seconds(of(before, "seconds")), later, used, size, ""]

    def install(step, what, before, after):
        used = change(r.median(*before, "processor"), r.median(*after, "processor"))
        return [step, what, seconds(r.median(*before)), seconds(r.median(*after)), used, "", ""]

    def parts(step, what, names, match):
        return [step, what, *(seconds(r.steps(t, names, match)) for t in TREES), "", "", ""]

    base = r.image("after", "base")
    rows = [
        image("1.1", "`tooling` under a profile", "tooling"),
        install("1.2", "one ansible: langgraph's install step, clean", ("ansible", "clean"), ("ranges", "clean")),
        parts("1.3", "`shared` installed once, in three services", shares, shared),
        install("2.1", "langgraph from its lock: the install step, clean", ("ranges", "clean"), ("lock", "clean")),
        parts("2.2, 2.3", "the other five from their locks: their install steps, clean", rest, lambda t: not shared(t)),
        ["3.1", "a base image", "", *(form(of(base, key)) for form, key in ((seconds, "seconds"), (seconds, "processor"), (megabytes, "size"))), ""],
        image("3.2", "`worker-spawner` in two stages, without a compiler", "worker-spawner"),
        image("3.3", "`infrastructure` under a profile", "infrastructure"),
        install("4.1", "cache mounts: langgraph's install step without and with what pip has kept", ("lock", "clean"), ("lock", "cached")),
    ]
    for scenario, what in SCENARIOS.items():
        totals = {key: [r.total(t, scenario, key) for t in TREES] for key in ("seconds", "processor", "size", "reused", "layers")}
        size = change(*totals["size"], megabytes) if scenario == "clean" else ""
        reused = " → ".join("–" if n is None else f"{n}/{m}" for n, m in zip(totals["reused"], totals["layers"]))
        rows.append(["all", what, *map(seconds, totals["seconds"]), change(*totals["processor"]), size, reused])
    return table(["step", "what", "seconds before", "seconds after", "processor seconds", "image size", "layers reused"], rows)


def installs(r):
    rows = []
    for name, what in INPUTS.items():
        row = [what]
        for cache in ("clean", "cached"):
            row += [seconds(r.median(name, cache, key)) for key in ("seconds", "resolved", "processor")]
        rows.append(row)
    head = ["from", "clean", "until pip installs", "of processors", "with pip's cache", "until pip installs", "of processors"]
    return table(head, rows)


def by_image(r):
    rows = []
    for name in ["base", *IMAGES]:
        row = [f"`{name}`"]
        for scenario in SCENARIOS:
            row.append(change(*(of(r.image(t, name, scenario), "seconds") for t in TREES)))
        rows.append([*row, change(*(of(r.image(t, name), "size") for t in TREES), megabytes)])
    return table(["image", "clean", "nothing", "source", "dependency", "size"], rows)


def mended(r):
    """What `pylock doctor --fix` makes of the tree before."""
    if not r.mended:
        return "Not built.\n"
    left = sorted({f["rule"] for file in r.mended["left"] for f in file["findings"]})
    return (
        f"All its images build and are well after `pylock doctor --fix`. {r.mended['errors']} errors and "
        f"{r.mended['warnings']} warnings\nare left for a person:\n\n{''.join(f'- `{rule}`{chr(10)}' for rule in left)}"
    )


def page(r):
    m = r.machine
    rounds = len(r.installs.get("lock", {}).get("clean", {}).get("seconds", []))
    median = "one round" if rounds == 1 else f"medians of {rounds} rounds"
    instead = "" if r.python == "3.12" else " in the place of 3.12"
    return f"""
Measured on {r.date} with pylock {m['pylock']}, buildah {m['buildah']} ({m['storage']}), Python {m['python']}{instead}
on {m['system']}, pip {m['pip']}, on {m['cores']} cores of {m['cpu']}. One run of each
build, before and after in turn; {median} of the install step. The machine's load was
{statistics.median(r.loads)} in the median, {max(r.loads)} at most: trust processor time more than seconds where that is
more than its cores. Before → after; – was not measured.

### The plan

{plan(r)}
### langgraph's install step

Seconds.

{installs(r)}
Locking again after the dependency was added took {seconds(r.relock)} s, outside of the image.

### Each image

Seconds of whole builds.

{by_image(r)}
### The tree before, mended

{mended(r)}
### Health checks

Each image's command, started in its root file system, answered:

{"".join(f"    {tag}: {answer}{chr(10)}" for tag, answer in sorted(r.health.items()))}
"""


def write_page(r, path):
    """Puts the tables between the marks of a page that has them."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + BEGIN + page(r) + END + tail)


def write_chart(r, path):
    """Two bars a kind of work: before and after."""
    bars = [(f"all images, {what.split(':')[0]}", *(r.total(t, s) for t in TREES)) for s, what in SCENARIOS.items()]
    bars += [
        (f"langgraph's install step, {what}", r.median("ansible", cache), r.median("lock", cache))
        for cache, what in (("clean", "clean"), ("cached", "with pip's cache"))
    ]
    bars = [bar for bar in bars if None not in bar]
    left, wide, row = 340, 520, 46
    most = max(max(before, after) for _, before, after in bars)
    height = 40 + row * len(bars)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + wide + 70} {height}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<rect x="{left}" y="10" width="12" height="12" fill="#b9b9b9"/><text x="{left + 18}" y="21">before</text>',
        f'<rect x="{left + 90}" y="10" width="12" height="12" fill="#2a6fb0"/><text x="{left + 108}" y="21">after, in seconds</text>',
    ]
    for i, (what, before, after) in enumerate(bars):
        y = 36 + row * i
        out.append(f'<text x="{left - 10}" y="{y + 20}" text-anchor="end">{what}</text>')
        for j, (value, colour) in enumerate(((before, "#b9b9b9"), (after, "#2a6fb0"))):
            length = max(1, round(value / most * wide))
            out.append(f'<rect x="{left}" y="{y + 17 * j}" width="{length}" height="15" fill="{colour}"/>')
            out.append(f'<text x="{left + length + 6}" y="{y + 17 * j + 12}">{seconds(value)}</text>')
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join([*out, "</svg>", ""]))
