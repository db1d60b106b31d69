package index

import (
	"bytes"
	"fmt"
	"testing"
)

// generatedDocument is a document of the JSON API with about n files: the
// fields that PyPI sends, four files a release.
func generatedDocument(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"info": {"author": "A", "description": "`)
	b.WriteString(string(bytes.Repeat([]byte(`a line of a README\n`), 500)))
	b.WriteString(`", "name": "demo", "requires_dist": ["anyio", "certifi", "h2<5,>=3; extra == \"http2\""], "requires_python": ">=3.8", "version": "1.0", "yanked": false}, "last_serial": 1, "releases": {`)
	for i := range n {
		if i%4 == 0 {
			if i > 0 {
				b.WriteString("], ")
			}
			fmt.Fprintf(&b, `"%d.%d.%d": [`, i/1000, i/40%25, i/4%10)
		} else {
			b.WriteString(", ")
		}
		platform := []string{"manylinux_2_17_x86_64.manylinux2014_x86_64", "macosx_11_0_arm64", "win_amd64", "musllinux_1_1_x86_64"}[i%4]
		name := fmt.Sprintf("demo-%d.%d.%d-cp3%d-cp3%d-%s.whl", i/1000, i/40%25, i/4%10, 8+i/4%6, 8+i/4%6, platform)
		hash := fmt.Sprintf("%064x", i*7919+1)
		fmt.Fprintf(&b, `{"comment_text": "", "digests": {"blake2b_256": "%s", "md5": "%s", "sha256": "%s"}, "downloads": -1, "filename": "%s", "has_sig": false, "md5_digest": "%s", "packagetype": "bdist_wheel", "python_version": "cp38", "requires_python": ">=3.8", "size": %d, "upload_time": "2024-%02d-02T17:02:14", "upload_time_iso_8601": "2024-%02d-02T17:02:14.432949Z", "url": "https://files.index.test/packages/5d/b2/%s/%s", "yanked": false, "yanked_reason": null}`,
			hash, hash[:32], hash, name, hash[:32], 100000+i, 1+i%12, 1+i%12, hash[:60], name)
	}
	b.WriteString(`]}, "urls": [], "vulnerabilities": []}`)
	return b.Bytes()
}

func BenchmarkJSONAPI(b *testing.B) {
	page := generatedDocument(10_000)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		pb := testBuilder("demo")
		if err := scanJSONAPI(page, pb, false); err != nil {
			b.Fatal(err)
		}
		if p := built(b, pb, new(repository)); len(p.Releases) == 0 || len(p.Skipped) > 0 {
			b.Fatal(p.Skipped)
		}
	}
}
