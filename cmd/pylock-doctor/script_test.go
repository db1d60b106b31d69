package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pylock-dev/pylock/cmd/internal/cli"
)

func TestMain(m *testing.M) {
	run := func(d cli.Doctor) func() {
		return func() {
			app := cli.New()
			app.Doctor = d
			os.Exit(app.Run(context.Background(), os.Args[1:]))
		}
	}
	testscript.Main(m, map[string]func(){
		"pylock":        run(nil), // as the lean program is: it has no doctor
		"pylock-doctor": run(doctor{}),
	})
}

// TestScript runs the scripts of testdata/script: one behaviour a file. Besides
// testscript's own commands they have
//
//	exits CODE COMMAND...
//	        run a command that must exit with that code
//	unescaped
//	        fail where the last output has a control character
//	json    fail unless the last standard output is JSON
//	control FILE
//	        replace the escapes of Go in a file
//	large FILE N
//	        write a file of N zeros
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PYLOCK_NO_CONFIG", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				err = ts.Exec(args[1], args[2:]...)
				got := 0
				if exit, ok := err.(*exec.ExitError); ok {
					got = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
			"unescaped": func(ts *testscript.TestScript, neg bool, args []string) {
				for _, r := range ts.ReadFile("stdout") + ts.ReadFile("stderr") {
					if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0x202e || r >= 0x80 && r < 0xa0 {
						ts.Fatalf("the output has %U", r)
					}
				}
			},
			"json": func(ts *testscript.TestScript, neg bool, args []string) {
				var v any
				ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
			},
			"control": func(ts *testscript.TestScript, neg bool, args []string) {
				path := ts.MkAbs(args[0])
				data, err := os.ReadFile(path)
				ts.Check(err)
				s, err := strconv.Unquote(`"` + replaceLines(string(data)) + `"`)
				ts.Check(err)
				ts.Check(os.WriteFile(path, []byte(s), 0o644))
			},
			"large": func(ts *testscript.TestScript, neg bool, args []string) {
				n, err := strconv.Atoi(args[1])
				ts.Check(err)
				ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), make([]byte, n), 0o644))
			},
		},
	})
}

// replaceLines makes a text of several lines one for [strconv.Unquote].
func replaceLines(s string) string {
	var b []byte
	for i := range len(s) {
		switch s[i] {
		case '\n':
			b = append(b, `\n`...)
		case '"':
			b = append(b, `\"`...)
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}
