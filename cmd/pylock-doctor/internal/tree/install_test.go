package tree

import (
	"fmt"
	"strings"
	"testing"
)

// describe is an install in a line.
func describe(in *Install) string {
	if in == nil {
		return ""
	}
	out := []string{string(in.Tool), in.Verb}
	for _, f := range in.Files {
		out = append(out, "-r "+f.Path)
	}
	for _, c := range in.Constraints {
		out = append(out, "-c "+c.Path)
	}
	for _, p := range in.Paths {
		kind := "path "
		if p.Editable {
			kind = "editable "
		}
		out = append(out, kind+p.Argument.Path)
	}
	for _, s := range in.Specs {
		mark := "open "
		if s.Pinned {
			mark = "pinned "
		}
		out = append(out, mark+string(s.Name))
	}
	for name, set := range map[string]bool{"no-deps": in.NoDeps, "no-index": in.NoIndex, "unclear": in.Unclear, "frozen": in.Frozen, "ignore-installed": in.IgnoreInstalled} {
		if set {
			out = append(out, name)
		}
	}
	if in.Prefix.Text != "" {
		out = append(out, "prefix "+in.Prefix.Text)
	}
	if in.NoCacheBy != "" || in.NoCache.Text != "" {
		out = append(out, "uncached")
	}
	return strings.Join(out, ", ")
}

func TestInstall(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"pip install -r a.txt", "pip, install, -r /app/a.txt"},
		{"pip3.12 install -ra.txt --requirement=b.txt -c c.txt", "pip, install, -r /app/a.txt, -r /app/b.txt, -c /app/c.txt"},
		{"/venv/bin/pip install 'a>=1' b==2 c===3 d==1.* 'e @ https://example.org/e.whl'", "pip, install, open a, pinned b, pinned c, open d, pinned e"},
		{"python -I -m pip --no-cache-dir install -e .[dev]", "pip, install, editable /app, uncached"},
		{"sudo -H PIP_NO_CACHE_DIR=1 python3 -m pip install --no-deps ./x /y", "pip, install, path /app/x, path /y, no-deps, uncached"},
		{"env PIP_NO_CACHE_DIR=0 pip install a", "pip, install, open a"},
		{"export PIP_NO_CACHE_DIR=1; pip install a", "pip, install, open a, uncached"},
		{"cd /src && pip install .", "pip, install, path /src"},
		{"(cd /src && true) && pip install .", "pip, install, path /app"},
		{`sh -c "pip install 'a<2'"`, "pip, install, open a"},
		{`bash -euxc 'cd sub; pip install .'`, "pip, install, path /app/sub"},
		{"pip install --prefix=/i --ignore-installed a", "pip, install, open a, ignore-installed, prefix /i"},
		{"pip install --prefix /i a", "pip, install, open a, prefix /i"},
		{"pip install --index-url https://example.org/simple a", "pip, install, open a"},
		{"pip install --new-option value a", "pip, install, open value, open a, unclear"},
		{"pip install $UNKNOWN a", "pip, install, open a, unclear"},
		{"pip install $(cat x)", "pip, install, unclear"},
		{"X=a; pip install ${X}==1 ${Y:-b}", "pip, install, pinned a, unclear"},
		{"X='a b'; pip install $X", "pip, install, open a, open b"},
		{"pip wheel --wheel-dir /w -r a.txt", "pip, wheel, -r /app/a.txt"},
		{"pip install --no-index --find-links /w x.whl", "pip, install, path /app/x.whl, no-index"},
		{"uv pip install --system -r a.txt", "uv pip, install, -r /app/a.txt"},
		{"uv --no-cache pip sync a.txt", "uv pip, sync, -r /app/a.txt, uncached"},
		{"uv sync --frozen --no-dev --group x", "uv, sync, frozen"},
		{"poetry install --no-root --only main", "poetry, install"},
		{"if true; then pip install a; fi", "pip, install, open a"},
		{"for p in a b; do pip install $p; done", "pip, install, unclear"},
		{"pip freeze", ""}, {"pip list -r x", ""}, {"uv run pip install x", ""}, {"echo pip install a", ""},
		{"# pip install a", ""}, {"pipx install a", ""}, {"python setup.py install", ""}, {"$PIP install a", ""},
		{"apt-get install -y pip", ""}, {"cat <<X\npip install a\nX", ""},
	} {
		cmds, ok := script{file: "f", text: tt.script, line: 1, exact: true}.commands(nil, "/app")
		if !ok {
			t.Errorf("%s: cannot be read", tt.script)
			continue
		}
		var got []string
		for _, c := range cmds {
			if in := NewInstall(c); in != nil {
				got = append(got, describe(in))
			}
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.script, s, tt.want)
		}
	}
}

// Words have the line and the column that they have in the file.
func TestBlank(t *testing.T) {
	lines := strings.Split("RUN --mount=type=cache,target=/x \\\n  --network=none \\\n# a comment\n\n  pip install \\\n    a", "\n")
	blank(lines, '\\')
	cmds, ok := script{file: "f", text: strings.Join(lines, "\n"), line: 10, exact: true}.commands(nil, "/")
	if !ok || len(cmds) != 1 || len(cmds[0].Words) != 3 {
		t.Fatalf("got %v of %q", cmds, lines)
	}
	for i, want := range []string{"14:3", "14:7", "15:5"} {
		if w := cmds[0].Words[i]; fmt.Sprintf("%d:%d", w.Line, w.Column) != want {
			t.Errorf("%s is at %d:%d, want %s", w.Text, w.Line, w.Column, want)
		}
	}
}

func TestBuild(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"docker build -t a:1 services/a", "services/a/Dockerfile services/a [a:1] "},
		{"docker buildx build --load --platform linux/amd64 -f d/x.Dockerfile --target t .", "d/x.Dockerfile . [] t"},
		{"podman build --file=d/y -t b . --build-arg A=1", "d/y . [b] "},
		{"buildah bud --layers -t c --isolation chroot x", "x/Dockerfile x [c] "},
		{"cd s && docker build .", "s/Dockerfile s [] "},
		{"docker build -f $X .", ""}, {"docker build -", ""}, {"docker build https://example.org/x.git", ""},
		{"docker build ../outside", ""}, {"docker compose build", ""}, {"docker run x", ""},
	} {
		cmds, _ := script{file: "Makefile", text: tt.script, line: 1}.commands(nil, ".")
		got := ""
		for _, c := range cmds {
			if b := newBuild(c); b != nil {
				got = fmt.Sprintf("%s %s %v %s", b.Dockerfile, b.Context, b.Names, b.Target)
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.script, got, tt.want)
		}
	}
}

func TestMakefile(t *testing.T) {
	m := readMakefile(&Text{Path: "Makefile", Lines: strings.Split(`PYLOCK ?= pylock
NAME := base # of all
UNKNOWN = $(shell date)
all: check
	@echo $(UNKNOWN) $$HOME
check: | build ; $(PYLOCK) check
build:
	-docker build \
	  -t $(NAME) .
`, "\n")})
	var got []string
	for _, target := range m.reach("all", map[string]bool{}) {
		for _, c := range target.Commands {
			got = append(got, fmt.Sprintf("%d %s", c.Place.Line, strings.Join(c.Texts(), " ")))
		}
	}
	want := "5 echo  |6 pylock check|8 docker build -t base ."
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestTarget(t *testing.T) {
	for _, tt := range []struct {
		header, pythons string
		libc            Libc
	}{
		{"CPython 3.12 on linux (x86_64, aarch64)", "3.12", Libc{Glibc: true, Minor: 28}},
		{"CPython 3.12 on glibc 2.17 linux (x86_64)", "3.12", Libc{Glibc: true, Minor: 17}},
		{"CPython 3.12 on musl linux (x86_64); CPython 3.13 on linux (x86_64)", "3.12 3.13", Libc{Glibc: true, Musl: true, Minor: 28}},
		{"CPython 3.12 on macos (aarch64); CPython 3.12 on linux (x86_64)", "3.12", Libc{}},
		{"CPython 3.12 and newer on every platform", "", Libc{}},
		{"", "", Libc{}},
	} {
		l, err := newLock("requirements.lock", []byte("# This file was autogenerated by pylock via the following command:\n#    pylock compile .\n# Target: "+tt.header+"\na==1\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(l.Pythons, " "); got != tt.pythons || l.Libc != tt.libc {
			t.Errorf("%s: got %s and %+v, want %s and %+v", tt.header, got, l.Libc, tt.pythons, tt.libc)
		}
	}
}
