package persistence

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bookmi/cauri/engine"
)

// SQLSTATEs we answer to (PostgreSQL, Appendix A).
const (
	stateUniqueViolation = "23505"
	stateSerialization   = "40001"
	stateDeadlock        = "40P01"
	stateLockTimeout     = "55P03"
	stateCancelled       = "57014" // statement_timeout too
	stateAdminShutdown   = "57P01"
	stateCrashShutdown   = "57P02"
	stateStarting        = "57P03"
	stateTooMany         = "53300"
)

// errStale says that a row was not as it was read, although it was locked: a
// second writer has gone round the lock.
var errStale = errors.New("a locked row has changed")

// isRace reports a failure that deciding again, on what the winner wrote, puts
// right: a lost insert race, a deadlock.
func isRace(err error) bool {
	switch stateOf(err) {
	case stateUniqueViolation, stateSerialization, stateDeadlock:
		return true
	}
	return errors.Is(err, errStale)
}

// isLost reports that the connection is gone, so that a COMMIT sent over it may
// or may not have happened.
func isLost(err error) bool {
	var network net.Error
	switch stateOf(err) {
	case stateAdminShutdown, stateCrashShutdown:
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) ||
		errors.Is(err, net.ErrClosed) || pgconn.Timeout(err)
}

func stateOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// translate makes an engine error of what PostgreSQL said. What may pass is
// Overloaded: whoever asked comes again, and nothing was done, or it was and the
// same ask is a duplicate.
func translate(err error) error {
	var known *engine.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	switch stateOf(err) {
	case stateSerialization, stateDeadlock, stateLockTimeout, stateCancelled, stateAdminShutdown, stateCrashShutdown, stateStarting,
		stateTooMany, stateUniqueViolation:
		return &engine.Error{Kind: engine.Overloaded, Code: engine.CodeOverloaded, Detail: "the database is busy", Err: err}
	}
	if isLost(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || pgconn.SafeToRetry(err) {
		return &engine.Error{Kind: engine.Overloaded, Code: engine.CodeOverloaded, Detail: "the database does not answer", Err: err}
	}
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) {
		return &engine.Error{Kind: engine.Overloaded, Code: engine.CodeOverloaded, Detail: "the database can't be reached", Err: err}
	}
	return &engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Detail: "the database refused", Err: err}
}
