// Package lifecycle starts the parts of a program in order and stops them in the
// reverse one, so that nothing outlives what it stands on: the listeners end
// before the actors, the actors before the pool, the pool before PostgreSQL.
//
// Words: a service is a part that starts goroutines or holds something, and can
// end and wait for all of it. A group is the services of one program.
//
// What never happens here: a service is stopped twice, a failed start leaves
// something running, or one service that will not end keeps the others alive.
package lifecycle
