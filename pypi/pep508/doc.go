// Package pep508 reads dependency specifiers ("requirements") and environment markers, evaluates markers, and does
// algebra on them.
//
// The grammar, which is that of the living specification (PEP 508 as amended), read as uv reads it:
//
//	requirement = ws name ws extras? ws (url | '(' specifiers ')' | specifiers)? ws (';' marker)? ws
//	name        = letter or digit, then letters, digits, '-', '_', '.', ending with a letter or digit
//	extras      = '[' ws (name (ws ',' ws name)*)? ws ']'
//	url         = '@' ws text up to white space before ';', or up to ';' before white space
//	specifiers  = clause (',' clause)* ','?          every clause is a version specifier of PEP 440
//	marker      = and (ws 'or' and)*
//	and         = term (ws 'and' term)*
//	term        = ws '(' marker ')' | ws operand ws operator ws operand
//	operand     = variable | "'" text "'" | '"' text '"'
//	operator    = '<=' '<' '!=' '==' '>=' '>' '~=' '===' 'in' 'not' ws+ 'in'
//	ws          = (' ' | tab)*
//
// Backslash escapes of a quoted text are those of Python, save \N{…}; where they are malformed the text stays as it is.
// The operand of '===' must be a version. Names that only lock files know (extras, dependency_groups) are read.
//
// A marker has two readings that differ in rare cases, and both are here. Eval is the specification's, as the packaging
// library has it: python_version, python_full_version, implementation_version and platform_release compare as versions
// when operator and right side make a valid version specifier, everything else as text, where '<' and '>' never hold and
// '<=' and '>=' mean equality. EvalUV is uv's: comparisons without meaning (a variable with a variable, a version with
// something that is none, an ordering of extras) vanish, 'in' with a version variable compares with each version of a
// list, and Python versions are compared by their release alone. A Warning tells of each that vanishes. Applies holds
// where either does.
//
// A MarkerSet is the set of environments in which a marker holds, by uv's reading, in canonical form.
//
// https://packaging.python.org/en/latest/specifications/dependency-specifiers/
package pep508
