package indextest

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/pylock-dev/pylock/pypi/pep440"
)

// DefaultTag is the tag of the one wheel of a release that names no file.
const DefaultTag = "py3-none-any"

// file is one artefact of a release, made when first asked for.
type file struct {
	name    string
	project *Project
	release *Release
	tag     string // of a wheel
	wheel   bool

	once     sync.Once
	body     []byte
	metadata []byte // of a wheel
	sha256   string
	md5      string
	metaHash string
}

// artefacts are the files of a release in upload order: wheels, the sdist, then others.
func artefacts(p *Project, r *Release) []*file {
	var files []*file
	stem := distribution(p, r)
	for _, tag := range r.Wheels {
		files = append(files, &file{name: stem + "-" + tag + ".whl", project: p, release: r, tag: tag, wheel: true})
	}
	if r.Sdist != NoSdist {
		files = append(files, &file{name: stem + ".tar.gz", project: p, release: r})
	}
	for _, name := range r.Files {
		f := &file{name: name, project: p, release: r, wheel: strings.HasSuffix(name, ".whl")}
		if f.wheel {
			f.tag = DefaultTag
		}
		files = append(files, f)
	}
	return files
}

// distribution is NAME-VERSION as file names spell it (PEP 427, PEP 625).
func distribution(p *Project, r *Release) string {
	return strings.ReplaceAll(p.Name, "-", "_") + "-" + pep440.MustParse(r.Version).String()
}

func (f *file) build() *file {
	f.once.Do(func() {
		if f.wheel {
			f.metadata = coreMetadata(f.project, f.release, "2.3", true)
			f.metaHash = hexSHA256(f.metadata)
			f.body = makeWheel(f)
		} else {
			f.body = makeSdist(f.project, f.release)
		}
		f.sha256 = hexSHA256(f.body)
		sum := md5.Sum(f.body)
		f.md5 = hex.EncodeToString(sum[:])
	})
	return f
}

// coreMetadata is a METADATA or PKG-INFO file; without dependencies it has Name and Version alone.
func coreMetadata(p *Project, r *Release, version string, dependencies bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Metadata-Version: %s\nName: %s\nVersion: %s\n", version, p.Title, r.Version)
	for _, u := range r.URLs {
		fmt.Fprintf(&b, "Project-URL: %s\n", u)
	}
	if dependencies {
		if r.RequiresPython != "" {
			fmt.Fprintf(&b, "Requires-Python: %s\n", r.RequiresPython)
		}
		for _, d := range r.Requires {
			fmt.Fprintf(&b, "Requires-Dist: %s\n", d)
		}
		for _, e := range r.ProvidesExtra() {
			fmt.Fprintf(&b, "Provides-Extra: %s\n", e)
		}
	}
	return b.Bytes()
}

// makeWheel is a zip file that installers accept: a module, filler, and a .dist-info with METADATA compressed.
func makeWheel(f *file) []byte {
	var b, record bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name string, data []byte, method uint16) {
		content := data
		if method == zip.Deflate {
			content = deflate(data)
		}
		// CreateRaw, with all sizes known, leaves no data descriptors: Python's zipfile writes none for wheels.
		h := &zip.FileHeader{Name: name, Method: method, CRC32: crc32.ChecksumIEEE(data),
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(data))}
		//lint:ignore SA1019 CreateRaw writes this field, not Modified: 1 January 1980
		h.ModifiedDate = 1<<5 | 1
		h.SetMode(0o644)
		e, err := w.CreateRaw(h)
		if err == nil {
			_, err = e.Write(content)
		}
		if err != nil {
			panic(err) // a bytes.Buffer does not fail
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(data))
	}
	module := strings.NewReplacer("-", "_").Replace(f.project.Name)
	info := distribution(f.project, f.release) + ".dist-info/"
	add(module+"/__init__.py", fmt.Appendf(nil, "__version__ = %q\n", f.release.Version), zip.Store)
	if f.release.Size > 0 {
		add(module+"/filler.bin", filler(f.release.Size), zip.Store)
	}
	add(info+"METADATA", f.metadata, zip.Deflate)
	add(info+"WHEEL", wheelFile(f.tag), zip.Store)
	record.WriteString(info + "RECORD,,\n")
	add(info+"RECORD", bytes.Clone(record.Bytes()), zip.Store)
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// wheelFile is the WHEEL file of a wheel with this [build-]tag.
func wheelFile(tag string) []byte {
	var b bytes.Buffer
	b.WriteString("Wheel-Version: 1.0\nGenerator: indextest\nRoot-Is-Purelib: true\n")
	parts := strings.Split(tag, "-")
	if len(parts) == 4 {
		fmt.Fprintf(&b, "Build: %s\n", parts[0])
		parts = parts[1:]
	}
	for _, python := range strings.Split(parts[0], ".") {
		for _, abi := range strings.Split(parts[1], ".") {
			for _, platform := range strings.Split(parts[2], ".") {
				fmt.Fprintf(&b, "Tag: %s-%s-%s\n", python, abi, platform)
			}
		}
	}
	return b.Bytes()
}

func filler(size int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(size)))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
