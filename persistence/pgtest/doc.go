// Package pgtest gives each test a PostgreSQL database of its own, real and
// migrated, in about a tenth of a second. It is for tests only.
//
// A test binary says so once:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// and each test asks for a pool, or for an address when it opens its own
// connections or starts processes:
//
//	pool := pgtest.New(t, pgtest.Schema{Name: "all", Migrate: persistence.Migrate})
//
// # What it does
//
// The first test that asks starts a private PostgreSQL ([pgembed.Start], Fast)
// for this binary alone, so that any number of them run side by side. A schema is
// migrated once, into a template; every database is a copy of it. Nothing is
// dropped one by one, which would triple the cost of a test: the whole cluster
// goes at the end. When a test fails, the cluster stays for an hour, and the
// test's log names its database.
//
// With TEST_DATABASE_URL set, that server is used instead, and databases older
// than an hour are dropped from it.
//
// # What never happens here
//
// No test is skipped for want of a database, no two tests share one, and no
// production code imports this package.
package pgtest
