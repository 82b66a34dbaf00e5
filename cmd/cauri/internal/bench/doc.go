// Package bench measures how many webhooks a second are committed before they are
// answered, and carries its own limits: the same deliveries, through the same edge,
// go to the engine and to rivals that store them in other ways, in rounds that take
// turns, on a private PostgreSQL with fsync on. Ratios are between neighbours of one
// round, so that a slow minute of the machine is everybody's.
//
// Words: a design is a way to store a delivery; a rival is any design but ours. A
// cell is one question (how many connections, how many copies, how many rows there
// are already); a round asks it of every design in turn. A measure is what one
// design did in one round.
//
// Every rival leaves the same rows behind as the engine does, and is held to the
// same invariants after each round; the raw limit alone guards nothing, and is
// counted.
//
// What never happens here: a figure of a round whose books do not balance, a
// database that somebody else uses, a timing that a test asserts.
package bench
