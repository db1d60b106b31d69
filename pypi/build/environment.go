package build

import (
	"os"
	"path/filepath"
	"runtime"
)

// kept are the variables that a build gets of the caller's: where programs and their libraries are, and the language.
// All others may hold credentials, or make the answer one of this shell alone.
var kept = []string{
	"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ",
	"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS",
}

// environment returns the variables of a process: those kept, with home and temporary files in scratch, and programs of
// bin, if any, before others.
func (b *Builder) environment(scratch, bin string) []string {
	env := []string{
		"HOME=" + scratch, "USERPROFILE=" + scratch, "APPDATA=" + scratch, "LOCALAPPDATA=" + scratch,
		"TMPDIR=" + scratch, "TEMP=" + scratch, "TMP=" + scratch,
		"PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONIOENCODING=utf-8:backslashreplace",
		"PIP_CONFIG_FILE=" + os.DevNull, "PIP_NO_INPUT=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "GIT_TERMINAL_PROMPT=0", "NO_COLOR=1",
	}
	for _, name := range kept {
		value, ok := b.getenv(name)
		if !ok {
			continue
		}
		if name == "PATH" && bin != "" {
			value = bin + string(filepath.ListSeparator) + value
		}
		env = append(env, name+"="+value)
	}
	return env
}

// PretendedVersion is the version that a build is told where only git would tell it.
const PretendedVersion = "0"

// withoutGit gives it to the backends that ask git: setuptools-scm and hatch-vcs, pdm, pbr, and Poetry's dynamic
// versioning.
var withoutGit = []string{
	"SETUPTOOLS_SCM_PRETEND_VERSION=" + PretendedVersion, "PDM_BUILD_SCM_VERSION=" + PretendedVersion,
	"PBR_VERSION=" + PretendedVersion, "POETRY_DYNAMIC_VERSIONING_BYPASS=" + PretendedVersion,
}

// scripts is the folder of an environment's programs, and python its interpreter.
func scripts(env string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(env, "Scripts")
	}
	return filepath.Join(env, "bin")
}

func python(env string) string {
	name := "python"
	if runtime.GOOS == "windows" {
		name = "python.exe"
	}
	return filepath.Join(scripts(env), name)
}
