package http

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bookmi/cauri/engine"
)

// Keyed is what every money POST has beside its body. It is exported because
// Huma reads exported embedded fields only.
type Keyed struct {
	Key string `header:"Idempotency-Key" required:"true" minLength:"1" maxLength:"255" pattern:"^[!-~]+$" doc:"Your name for this one intention: a new one for each, the same one when sending it again." example:"9f6c0b1e-initiate"`

	Prefer string `header:"Prefer" doc:"wait=0 to wait=3: how many seconds the answer may wait for the gateway (RFC 7240). Three when not given." example:"wait=3"`
}

// patience is how long the caller will wait for something to be told.
func (k Keyed) patience() time.Duration {
	for preference := range strings.SplitSeq(k.Prefer, ",") {
		if value, found := strings.CutPrefix(strings.TrimSpace(preference), "wait="); found {
			if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
				return min(time.Duration(seconds)*time.Second, patienceMax)
			}
		}
	}
	return patienceMax
}

// rendered is a payment as bytes: the same ones whenever the same key asks.
type rendered struct{ body []byte }

// Schema says that what the bytes spell is a payment.
func (rendered) Schema(r huma.Registry) *huma.Schema { return r.Schema(paymentType, true, "Payment") }

// answered is what a money POST answers.
type answered struct {
	Status   int
	Replayed string `header:"Idempotent-Replayed" doc:"true when this answer was given before."`
	Body     rendered
}

// intention is one money POST: which operation, on what, under which key.
type intention struct {
	operation string
	path      string // the path's parameters; the body has the rest
	keyed     Keyed
	body      any
	status    int // of a success
}

// once answers an intention, however often it comes: the effect is committed
// with its key, and the answer's bytes are remembered under it. Errors are not
// remembered: they committed nothing, and may be mended.
//
// do is called unless an answer is remembered already. Two requests may both
// call it; the key lets one of them have the effect.
func (s *Server) once(
	ctx context.Context, c *call, in intention, do func(*engine.IdempotencyKey) (engine.Applied, error),
) (*answered, error) {
	hash, err := fingerprint(in.path, in.body)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of %s: %w", in.operation, err)
	}
	key := engine.IdempotencyKey{Principal: c.principal.Name(), Operation: in.operation, Key: in.keyed.Key, Hash: hash}
	status, body, found, err := s.ports.Answers.Recall(ctx, key)
	if err != nil {
		return nil, err
	}
	if found {
		c.replayed = true
		return &answered{Status: status, Replayed: "true", Body: rendered{body}}, nil
	}
	applied, err := do(&key)
	if err != nil {
		return nil, err
	}
	c.transaction = applied.State.ID
	state := s.watcher.await(ctx, applied.State, in.keyed.patience())
	mine, err := encode(s.paymentFor(c, engine.Statement{Transaction: state}))
	if err != nil {
		return nil, fmt.Errorf("encode the answer of %s: %w", in.operation, err)
	}
	// The effect is committed: its answer is worth a moment beyond the deadline.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), rememberWithin)
	defer cancel()
	status, body, err = s.ports.Answers.Remember(grace, key, in.status, mine)
	if err != nil {
		// An answer that is not remembered could differ next time: better none.
		s.log.Error("answer not remembered", "request_id", c.id, "transaction", state.ID, "error", err)
		return nil, engine.Errorf(engine.Overloaded, engine.CodeStillRunning, "done, but not yet answered: send the same request again")
	}
	out := &answered{Status: status, Body: rendered{body}}
	if applied.Outcome == engine.Replayed || !bytes.Equal(body, mine) {
		out.Replayed, c.replayed = "true", true
	}
	return out, nil
}

// rememberWithin is how long storing an answer may take: one insert.
const rememberWithin = 2 * time.Second
