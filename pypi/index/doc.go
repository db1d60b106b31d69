// Package index reads Python package indexes: which files a project has, and what those files declare.
//
// Two protocols are spoken. The Simple repository API ([PEP 503] in HTML, [PEP 691] in JSON, with the additions of
// PEP 592, 658, 700, 714 and 792) is what every index has. The JSON API of the Python Package Index
// (/pypi/NAME/json) has the same files, and a claim about the dependencies of the latest version; an index at …/simple/
// is assumed to have it at …/pypi/ until it shows otherwise. [Order] says which is asked first, and why.
//
// An index may lack anything that is optional: the JSON API, its documents for single versions, metadata files
// beside the wheels, byte ranges, ETags, sizes, hashes. What an index lacks is learned from its first answers and
// not asked for again.
//
// # Names and files
//
// The first index that has a name answers for it alone, extra indexes before the default one; a 404 moves on to the
// next, 401 and 403 stop. Files that belong to another project, that are neither wheel nor source distribution, that
// carry a malformed hash or Requires-Python, or whose address is not one that an installer would follow, are left out
// and listed in [Project.Skipped].
//
// # Metadata
//
// The dependencies of a version come from a file of it, in this order: the metadata file that the index keeps beside
// a wheel (its hash verified where the index states one), byte ranges of the wheel, the whole wheel, and the
// PKG-INFO or pyproject.toml of the source distribution where they are static. What needs a build is asked of
// [Options.Builder], once the hash of the file is verified, or ends in [ErrNeedsBuild]. The JSON API's own statement is
// a claim: see [Project.Claim].
//
// # What is not trusted
//
// Answers are capped in size after decompression, in depth, in count; a body that could have been cut short unseen is
// refused; a byte range must be the one asked for, of a file that did not change; zip archives are read strictly.
// Credentials go to the scheme, host and port of the index they were given for, for that index's own requests, and
// appear in no error.
//
// [PEP 503]: https://peps.python.org/pep-0503/
// [PEP 691]: https://peps.python.org/pep-0691/
package index
