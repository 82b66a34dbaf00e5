package http

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// How the outside looks from this process, as payers and staff are told. None of
// it decides anything here: Decide has seen the same Health.

// Outside tells how gateways and operators look. Each func may be nil: all well.
type Outside struct {
	Health   func() engine.Health
	Breakers func() []Breaker
	// OperatorDownFor is how long an operator that fails everywhere is left alone
	// before the next outcome decides: when its payers are told to come back.
	OperatorDownFor time.Duration
}

// Breaker is one breaker as /readyz shows it.
type Breaker struct {
	Gateway      engine.Gateway `json:"gateway"`
	Class        string         `json:"class"` // collect, verify, payout, refund
	State        string         `json:"state"` // closed, half_open, open: a person's decision included
	RetryAfterMS int64          `json:"retry_after_ms,omitempty"`
	Since        *time.Time     `json:"since,omitempty"` // since when it has not let every call through
	Forced       *Forced        `json:"forced,omitempty"`
	PausedUntil  *time.Time     `json:"paused_until,omitempty"` // the gateway asked for a pause
}

// Forced is a person's decision that stands above a breaker's.
type Forced struct {
	By    string    `json:"by"`
	Why   string    `json:"why"`
	Until time.Time `json:"until"`
}

// collectClass is the class of a payer's charge.
const collectClass = "collect"

func (o Outside) health() engine.Health {
	if o.Health == nil {
		return engine.Health{}
	}
	return o.Health()
}

func (o Outside) breakers() []Breaker {
	if o.Breakers == nil {
		return []Breaker{}
	}
	return o.Breakers()
}

// rest is how long the first of some doors to wake up still takes; zero when that
// is not known.
func (o Outside) rest(doors []engine.Door) time.Duration {
	var soonest time.Duration
	for _, b := range o.breakers() {
		serves := slices.ContainsFunc(doors, func(d engine.Door) bool { return d.Gateway == b.Gateway })
		left := time.Duration(b.RetryAfterMS) * time.Millisecond
		if serves && b.Class == collectClass && left > 0 && (soonest == 0 || left < soonest) {
			soonest = left
		}
	}
	return soonest
}

// working names what a payer could pay with now, cards last; of wallets, which
// are set for months, it names whatever is served.
func (s *Server) working(l language, d engine.Direction) []string {
	routes, health := s.cfg.Policy.Routes, s.ports.Outside.health()
	operators := routes.Operators(d, engine.MobileMoney)
	if d == engine.Collect {
		operators = routes.Working(d, engine.MobileMoney, health)
	}
	var names []string
	for _, o := range operators {
		names = append(names, o.Name())
	}
	if _, open, _ := routes.First(d, engine.Card, "", health); open {
		names = append(names, textCard.in(l))
	}
	return names
}

// wanted is what a payer asked to pay with, as people call it.
func wanted(l language, m engine.Method, o phone.Operator) string {
	if m == engine.Card {
		return textByCard.in(l)
	}
	return o.Name()
}

// turnedAway says why a way to pay is shut, by its name, and what works now.
func turnedAway(l language, code engine.Code, name string, working []string) string {
	t, known := shut[code]
	if !known {
		return textOf(l, code, "")
	}
	sentence := strings.ReplaceAll(t.in(l), "{name}", name)
	switch {
	case len(working) == 0:
		return sentence + " " + textLater.in(l)
	case l == english:
		return sentence + " You can use " + list(working, " or ") + "."
	}
	return sentence + " Vous pouvez utiliser " + list(working, " ou ") + "."
}

// explain completes what Decide said to a payer whom nobody can serve now: the
// names, and when it is worth coming back.
func (s *Server) explain(c *call, asked engine.InitiateCharge, err error) error {
	var e *engine.Error
	if !errors.As(err, &e) {
		return err
	}
	if _, named := shut[e.Code]; !named {
		return err
	}
	told := *e
	told.Text = turnedAway(c.language, e.Code, wanted(c.language, asked.Method, asked.Payer.Operator), s.working(c.language, engine.Collect))
	switch e.Code {
	case engine.CodeGatewaysResting:
		c.rest = s.ports.Outside.rest(s.cfg.Policy.Routes.For(engine.Collect, asked.Method, asked.Payer.Operator))
	case engine.CodeOperatorDown:
		c.rest = s.ports.Outside.OperatorDownFor
	}
	return &told
}

// What shuts a way to pay. {name} is the operator's, or cards'.
var (
	shut = map[engine.Code]text{
		engine.CodeOperatorUnavailable: {
			"{name} n’est pas disponible pour le moment.",
			"{name} is not available at the moment.",
		},
		engine.CodeOperatorDown: {
			"{name} est en panne en ce moment : cela ne vient pas de votre téléphone.",
			"{name} is out of order at the moment: it is not your phone.",
		},
		engine.CodeGatewaysResting: {
			"{name} est injoignable en ce moment. Vous n’avez pas été débité.",
			"{name} can’t be reached at the moment. You have not been charged.",
		},
	}
	textByCard = text{"Le paiement par carte", "Card payment"}
	textCard   = text{"une carte bancaire", "a bank card"}
	textLater  = text{"Réessayez dans quelques minutes.", "Try again in a few minutes."}
)
