// Package persistence is PostgreSQL: the only room that knows our SQL.
//
// Apply is the only way to change a transaction. It locks the row, reads it and
// the database's clock, lets the engine Decide, writes what follows with one
// statement a table, commits, and only then answers. It takes a command as data,
// never a callback: there is nowhere to call a gateway while a lock is held
// (lesson 1), a check that is not under the lock (lesson 2), or an event before
// the commit (lesson 3).
//
// Loading and writing work on arrays of transactions; Apply is a round of one.
//
// Lock order, everywhere: transactions by id, then their children by number,
// then balance rows by address. Wallets and inbox rows are inserted or updated
// alone, in transactions of their own.
//
// What never happens here: a decision, a call to a gateway, a job.
package persistence
