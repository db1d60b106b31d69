package pep508

// An Environment holds the values of the marker variables of one target.
type Environment struct {
	ImplementationName           string // sys.implementation.name: "cpython"
	ImplementationVersion        string // "3.12.4", or "7.3.17" for PyPy
	OSName                       string // os.name: "posix", "nt"
	PlatformMachine              string // "x86_64", "arm64", "AMD64"
	PlatformPythonImplementation string // "CPython"
	PlatformRelease              string // of the operating system: "6.8.0-31-generic"
	PlatformSystem               string // "Linux", "Darwin", "Windows"
	PlatformVersion              string // of the operating system, free text
	PythonFullVersion            string // "3.12.4"
	PythonVersion                string // "3.12"
	SysPlatform                  string // "linux", "darwin", "win32"
}

// A variable is a marker variable. Their order is the order of decisions in a MarkerSet: those of which combinations are
// impossible come first.
type variable uint8

const (
	none variable = iota // a literal
	varOSName
	varSysPlatform
	varPlatformSystem
	varPlatformMachine
	varPlatformPythonImplementation
	varPlatformRelease
	varPlatformVersion
	varImplementationName
	varImplementationVersion
	varPythonFullVersion
	varPythonVersion
	varExtra
	varExtras
	varDependencyGroups
)

var variableNames = [...]string{"", "os_name", "sys_platform", "platform_system", "platform_machine",
	"platform_python_implementation", "platform_release", "platform_version", "implementation_name",
	"implementation_version", "python_full_version", "python_version", "extra", "extras", "dependency_groups"}

func (v variable) String() string { return variableNames[v] }

// parseVariable gives none for what is no variable; old tells that text is a name of before PEP 508.
func parseVariable(text string) (v variable, old bool) {
	for i, name := range variableNames[1:] {
		if name == text {
			return variable(i + 1), false
		}
	}
	switch text {
	case "os.name":
		return varOSName, true
	case "sys.platform":
		return varSysPlatform, true
	case "platform.version":
		return varPlatformVersion, true
	case "platform.machine":
		return varPlatformMachine, true
	case "platform.python_implementation", "python_implementation":
		return varPlatformPythonImplementation, true
	}
	return none, false
}

// isList tells whether v is one of the set-valued variables of lock files.
func (v variable) isList() bool { return v == varExtras || v == varDependencyGroups }

// comparesVersions tells whether the specification compares v as a version where both sides are versions.
func (v variable) comparesVersions() bool {
	return v == varPythonVersion || v == varPythonFullVersion || v == varImplementationVersion || v == varPlatformRelease
}

// isVersion tells whether uv takes v for a version.
func (v variable) isVersion() bool {
	return v == varPythonVersion || v == varPythonFullVersion || v == varImplementationVersion
}

// isString tells whether uv takes v for a text.
func (v variable) isString() bool { return varOSName <= v && v <= varImplementationName }

// isOrdered tells whether uv compares the text v with '<' and '>', by its characters.
func (v variable) isOrdered() bool { return v == varPlatformRelease || v == varPlatformVersion }

func (e *Environment) value(v variable) string {
	switch v {
	case varOSName:
		return e.OSName
	case varSysPlatform:
		return e.SysPlatform
	case varPlatformSystem:
		return e.PlatformSystem
	case varPlatformMachine:
		return e.PlatformMachine
	case varPlatformPythonImplementation:
		return e.PlatformPythonImplementation
	case varPlatformRelease:
		return e.PlatformRelease
	case varPlatformVersion:
		return e.PlatformVersion
	case varImplementationName:
		return e.ImplementationName
	case varImplementationVersion:
		return e.ImplementationVersion
	case varPythonFullVersion:
		return e.PythonFullVersion
	case varPythonVersion:
		return e.PythonVersion
	}
	return ""
}
