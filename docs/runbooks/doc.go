// Package runbooks is the operators' pages, in French, and the test that their
// queries still read the schema.
//
// What never happens here: a query that writes.
package runbooks
