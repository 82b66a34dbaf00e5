// Package telemetry makes the program's logger and its metrics registry.
//
// Log facts with fixed keys (transaction, gateway, attempt, kind). Whatever
// reaches a log goes through a handler that masks telephone numbers, keys and
// one-time codes: it is the last line, not the first; the types that hold such
// things already refuse to print themselves.
package telemetry
