// Package persistence is PostgreSQL: the only room that knows our SQL.
//
// Apply is the only way to change a transaction. It locks the row, reads it and
// the database's clock, lets the engine Decide, writes what follows with one
// statement a table, commits, and only then answers. It takes a command as data,
// never a callback: there is nowhere to call a gateway while a lock is held
// (lesson 1), a check that is not under the lock (lesson 2), or an event before
// the commit (lesson 3).
//
// Loading and writing work on arrays of transactions; Apply is a round of one, of
// two round trips: BEGIN, lock and load; write and COMMIT. A COMMIT that is not
// answered is not guessed about: PostgreSQL is asked what became of it.
//
// Lock order, everywhere: transactions by id; their talents, shared, against
// whoever sets a wallet; slots by booking, prompts by the phone's index and
// amount; their children by number; inbox rows by identity; due
// rows; balance rows by address, last. SetWallet takes its talent and then due
// rows; a claim takes due or inbox rows alone, and skips what is locked.
//
// What never happens here: a decision, a call to a gateway, a job, a phone that can be
// read in a row (phones.go).
package persistence
