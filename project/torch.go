package project

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pylock-dev/pylock/pypi"
)

// TorchBackends are the builds of PyTorch that have an index of their own, by
// the names of uv 0.13.9: the processor alone, versions of CUDA and of ROCm,
// newest first, and Intel's GPUs.
var TorchBackends = []string{
	"cpu",
	"cu132", "cu130", "cu129", "cu128", "cu126", "cu125", "cu124", "cu123", "cu122", "cu121", "cu120",
	"cu118", "cu117", "cu116", "cu115", "cu114", "cu113", "cu112", "cu111", "cu110",
	"cu102", "cu101", "cu100", "cu92", "cu91", "cu90", "cu80",
	"rocm7.2", "rocm7.1", "rocm7.0", "rocm6.4", "rocm6.3", "rocm6.2.4", "rocm6.2", "rocm6.1", "rocm6.0",
	"rocm5.7", "rocm5.6", "rocm5.5", "rocm5.4.2", "rocm5.4", "rocm5.3", "rocm5.2", "rocm5.1.1", "rocm4.2", "rocm4.1", "rocm4.0.1",
	"xpu",
}

// TorchPackages are the packages that those indexes are asked for, as in uv:
// what is built against PyTorch, and the compilers that it brings. Sorted.
var TorchPackages = []pypi.Name{
	"fbgemm-gpu", "fbgemm-gpu-genai",
	"pytorch-triton", "pytorch-triton-rocm", "pytorch-triton-xpu",
	"torch", "torch-tensorrt", "torchao", "torcharrow", "torchaudio", "torchcodec", "torchcsprng", "torchdistx",
	"torchrec", "torchserve", "torchtext", "torchtune", "torchvision",
	"triton", "triton-rocm", "triton-xpu",
	"xformers",
}

// torchIndexes is where the indexes of PyTorch are, each under its name.
const torchIndexes = "https://download.pytorch.org/whl/"

// TorchIndex returns the address of the index of a backend.
func TorchIndex(backend string) string { return torchIndexes + backend }

// ErrTorchAuto says why uv's auto is no backend: it means that of the machine
// that locks, and a lock is for others.
var ErrTorchAuto = errors.New("auto asks the machine for its GPU, and a lock is the same on every machine: name what the lock is for, such as cpu, cu128, rocm6.4 or xpu")

// ParseTorchBackend reads the name of a backend; for auto, the error is
// [ErrTorchAuto].
func ParseTorchBackend(s string) (string, error) {
	if s == "auto" {
		return "", ErrTorchAuto
	}
	if slices.Contains(TorchBackends, s) {
		return s, nil
	}
	return "", fmt.Errorf("unknown backend %q: %s", s, Choices(s, TorchBackends))
}
