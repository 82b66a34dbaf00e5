// Package enginetest tells stories: it runs a transaction through commands
// written as a text table and compares what Decide answered with what the table
// says. For tests only.
//
// A story is lines of
//
//	TIME  COMMAND  -> what follows
//	      | postings of the line above
//
// TIME is a clock time of the first day, or +48h after the last clock time.
// Behind the arrow: the moves in order (a bare word for charge, hold and payout,
// c1:… for an attempt, p1:… for a try), ~ when something is stored but nothing
// moves, = when nothing is; then + event, ! effect, ? due times, x error code.
package enginetest
