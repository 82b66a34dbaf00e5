// Package arch holds the import table of ARCHITECTURE.md as an ordinary test:
// which room may know which other, and which outside packages each may use.
//
// Words: a room is a top-level folder of ours. A rule belongs to the longest
// folder it names, so a sub-folder may be told something stricter than its room.
// An outside package is one that is neither ours nor the standard library's.
//
// What never happens here: production code. The package exists for its test, and
// a rule is never loosened to let a change pass: that takes an ADR.
package arch
