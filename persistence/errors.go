package persistence

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bookmi/cauri/engine"
)

// SQLSTATEs we answer to (PostgreSQL, Appendix A).
const (
	stateUniqueViolation       = "23505"
	stateInsufficientPrivilege = "42501"
	stateSerialization         = "40001"
	stateDeadlock              = "40P01"
	stateLockTimeout           = "55P03"
	stateCancelled             = "57014" // statement_timeout too
	stateAdminShutdown         = "57P01"
	stateCrashShutdown         = "57P02"
	stateStarting              = "57P03"
	stateTooMany               = "53300"
	stateUndefinedTable        = "42P01"
)

// racedFor are the tables into which two may rightly insert the same at once.
var racedFor = []string{"transactions", "open_bookings", "open_prompts", "idempotency", "inbox"}

// isRace reports a failure that deciding again, on what the winner wrote, puts
// right: a deadlock, a version that is not the next one, or an insert that two
// may rightly try. Any other unique violation is a bug of ours: it would only be
// violated again.
func isRace(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case stateSerialization, stateDeadlock:
		return true
	case stateUniqueViolation:
		return slices.Contains(racedFor, pg.TableName)
	}
	return false
}

// isLost reports that the connection is gone, so that a COMMIT sent over it may
// or may not have happened. Whatever is FATAL ends the session (PostgreSQL docs, Error
// Message Severity), also when a proxy says it in the server's place.
func isLost(err error) bool {
	var network net.Error
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		severity := cmp.Or(pg.SeverityUnlocalized, pg.Severity) // a proxy may send the old field alone
		return severity == "FATAL" || severity == "PANIC"
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

// IsEmpty reports that the database has no schema of ours: no engine has run on it.
func IsEmpty(err error) bool { return stateOf(err) == stateUndefinedTable }

// translate makes an engine error of what PostgreSQL said. What may pass is
// Overloaded: whoever asked comes again, and nothing was done, or it was and the
// same ask is a duplicate.
func translate(err error) error {
	var known *engine.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if refusal := staffRefusal(err); refusal != nil {
		return refusal
	}
	switch stateOf(err) {
	case stateLockTimeout, stateCancelled, stateAdminShutdown, stateCrashShutdown, stateStarting, stateTooMany:
		return overloaded("the database is busy", err)
	}
	if isRace(err) {
		return overloaded("too many race for the same", err)
	}
	var connecting *pgconn.ConnectError
	if isLost(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || pgconn.SafeToRetry(err) ||
		errors.As(err, &connecting) {
		return overloaded("the database does not answer", err)
	}
	return &engine.Error{Kind: engine.Internal, Code: engine.CodeInternal, Detail: "the database refused", Err: err}
}

func overloaded(detail string, err error) *engine.Error {
	return &engine.Error{Kind: engine.Overloaded, Code: engine.CodeOverloaded, Detail: detail, Err: err}
}
