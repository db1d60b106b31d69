package project

import (
	"errors"
	"slices"
	"testing"

	"github.com/pylock-dev/pylock/pypi"
)

func TestTorch(t *testing.T) {
	if !slices.IsSorted(TorchPackages) {
		t.Error("the packages are not sorted")
	}
	for _, n := range TorchPackages {
		if pypi.NormalizeName(string(n)) != n {
			t.Errorf("%s is not normalized", n)
		}
	}
	// As many as uv 0.13.9 has.
	if len(TorchPackages) != 22 || len(TorchBackends) != 49 {
		t.Errorf("%d packages, %d backends", len(TorchPackages), len(TorchBackends))
	}
	for _, b := range TorchBackends {
		if got, err := ParseTorchBackend(b); err != nil || got != b {
			t.Errorf("%s: %v", b, err)
		}
	}
	if _, err := ParseTorchBackend("auto"); !errors.Is(err, ErrTorchAuto) {
		t.Errorf("auto: %v", err)
	}
	if _, err := ParseTorchBackend("CPU"); err == nil {
		t.Error("CPU is taken")
	}
	if got := TorchIndex("cu128"); got[len(got)-len("/whl/cu128"):] != "/whl/cu128" {
		t.Error(got)
	}
}
