// Package build asks the build backend of a source distribution for its core metadata, as PEP 517 lays down, where
// nothing static tells them.
//
// A build runs code of the source distribution, with the rights of whoever calls. What this package does so that it
// runs no more than that, and can tell nothing to anybody:
//
//   - The caller has verified the archive's hash. It is unpacked below a scratch folder by the rules of Python's "data"
//     filter for tar archives (PEP 706): no absolute path, no "..", no link that leads outside, no device, within the
//     limits of limits.go.
//   - Build requirements are wheels that the caller provides as files, chosen by its own rules of indexes, hashes and
//     constraints; they are installed by a pip that asks no index. No other code than that of the source distribution
//     and of these wheels runs: a build requirement is never built.
//   - No subprocess gets a credential: neither an argument nor a variable holds one. The environment is made anew of a
//     few variables (see environment.go); HOME and the folders for temporary files are in the scratch folder.
//   - The backend runs in an environment of its own (venv) with its requirements alone.
//   - A build ends within its timeout. The whole process group is killed then, when the caller's context ends, and when
//     the backend has answered; the scratch folder is removed in each case. A process that makes a session of its own
//     escapes that, and a build can write wherever the caller may: this is no sandbox.
//   - What a build prints is shown line by line to Options.Log, and the end of it in the [Error].
//
// [StaticTree] and [StaticArchive] read what a source tree states without all that: they come first, where a tree is not
// one of an index.
//
// Left out on purpose: wheels are built only where a backend lacks the hook prepare_metadata_for_build_wheel; editable
// builds, build settings, builds without isolation, and what only setup.py egg_info would tell without setuptools'
// backend.
//
// https://peps.python.org/pep-0517/ and https://peps.python.org/pep-0518/
package build
