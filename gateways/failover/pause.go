package failover

import (
	"errors"
	"sync"
	"time"

	"github.com/bookmi/cauri/engine"
)

// pause is a gateway's own "not so fast": after a 429 nobody of this process
// calls it, for anything, until it is over. Limits are counted per integration,
// not per operation (Paystack docs, Rate limits), so it is shared by the classes.
// It says nothing about health. Whoever is refused meanwhile is told Unavailable:
// a charge goes to the next gateway, an inquiry's schedule goes on.
type pause struct {
	mu           sync.Mutex
	began, until time.Time // zero before the first; one asked for during another goes on with it
}

const (
	// pauseMax bounds what we believe of a gateway's figure: windows are a minute
	// (Paystack docs, Rate limits); "wait a few minutes", says its message.
	pauseMax = 5 * time.Minute
	// pauseUntold is how long we pause when the gateway gave no figure (FedaPay
	// publishes none). Another 429 costs one call, a pause too long costs payers.
	pauseUntold = 10 * time.Second
)

// heed begins a pause if the answer asks for one. Answers come in any order: the
// pause that ends last holds.
func (p *pause) heed(answer error) {
	length, asked := pauseAsked(answer)
	if !asked {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.until.After(now) {
		p.began = now
	}
	if until := now.Add(length); until.After(p.until) {
		p.until = until
	}
}

// pauseAsked reads a 429 out of an answer, whatever else the answer came to: a
// charge that was limited and could not be looked for is in doubt, and limited all
// the same. A client says how long with a RetryAfter method in its error's chain.
func pauseAsked(answer error) (length time.Duration, asked bool) {
	var told interface{ RetryAfter() time.Duration }
	switch {
	case answer == nil:
		return 0, false
	case errors.As(answer, &told) && told.RetryAfter() > 0:
		return min(told.RetryAfter(), pauseMax), true
	}
	return pauseUntold, told != nil || engine.CodeOf(answer) == engine.CodeGatewayRateLimited
}

// left is how much of the pause there is.
func (p *pause) left(now time.Time) time.Duration {
	_, until := p.span(now)
	return max(0, until.Sub(now))
}

// span is when the pause there is now began and when it ends; zero when there is
// none.
func (p *pause) span(now time.Time) (began, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.until.After(now) {
		return time.Time{}, time.Time{}
	}
	return p.began, p.until
}
