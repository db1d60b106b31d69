// Package dist reads what describes a distribution: the file names of wheels
// and sdists, core metadata (METADATA, PKG-INFO, the fields of a JSON API), and
// the static part of an sdist's pyproject.toml, and how it is built.
//
// File names are judged as packaging 26.3 does. On purpose stricter: the
// project part must be a project name (packaging lets _x, é and x! pass), and
// control characters, slashes, backslashes and text that is not UTF-8 are
// refused, since no file on an index has them.
//
// Core metadata is read as a resolver must, laxer than the specification:
//
//   - Only Metadata-Version, Name, Version, Requires-Dist, Requires-Python,
//     Provides-Extra and Dynamic are looked at. Requires, Obsoletes and every
//     other field, known or not, valid or not, and the body are ignored.
//   - A field that may appear once counts the first time, as for pip and uv;
//     another value after it gives a warning.
//   - The value UNKNOWN, which old setuptools wrote, is no value.
//   - A malformed Requires-Dist or Requires-Python is repaired where a known
//     mistake explains it (pep440.RepairSpecifiers), with a warning. Repairs are
//     tried only when strict parsing fails, and touch neither marker nor URL.
//   - A malformed Provides-Extra is dropped with a warning.
//   - A Metadata-Version that is missing, malformed or unknown is accepted,
//     though never as static; a major version above 2 is refused.
//   - Folded values are joined by a space.
//   - Requirements are read as package pep508 reads them: what uv accepts and
//     the specification does not, such as a marker right after a URL, passes.
//
// An error remains for what makes a release unusable: no valid Name or
// Version, a Requires-Dist or Requires-Python beyond repair, invalid UTF-8 in a
// field that is read, and sizes above the limits below.
package dist
