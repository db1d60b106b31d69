package indextest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// backend is the build backend in each sdist, so that a build needs nothing from any index. Its METADATA is the true one
// for every kind of sdist.
const backend = `import base64, hashlib, os, zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = STEM + "-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as z:
        def add(path, data):
            z.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append("%s,sha256=%s,%d" % (path, digest, len(data)))
        with open(os.path.join(HERE, "METADATA"), "rb") as f:
            metadata = f.read()
        add(MODULE + "/__init__.py", b"")
        add(STEM + ".dist-info/METADATA", metadata)
        add(STEM + ".dist-info/WHEEL", b"Wheel-Version: 1.0\nGenerator: indextest\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        record.append(STEM + ".dist-info/RECORD,,")
        z.writestr(STEM + ".dist-info/RECORD", "\n".join(record) + "\n")
    return name
`

// failing is the backend of a FailingSdist: it prints its environment and arguments, and what a terminal would obey.
const failing = `import os, sys


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    for name in sorted(os.environ):
        print("%s=%s" % (name, os.environ[name]))
    print(" ".join(sys.argv))
    print("\x1b]0;title\x07 no compiler")
    sys.stdout.flush()
    raise SystemExit("it is meant to fail")
`

// makeSdist is a tar.gz with PKG-INFO, pyproject.toml and what a build needs, under NAME-VERSION/.
func makeSdist(p *Project, r *Release) []byte {
	stem := distribution(p, r)
	module := strings.ReplaceAll(p.Name, "-", "_")
	var pkgInfo []byte
	switch r.Sdist {
	case DynamicSdist, FailingSdist:
		pkgInfo = append(coreMetadata(p, r, "2.2", false), "Dynamic: Requires-Dist\nDynamic: Requires-Python\nDynamic: Provides-Extra\n"...)
	case PyprojectSdist, LegacySdist:
		pkgInfo = coreMetadata(p, r, "2.1", false)
	default:
		pkgInfo = coreMetadata(p, r, "2.2", true)
	}
	code := fmt.Appendf(nil, "STEM = %q\nMODULE = %q\n%s", stem, module, backend)
	if r.Sdist == FailingSdist {
		code = []byte(failing)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"METADATA", coreMetadata(p, r, "2.3", true)},
		{"PKG-INFO", pkgInfo},
		{"backend.py", code},
		{"pyproject.toml", pyproject(p, r)},
	} {
		h := &tar.Header{Name: stem + "/" + f.name, Mode: 0o644, Size: int64(len(f.data)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		err := w.WriteHeader(h)
		if err == nil {
			_, err = w.Write(f.data)
		}
		if err != nil {
			panic(err) // a bytes.Buffer does not fail
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return gzipFixed(b.Bytes())
}

// pyproject has a [project] table for those kinds of sdist where it can tell something.
func pyproject(p *Project, r *Release) []byte {
	var b bytes.Buffer
	b.WriteString("[build-system]\nrequires = " + quoteAll(r.BuildRequires) + "\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n")
	if r.Sdist == LegacySdist {
		return b.Bytes()
	}
	project := fmt.Sprintf("\n[project]\nname = %s\nversion = %s\n", quote(p.Title), quote(r.Version))
	if r.Sdist == DynamicSdist || r.Sdist == FailingSdist {
		b.WriteString(project + "dynamic = [\"dependencies\", \"optional-dependencies\", \"requires-python\"]\n")
		return b.Bytes()
	}
	dependencies, optional, err := splitExtras(r.Requires)
	if err != nil {
		return b.Bytes()
	}
	b.WriteString(project)
	if r.RequiresPython != "" {
		fmt.Fprintf(&b, "requires-python = %s\n", quote(r.RequiresPython))
	}
	fmt.Fprintf(&b, "dependencies = %s\n", quoteAll(dependencies))
	for _, e := range r.Extras {
		if _, ok := optional[normalize(e)]; !ok {
			optional[normalize(e)] = nil
		}
	}
	if len(optional) > 0 {
		b.WriteString("\n[project.optional-dependencies]\n")
		for _, e := range slices.Sorted(maps.Keys(optional)) {
			fmt.Fprintf(&b, "%s = %s\n", quote(e), quoteAll(optional[e]))
		}
	}
	return b.Bytes()
}

var (
	extraFirst = regexp.MustCompile(`^extra\s*==\s*["']([^"']+)["'](?:\s+and\s+(.+))?$`)
	extraLast  = regexp.MustCompile(`^(.+)\s+and\s+extra\s*==\s*["']([^"']+)["']$`)
)

// splitExtras turns Requires-Dist lines into a pyproject.toml's dependencies and optional-dependencies. Of markers with
// extras it understands those that end or begin with extra == "x", which is what build backends write.
func splitExtras(requires []string) (dependencies []string, optional map[string][]string, err error) {
	optional = map[string][]string{}
	for _, d := range requires {
		requirement, marker, _ := strings.Cut(d, ";")
		requirement, marker = strings.TrimSpace(requirement), strings.TrimSpace(marker)
		if !strings.Contains(marker, "extra") {
			dependencies = append(dependencies, d)
			continue
		}
		var extra, rest string
		if m := extraFirst.FindStringSubmatch(marker); m != nil {
			extra, rest = m[1], m[2]
		} else if m := extraLast.FindStringSubmatch(marker); m != nil {
			extra, rest = m[2], m[1]
		}
		grouped := strings.HasPrefix(rest, "(") && strings.IndexByte(rest, ')') == len(rest)-1
		if extra == "" || strings.Contains(rest, "extra") || strings.Contains(rest, " or ") && !grouped {
			return nil, nil, fmt.Errorf("%q cannot be written into a pyproject.toml; end its marker with and extra == \"x\"", d)
		}
		if rest != "" {
			requirement += " ; " + rest
		}
		optional[normalize(extra)] = append(optional[normalize(extra)], requirement)
	}
	return dependencies, optional, nil
}

// quote is a TOML basic string: JSON's escapes are among TOML's.
func quote(s string) string {
	return string(marshal(s))
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
