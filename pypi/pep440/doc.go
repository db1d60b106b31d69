// Package pep440 implements the versions and version specifiers of Python packages, and sets of versions.
//
// Versions have a total order (PEP 440): epoch, then the release with zeros appended as needed, then the suffixes,
// 1.dev1 < 1a1.dev1 < 1a1 < 1a1.post1 < 1b1 < 1rc1 < 1 < 1+local < 1.post1.dev1 < 1.post1, where locals compare segment
// by segment, texts before numbers.
//
// A specifier matches a part of that order. What surprises:
//
//   - `>V` matches neither V's post-releases nor its locals, unless V names a post- or development release itself.
//   - `<V` matches no pre-release of V, unless V is a pre-release itself.
//   - `==V`, `!=V` and `<=V` disregard the local of a candidate, unless V has one.
//   - `==V.*` and `!=V.*` look at the release alone, `~=V.N` means `>=V.N, ==V.*`.
//   - `===` compares text.
//
// Matching (Specifier, Specifiers), algebra (Set) and pre-release policy (Specifiers.Filter) are apart: Contains and
// Set never leave out pre-releases. Matching follows packaging 26.3, of which this is left out: empty clauses
// (`>=1,,<2`, `>=1,`), `===` without a text, and texts beyond MaxVersionLength and MaxClauses are errors.
//
// All types are immutable values and safe for concurrent use.
//
// https://packaging.python.org/en/latest/specifications/version-specifiers/
package pep440
