package fedapay

import (
	"time"
)

// The events this sandbox sends. Those of the second list are unconfirmed and
// sent when the Guesses say so (FedaPay docs, Webhooks).
const (
	transactionCreated     = "transaction.created"
	transactionApproved    = "transaction.approved"
	transactionDeclined    = "transaction.declined"
	transactionCanceled    = "transaction.canceled"
	transactionTransferred = "transaction.transferred"
	transactionUpdated     = "transaction.updated"
	payoutSent             = "payout.sent"
	payoutFailed           = "payout.failed"

	transactionExpired  = "transaction.expired"
	transactionRefunded = "transaction.refunded"
	transactionDeleted  = "transaction.deleted"
	payoutCreated       = "payout.created"
	payoutStarted       = "payout.started"
	payoutCanceled      = "payout.canceled"
)

var eventNames = []string{
	transactionCreated, transactionApproved, transactionDeclined, transactionCanceled, transactionTransferred,
	transactionUpdated, payoutSent, payoutFailed, "customer.created", "customer.updated", "customer.deleted",
	transactionExpired, transactionRefunded, transactionDeleted, payoutCreated, payoutStarted, payoutCanceled,
}

// notifyTransaction tells what a transaction has become.
func (c *change) notifyTransaction(row *transaction, name string) {
	c.notify(notice{
		domain: row.Domain, name: name, object: "transaction", id: row.ID, reference: row.name(), outcome: row.Outcome,
		plain: c.transactionShapeOf(row), full: c.fullShapeOf(row),
	})
}

// eventShape is one of GET /v1/events: the entity is a string of JSON, and the
// name is called type.
type eventShape struct {
	ID        string `json:"id"`
	Klass     string `json:"klass"`
	Type      string `json:"type"`
	Entity    string `json:"entity"`
	ObjectID  uint64 `json:"object_id"`
	AccountID int    `json:"account_id"`
	Object    string `json:"object"`
	CreatedAt stamp  `json:"created_at"`
	UpdatedAt stamp  `json:"updated_at"`
}

func (s *Server) eventShapeOf(e *event) eventShape {
	return eventShape{
		ID: s.eventID(e), Klass: "v1/event", Type: e.Name, Entity: string(e.Entity), ObjectID: e.ObjectID,
		AccountID: accountID, Object: e.Object, CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.CreatedAt),
	}
}

func (s *Server) eventID(e *event) string { return "evt_" + decimal(e.ID) }

// listEvents is GET /v1/events, newest first: also what no webhook told.
func (s *Server) listEvents(r *request) answer {
	return s.read(func(time.Time) answer {
		return list(r, "v1/events", s.events.Rows, func(e *event) bool { return e.Domain == r.Domain }, s.eventShapeOf)
	})
}

// fetchEvent is GET /v1/events/{id}.
func (s *Server) fetchEvent(r *request) answer {
	return s.read(func(time.Time) answer {
		number := r.Arg
		if len(number) > len("evt_") {
			number = number[len("evt_"):]
		}
		e, found := s.events.Find("id:" + r.Domain + ":" + number)
		if !found || s.eventID(e) != r.Arg {
			return errNotFound
		}
		return wrapped("v1/event", s.eventShapeOf(e))
	})
}
