package dist

import (
	"reflect"
	"testing"
)

// What is trimmed away is what is not read.
func TestTrimMetadata(t *testing.T) {
	for _, text := range []string{
		"", "Name: a\nVersion: 1\n", "\xef\xbb\xbfMetadata-Version: 2.1\r\nName: a\r\nVersion: 1\r\nSummary: s\r\n folded\r\nRequires-Dist: b\r\n  >=1\r\n\r\nbody\r\nName: c\r\n",
		"From x\nname: a\rversion: 1\rClassifier: x\rProvides-Extra: e\rDynamic: License\rProject-URL: l, https://l.test\rrequires-python: >=3",
		"Name: a\nName: b\nVersion: 1\nDescription: Name: c\n  Requires-Dist: d\nRequires-Dist: e; extra == 'x'\nno field\nRequires-Dist: f\n",
		"Name: a\nVersion: 1\nProject-URL: \xff\nRequires-Dist: \xff\n",
	} {
		want, wantErr := ParseMetadata([]byte(text))
		got, err := ParseMetadata(TrimMetadata([]byte(text)))
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(err, wantErr) {
			t.Errorf("%q: got %+v, %v, want %+v, %v", text, got, err, want, wantErr)
		}
	}
}
