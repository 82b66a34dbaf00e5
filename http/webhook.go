package http

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// What became of a webhook, as its sender and the metrics are told.
const (
	webhookChanged    = "changed"
	webhookDuplicate  = "duplicate"
	webhookParked     = "parked"      // stored, not applied: not ours, not yet, or unreadable
	webhookUnsigned   = "unsigned"    // no signature, two, or a wrong one: nothing is stored
	webhookElsewhere  = "elsewhere"   // 403: signed, and from none of the gateway's addresses, which are enforced
	webhookTurnedAway = "turned_away" // 503: the gateway's retry is our queue
	webhookTooLarge   = "too_large"
)

// receive takes a gateway's webhook. 200 means committed; what cannot be
// committed now is a 503, and the gateway comes again (docs/adr/0004).
func (s *Server) receive(ctx *fasthttp.RequestCtx, c *call) {
	name, _ := ctx.UserValue("gateway").(string)
	receiver, known := s.ports.Webhooks[engine.Gateway(name)] // the router has copied the name
	if !known {
		s.refuse(ctx, c, engine.Errorf(engine.NotFound, codeRouteUnknown, "no such gateway"))
		return
	}
	g := engine.Gateway(name)
	result, err := s.take(contextFrom(ctx), c, g, receiver, ctx)
	s.metrics.webhooks.WithLabelValues(string(g), result).Inc()
	if err != nil {
		s.refuse(ctx, c, err)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBodyString(`{"outcome":"` + result + `"}`)
}

// take verifies over the bytes as received, copies them once, and hands them on.
// Every value of the signature header goes to Verify: two are as wrong as none.
func (s *Server) take(within context.Context, c *call, g engine.Gateway, r Receiver, ctx *fasthttp.RequestCtx) (string, error) {
	received := ctx.PostBody()
	if len(received) > webhookBodyBytesMax { // a path in disguise got the larger limit
		return webhookTooLarge, engine.Errorf(engine.Invalid, codeBodyTooLarge, "a webhook has at most %d bytes", webhookBodyBytesMax)
	}
	signatures := ctx.Request.Header.PeekAll(r.Header)
	key, err := r.Verify(signatures, received)
	if err != nil { // all of them: Peek would take the first of two
		why := engine.Errorf(engine.Forbidden, engine.CodeSignatureWrong, "exactly one %s that matches the body", r.Header)
		told := s.failed(c, why)
		if told == error(why) { // a flood of them is counted, and not told one by one
			s.log.Warn("webhook with a wrong signature", "gateway", g, "request_id", c.id, "from", c.from.String())
		}
		return webhookUnsigned, told
	}
	s.metrics.signed.WithLabelValues(string(g), key).Inc()
	if err := s.fromSource(c, g, r); err != nil {
		return webhookElsewhere, err
	}
	// The one copy: from here on nothing is fasthttp's. What of it may be stored is
	// the parser's to say.
	d := engine.Delivery{Signature: bytes.Clone(signatures[0]), Body: bytes.Clone(received), ReceivedAt: time.Now().UTC()}
	n, err := r.Parse(d)
	n.Gateway = g
	if n.Identity == "" { // unreadable: its bytes are all that names it
		sum := sha256.Sum256(d.Body)
		n.Kind = "unreadable"
		n.Identity = engine.NewIdentity(n.Gateway, n.Kind, hex.EncodeToString(sum[:]), "")
	}
	if err != nil || n.Foreign != "" {
		return s.park(within, n)
	}
	c.transaction = n.Reference.Transaction
	return s.tell(within, n)
}

// elsewhereEvery is how often somebody is told that a gateway's webhooks come from
// addresses it does not name: the metric has each of them.
var elsewhereEvery = Rate{Most: 1, Within: time.Minute}

// fromSource looks at where a signed webhook came from. A signature is proof and an
// address is not, so that by itself a strange one only raises an eyebrow: the gateway
// has moved, or somebody else has its secret.
func (s *Server) fromSource(c *call, g engine.Gateway, r Receiver) error {
	if len(r.Sources) == 0 {
		return nil
	}
	known := slices.ContainsFunc(r.Sources, func(p netip.Prefix) bool { return p.Contains(c.from) })
	s.metrics.sources.WithLabelValues(string(g), strconv.FormatBool(known)).Inc()
	if known {
		return nil
	}
	if s.meters.elsewhere.take(g) == 0 {
		s.log.Warn("signed webhooks come from an address that is not the gateway's: "+
			"it has moved, a proxy of ours is not named, or its secret is known",
			"gateway", g, "request_id", c.id, "from", c.from.String(), "refused", r.SourcesEnforced)
	}
	if r.SourcesEnforced {
		return engine.Errorf(engine.Forbidden, codeSourceUnknown, "webhooks of %s are taken from its own addresses only", g)
	}
	return nil
}

// tell asks the transaction named by the notification's reference.
func (s *Server) tell(within context.Context, n engine.Notification) (string, error) {
	applied, err := s.ports.Asker.Ask(within, engine.Ask{Transaction: n.Reference.Transaction, Command: engine.Notify{Notification: n}})
	switch {
	case err == nil && applied.Outcome == engine.Changed:
		return webhookChanged, nil
	case err == nil:
		return webhookDuplicate, nil
	case engine.CodeOf(err) == engine.CodeStillRunning:
	case errors.Is(err, engine.NotFound), errors.Is(err, engine.Invalid), errors.Is(err, engine.Conflict), errors.Is(err, engine.Internal):
		// Nobody's, not to be applied as things stand, or poison to us: a newer
		// release, people and time will tell. Refusing it would only lose it.
		return s.park(within, n)
	}
	return webhookTurnedAway, later(err)
}

// park keeps a signed notification for later, once.
func (s *Server) park(within context.Context, n engine.Notification) (string, error) {
	if err := s.ports.Inbox.Park(within, n); err != nil {
		return webhookTurnedAway, later(err)
	}
	return webhookParked, nil
}

// later makes of whatever kept a webhook from being committed a 503: a gateway
// gives up on a 4xx, and takes a 500 for one more outage.
func later(err error) error {
	code := engine.CodeOf(err)
	if !errors.Is(err, engine.Overloaded) && code != engine.CodeStillRunning {
		code = engine.CodeOverloaded
	}
	return &engine.Error{Kind: engine.Overloaded, Code: code, Detail: "not committed: send it again", Err: err}
}
