// Package tidy holds the visible rules of CONTRIBUTING.md as an ordinary test
// over the source tree: what a program can see, no reviewer has to.
//
// Words: a rule looks at one file and returns its findings. Each rule carries its
// controls: small sources it must find something in, and some it must leave
// alone. A rule that finds nothing in its bad controls fails before the tree is read.
//
// What never happens here: production code, or a file excused by a comment inside
// it. Who may do what a rule forbids is listed beside the rule, with the reason,
// and an excuse nobody needs any more fails too.
package tidy
