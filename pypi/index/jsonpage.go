package index

import (
	"fmt"
	"strings"

	"github.com/pylock-dev/pylock/pypi"
	"github.com/pylock-dev/pylock/pypi/pep440"
)

// Bytes that a file takes on a page, to guess how many there are.
const (
	simpleFileSize = 512
	jsonFileSize   = 1200
)

// mostExpected is for how many files room is made on the word of a page's length.
const mostExpected = 16 << 10

// record is a file as a page states it, before any check. The slices may share memory with the page.
type record struct {
	filename, url            []byte
	sha256, sha384, sha512   []byte
	requiresPython, uploaded []byte
	size                     int64
	yanked                   bool
	yankedReason             []byte
	core                     CoreState
	coreHash                 []byte
	kind                     []byte // packagetype of the JSON API
}

// Bits of members for the keys of a file, the same for both protocols.
const (
	mFilename members = 1 << iota
	mURL
	mHashes
	mRequiresPython
	mUploaded
	mUploadedNaive
	mSize
	mYanked
	mYankedReason
	mCore
	mDistInfo
	mDataDistInfo
	mKind
)

// Bits for the keys of a page.
const (
	mInfo members = 1 << iota
	mReleases
	mURLs
	mName
	mFiles
	mMeta
	mStatus
	mVersion
	mRequiresDist
	mPython
	mExtras
	mReason
)

// scanSimpleJSON reads a project page of the Simple API in JSON (PEP 691, 700, 714, 792). Keys that are read must not
// be repeated; others are passed over.
func scanSimpleJSON(s *scanner, b *pageBuilder) error {
	b.expect(min(s.length/simpleFileSize, mostExpected))
	var seen members
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "meta":
			if err := seen.once(s, mMeta); err != nil {
				return err
			}
			return s.whole(func() error { return scanMeta(s) })
		case "name":
			if err := seen.once(s, mName); err != nil {
				return err
			}
			return s.whole(func() error {
				name, err := s.text()
				if err != nil {
					return err
				}
				return b.named(string(name))
			})
		case "project-status":
			if err := seen.once(s, mStatus); err != nil {
				return err
			}
			return s.whole(func() error { return scanStatus(s, b) })
		case "files":
			if err := seen.once(s, mFiles); err != nil {
				return err
			}
			file := func() error { return scanSimpleFile(s, b) }
			return s.array(func() error { return s.whole(file) })
		}
		return s.whole(s.skip)
	})
	if err != nil {
		return err
	}
	if seen&mFiles == 0 {
		return &syntaxError{Msg: `no key "files": not a page of the Simple API`}
	}
	return s.end()
}

func scanMeta(s *scanner) error {
	var seen members
	return s.object(func(key []byte) error {
		if string(key) != "api-version" {
			return s.skip()
		}
		if err := seen.once(s, mVersion); err != nil {
			return err
		}
		version, err := s.text()
		if err != nil {
			return err
		}
		return checkAPIVersion(string(version))
	})
}

// checkAPIVersion refuses another major version than 1, as PEP 629 asks.
func checkAPIVersion(version string) error {
	if major, _, _ := strings.Cut(version, "."); major != "1" {
		return fmt.Errorf("version %q of the Simple API is not known, want 1.x; update pylock", version)
	}
	return nil
}

// scanStatus reads the object of PEP 792, or the bare string that its example shows.
func scanStatus(s *scanner, b *pageBuilder) error {
	if s.peek() != '{' {
		status, err := s.optionalText()
		b.status = string(status)
		return err
	}
	var seen members
	return s.object(func(key []byte) error {
		switch string(key) {
		case "status":
			if err := seen.once(s, mStatus); err != nil {
				return err
			}
			status, err := s.optionalText()
			b.status = string(status)
			return err
		case "reason":
			if err := seen.once(s, mReason); err != nil {
				return err
			}
			reason, err := s.optionalText()
			b.statusReason = string(reason)
			return err
		}
		return s.skip()
	})
}

func scanSimpleFile(s *scanner, b *pageBuilder) error {
	var r record
	var seen members
	var core, legacy coreValue
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "filename":
			if err = seen.once(s, mFilename); err == nil {
				r.filename, err = s.text()
			}
		case "url":
			if err = seen.once(s, mURL); err == nil {
				r.url, err = s.text()
			}
		case "hashes":
			if err = seen.once(s, mHashes); err == nil {
				err = scanHashes(s, &r)
			}
		case "requires-python":
			if err = seen.once(s, mRequiresPython); err == nil {
				r.requiresPython, err = s.optionalText()
			}
		case "upload-time":
			if err = seen.once(s, mUploaded); err == nil {
				r.uploaded, err = s.optionalText()
			}
		case "size":
			if err = seen.once(s, mSize); err == nil {
				r.size, err = s.size()
			}
		case "yanked":
			if err = seen.once(s, mYanked); err == nil {
				r.yanked, r.yankedReason, err = scanYanked(s)
			}
		case "core-metadata":
			if err = seen.once(s, mCore); err == nil {
				core, err = scanCore(s)
			}
		case "dist-info-metadata":
			if err = seen.once(s, mDistInfo); err == nil {
				legacy, err = scanCore(s)
			}
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	r.core, r.coreHash = core.or(legacy)
	return b.add(&r)
}

// scanJSONAPI reads a project document, or with version set a version document, of the JSON API.
func scanJSONAPI(data []byte, b *pageBuilder, version bool) error {
	s, err := newScanner(data)
	if err != nil {
		return err
	}
	b.expect(len(data) / jsonFileSize)
	var seen members
	err = s.object(func(key []byte) error {
		switch string(key) {
		case "info":
			if err := seen.once(s, mInfo); err != nil {
				return err
			}
			return scanInfo(s, b)
		case "releases":
			if version {
				return s.skip()
			}
			if err := seen.once(s, mReleases); err != nil {
				return err
			}
			return s.object(func([]byte) error {
				return s.array(func() error { return scanJSONFile(s, b) })
			})
		case "urls":
			if !version {
				return s.skip()
			}
			if err := seen.once(s, mURLs); err != nil {
				return err
			}
			return s.array(func() error { return scanJSONFile(s, b) })
		}
		return s.skip()
	})
	if err != nil {
		return err
	}
	switch {
	case seen&mInfo == 0:
		return &syntaxError{Msg: `no key "info": not a document of the JSON API`}
	case version && seen&mURLs == 0:
		return &syntaxError{Msg: `no key "urls": not a version document of the JSON API`}
	case !version && seen&mReleases == 0:
		return &syntaxError{Msg: `no key "releases": not a project document of the JSON API`}
	}
	return s.end()
}

// scanInfo reads the metadata of one version. A requires_dist of null says nothing, since the index writes null for
// none and for unknown alike: only a list becomes a claim. A version that does not parse makes none either.
func scanInfo(s *scanner, b *pageBuilder) error {
	var c claim
	var seen members
	var version []byte
	known := false
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			if err = seen.once(s, mName); err != nil {
				return err
			}
			name, err := s.text()
			if err != nil {
				return err
			}
			return b.named(string(name))
		case "version":
			if err = seen.once(s, mVersion); err == nil {
				version, err = s.optionalText()
			}
		case "requires_dist":
			if err = seen.once(s, mRequiresDist); err == nil {
				known = s.peek() == '['
				c.requires, err = scanTexts(s)
			}
		case "requires_python":
			if err = seen.once(s, mPython); err == nil {
				var text []byte
				text, err = s.optionalText()
				c.requiresPython = string(text)
			}
		case "provides_extra":
			if err = seen.once(s, mExtras); err == nil {
				c.extras, err = scanTexts(s)
			}
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	v, err := pep440.Parse(string(version))
	if known && err == nil {
		c.name, c.version = b.name, v
		b.claim = &c
	}
	return nil
}

// scanTexts reads an array of strings, or null as nil.
func scanTexts(s *scanner) ([]string, error) {
	if ok, err := s.null(); ok || err != nil {
		return nil, err
	}
	out := []string{}
	err := s.array(func() error {
		text, err := s.text()
		out = append(out, string(text))
		return err
	})
	return out, err
}

func scanJSONFile(s *scanner, b *pageBuilder) error {
	var r record
	var seen members
	var core, legacy coreValue
	var naive []byte
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "filename":
			if err = seen.once(s, mFilename); err == nil {
				r.filename, err = s.text()
			}
		case "url":
			if err = seen.once(s, mURL); err == nil {
				r.url, err = s.text()
			}
		case "digests":
			if err = seen.once(s, mHashes); err == nil {
				err = scanHashes(s, &r)
			}
		case "requires_python":
			if err = seen.once(s, mRequiresPython); err == nil {
				r.requiresPython, err = s.optionalText()
			}
		case "upload_time_iso_8601":
			if err = seen.once(s, mUploaded); err == nil {
				r.uploaded, err = s.optionalText()
			}
		case "upload_time":
			if err = seen.once(s, mUploadedNaive); err == nil {
				naive, err = s.optionalText()
			}
		case "size":
			if err = seen.once(s, mSize); err == nil {
				r.size, err = s.size()
			}
		case "yanked":
			if err = seen.once(s, mYanked); err == nil {
				var reason []byte
				if r.yanked, reason, err = scanYanked(s); reason != nil {
					r.yankedReason = reason
				}
			}
		case "yanked_reason":
			if err = seen.once(s, mYankedReason); err == nil {
				var reason []byte
				if reason, err = s.optionalText(); reason != nil {
					r.yankedReason = reason
				}
			}
		case "core-metadata":
			if err = seen.once(s, mCore); err == nil {
				core, err = scanCore(s)
			}
		case "data-dist-info-metadata":
			if err = seen.once(s, mDataDistInfo); err == nil {
				legacy, err = scanCore(s)
			}
		case "packagetype":
			if err = seen.once(s, mKind); err == nil {
				r.kind, err = s.optionalText()
			}
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.uploaded == nil {
		r.uploaded = naive
	}
	r.core, r.coreHash = core.or(legacy)
	return b.add(&r)
}

// scanHashes reads an object of digests, or null. Only those that pip accepts in a lock are kept.
func scanHashes(s *scanner, r *record) error {
	if ok, err := s.null(); ok || err != nil {
		return err
	}
	var seen members
	return s.object(func(key []byte) (err error) {
		switch string(key) {
		case "sha256":
			if err = seen.once(s, 1); err == nil {
				r.sha256, err = s.optionalText()
			}
		case "sha384":
			if err = seen.once(s, 2); err == nil {
				r.sha384, err = s.optionalText()
			}
		case "sha512":
			if err = seen.once(s, 4); err == nil {
				r.sha512, err = s.optionalText()
			}
		default:
			err = s.skip()
		}
		return err
	})
}

// scanYanked reads false, true, a reason (an empty one too), or null for false.
func scanYanked(s *scanner) (bool, []byte, error) {
	switch s.peek() {
	case 'n':
		_, err := s.null()
		return false, nil, err
	case '"':
		reason, err := s.text()
		return true, reason, err
	}
	yanked, err := s.boolean()
	return yanked, nil, err
}

// coreValue is the value of core-metadata or of its name before PEP 714.
type coreValue struct {
	state CoreState
	hash  []byte
}

// or prefers v, then the older spelling.
func (v coreValue) or(older coreValue) (CoreState, []byte) {
	if v.state == CoreUnknown {
		v = older
	}
	return v.state, v.hash
}

// scanCore reads a boolean, an object of hashes (empty too), or null.
func scanCore(s *scanner) (coreValue, error) {
	switch s.peek() {
	case 'n':
		_, err := s.null()
		return coreValue{}, err
	case '{':
		var r record
		err := scanHashes(s, &r)
		return coreValue{CoreAdvertised, r.sha256}, err
	}
	ok, err := s.boolean()
	if ok {
		return coreValue{state: CoreAdvertised}, err
	}
	return coreValue{state: CoreAbsent}, err
}

// named checks the name that a page gives itself.
func (b *pageBuilder) named(text string) error {
	name, err := pypi.ParseName(text)
	if err != nil || name != b.name {
		return fmt.Errorf("the page is about %q, asked was %q", text, b.name)
	}
	return nil
}
