package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Bounds of delivery. 20 000 waiting webhooks of 2 to 6 KiB are at most 120 MiB; what
// comes on top is recorded as lost, as it would be at a gateway in trouble.
// The history answers "what happened to it" for a test run or a demo.
const (
	waitingMax        = 20_000
	historyMax        = 20_000
	workersDefault    = 16
	answerBytesMax    = 64 << 10
	tryTimeoutDefault = 30 * time.Second // Paystack docs, Webhooks: test mode waits 30 s
	reorderWait       = 30 * time.Second // a reordered webhook that is the last one goes out after this
	lateBy            = 10 * time.Minute // of numbers whose webhook is late
	duplicates        = 8                // of numbers whose webhook is duplicated
)

// DeliveryState says where a webhook stands.
type DeliveryState string

// The states. Done, GivenUp and Lost are final.
const (
	Waiting DeliveryState = "waiting"
	Done    DeliveryState = "done"     // answered as the gateway wants: exactly 200, or any 2xx
	GivenUp DeliveryState = "given_up" // the schedule has run out
	Lost    DeliveryState = "lost"     // never tried again: by fault, by number, without an address, disabled, or past the bound
)

// Delivery is one copy of one webhook and every try of it.
type Delivery struct {
	ID        uint64          `json:"id"`
	Domain    string          `json:"domain"`
	Event     string          `json:"event"`
	Reference string          `json:"reference"`
	Body      json.RawMessage `json:"body"` // sent byte for byte
	State     DeliveryState   `json:"state"`
	DueAt     time.Time       `json:"due_at"`
	Reordered bool            `json:"reordered,omitempty"`
	Tries     []Try           `json:"tries"`
}

// Try is one POST and what was answered.
type Try struct {
	At     time.Time `json:"at"`
	Status int       `json:"status"`          // 0 without an answer
	Error  string    `json:"error,omitempty"` // why there was none
}

// Tried is what a delivery became after a try, for the journal.
type Tried struct {
	ID     uint64        `json:"id"`
	Domain string        `json:"domain,omitempty"`
	Try    Try           `json:"try"`
	State  DeliveryState `json:"state"`
	DueAt  time.Time     `json:"due_at"`
}

// Notice is a webhook to be sent.
type Notice struct {
	Domain    string
	Event     string
	Reference string
	Body      []byte
	Outcome   Outcome                                // of the number concerned: lost, late, many, wrong
	Restate   func(body []byte, amount int64) []byte // the same body with another amount; 0 means one unit too much
}

// DelivererConfig says how a gateway delivers.
type DelivererConfig struct {
	URL      string                                                // where to; empty: every webhook is lost
	Sign     func(domain string, body []byte) (name, value string) // the signature's header
	Schedule func(domain string) []time.Duration                   // gap before each further try, undivided
	Speed    int                                                   // divides the gaps
	Accepts  func(status int) bool                                 // whether it was received; nil: exactly 200
	Timeout  time.Duration                                         // of one try; 0 means 30 s
	Workers  int                                                   // tries under way at once; 0 means 16
	Faults   *Faults
	Agenda   *Agenda
	Clock    Clock
	Pulse    *Pulse
	Record   func(Tried) // told after each try, before the next can start
}

// Deliverer sends webhooks until each has been answered as it should or its
// schedule has run out.
type Deliverer struct {
	cfg    DelivererConfig
	client *http.Client

	mu       sync.Mutex
	url      string
	disabled map[string]bool // domains whose endpoint the gateway has switched off
	lastID   uint64
	history  []*Delivery
	waiting  int // deliveries in the state Waiting
	busy     int // queued or being tried
	ready    chan *Delivery
	held     []*Delivery // reordered, until another has been sent
}

// NewDeliverer makes one at rest; Run starts its workers.
func NewDeliverer(cfg DelivererConfig) *Deliverer {
	if cfg.Workers == 0 {
		cfg.Workers = workersDefault
	}
	if cfg.Accepts == nil {
		cfg.Accepts = func(status int) bool { return status == http.StatusOK }
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = tryTimeoutDefault
	}
	return &Deliverer{
		cfg:      cfg,
		url:      cfg.URL,
		disabled: map[string]bool{},
		client: &http.Client{
			Timeout: cfg.Timeout,
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
				MaxIdleConnsPerHost: cfg.Workers,
				MaxConnsPerHost:     cfg.Workers,
			},
			// A redirect is an answer outside 2xx, hence a failed try.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		ready: make(chan *Delivery, waitingMax), // room for every waiting one, so that nobody blocks on it
	}
}

// Run keeps the workers going until ctx ends, then waits for them.
func (d *Deliverer) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for range d.cfg.Workers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case one := <-d.ready:
					d.try(ctx, one)
				}
			}
		})
	}
	workers.Wait()
	d.client.CloseIdleConnections()
}

// PointAt changes where webhooks go, for those not yet sent too.
func (d *Deliverer) PointAt(url string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.url = url
}

// Disable switches a domain's endpoint off, as a gateway does that has seen too
// many failures: nothing is sent there, and what was waiting is lost when its
// turn comes.
func (d *Deliverer) Disable(domain string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disabled[domain] = true
}

// Enable switches it on again, for what is planned or due from now on.
func (d *Deliverer) Enable(domain string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.disabled, domain)
}

// Plan decides what becomes of a notice, by number and by fault: one delivery,
// several, a late one or a lost one. Nothing is sent before [Deliverer.Send],
// so that the plan can be written down with the change that caused it.
func (d *Deliverer) Plan(n Notice) []Delivery {
	one := Delivery{
		Domain: n.Domain, Event: n.Event, Reference: n.Reference, Body: n.Body,
		State: Waiting, DueAt: d.cfg.Clock.Now(),
	}
	copies := 1
	switch n.Outcome {
	case WebhookLost:
		one.State = Lost
	case WebhookDuplicated:
		copies = duplicates
	case WebhookLate:
		one.DueAt = one.DueAt.Add(lateBy / time.Duration(d.cfg.Speed))
	case WebhookWrongAmount:
		one.Body = n.Restate(n.Body, 0)
	}
	for _, fault := range d.cfg.Faults.Webhook(n.Event) {
		switch fault.Kind {
		case WebhookLoss:
			one.State = Lost
		case WebhookDuplicates:
			copies = max(copies, fault.Copies, 2)
		case WebhookDelay:
			one.DueAt = one.DueAt.Add(time.Duration(fault.LatencyMillis) * time.Millisecond)
		case WebhookReorder:
			one.Reordered = true
		case WebhookAmount:
			one.Body = n.Restate(n.Body, fault.Amount)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.disabled[n.Domain] {
		one.State = Lost
	}
	planned := make([]Delivery, copies)
	for i := range planned {
		d.lastID++
		one.ID = d.lastID
		planned[i] = one
	}
	return planned
}

// Send sets planned deliveries going.
func (d *Deliverer) Send(planned []Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range planned {
		one := &one
		if one.State == Waiting && (d.url == "" || d.waiting >= waitingMax) {
			one.State = Lost
		}
		d.keep(one)
		if one.State != Waiting {
			continue
		}
		d.waiting++
		switch {
		case one.Reordered:
			d.hold(one)
		case one.DueAt.After(d.cfg.Clock.Now()):
			d.later(one, one.DueAt)
		default:
			d.push(one)
		}
	}
}

// Restore takes over a delivery from the journal; its tries follow by
// [Deliverer.Replay], and [Deliverer.Resume] sets going what still waits.
func (d *Deliverer) Restore(one Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastID = max(d.lastID, one.ID)
	d.history = append(d.history, &one)
}

// Replay repeats what a try made of a restored delivery.
func (d *Deliverer) Replay(t Tried) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// The tries of a delivery come soon after it, so the search starts at the end.
	for _, one := range slices.Backward(d.history) {
		if one.ID == t.ID {
			one.Tries = append(one.Tries, t.Try)
			one.State, one.DueAt = t.State, t.DueAt
			return
		}
	}
}

// Resume sets going every restored delivery that still waits.
func (d *Deliverer) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.history {
		if one.State != Waiting {
			continue
		}
		if d.waiting >= waitingMax {
			one.State = Lost
			continue
		}
		d.waiting++
		d.later(one, one.DueAt)
	}
	d.trim()
}

// Deliveries are the latest, oldest first.
func (d *Deliverer) Deliveries() []Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Delivery, len(d.history))
	for i, one := range d.history {
		all[i] = *one
		all[i].Tries = append([]Try{}, one.Tries...)
	}
	return all
}

// Quiet reports that no try is queued or under way.
func (d *Deliverer) Quiet() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy == 0
}

// push queues a delivery; the caller holds the lock. The queue has room for all
// that wait, and each is queued at most once at a time.
func (d *Deliverer) push(one *Delivery) {
	d.busy++
	d.ready <- one
}

// later notes a delivery in the agenda; the caller holds the lock.
func (d *Deliverer) later(one *Delivery, at time.Time) {
	d.cfg.Agenda.At(at, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.push(one)
	})
}

// hold keeps a delivery back until another has been sent, or for reorderWait
// when none is; the caller holds the lock.
func (d *Deliverer) hold(one *Delivery) {
	d.held = append(d.held, one)
	d.cfg.Agenda.At(d.cfg.Clock.Now().Add(reorderWait/time.Duration(d.cfg.Speed)), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if i := slices.Index(d.held, one); i >= 0 {
			d.held = slices.Delete(d.held, i, i+1)
			d.push(one)
		}
	})
}

// try makes one POST and decides what follows.
func (d *Deliverer) try(ctx context.Context, one *Delivery) {
	d.mu.Lock()
	url, number, disabled := d.url, len(one.Tries), d.disabled[one.Domain]
	d.mu.Unlock()

	try := Try{At: d.cfg.Clock.Now()}
	if disabled {
		try.Error = "not sent: the endpoint is disabled"
	} else {
		status, err := d.post(ctx, url, one)
		try.Status = status
		if err != nil {
			try.Error = reason(err)
		}
	}
	if ctx.Err() != nil {
		// Stopped in the middle: the journal still has it waiting, so it is tried
		// again after the next start, as a gateway would.
		d.mu.Lock()
		d.busy--
		d.mu.Unlock()
		d.cfg.Pulse.Beat()
		return
	}
	gaps := d.cfg.Schedule(one.Domain)
	result := Tried{ID: one.ID, Domain: one.Domain, Try: try, State: Done, DueAt: one.DueAt}
	switch {
	case disabled:
		result.State = Lost
	case d.cfg.Accepts(try.Status):
	case number >= len(gaps):
		result.State = GivenUp
	default:
		result.State = Waiting
		result.DueAt = d.cfg.Clock.Now().Add(gaps[number] / time.Duration(d.cfg.Speed))
	}
	d.cfg.Record(result)

	d.mu.Lock()
	one.Tries = append(one.Tries, try)
	one.State, one.DueAt = result.State, result.DueAt
	if one.State == Waiting {
		d.later(one, one.DueAt)
	} else {
		d.waiting--
	}
	for _, held := range d.held {
		d.push(held)
	}
	d.held = nil
	d.busy--
	d.mu.Unlock()
	d.cfg.Pulse.Beat()
}

// post sends the body; the answer's status is all that counts.
func (d *Deliverer) post(ctx context.Context, url string, one *Delivery) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(one.Body))
	if err != nil {
		return 0, err
	}
	name, value := d.cfg.Sign(one.Domain, one.Body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(name, value)
	answer, err := d.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	// Read to the end, so that the connection can be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, answerBytesMax))
	return answer.StatusCode, nil
}

// reason says why there was no answer, without the address it was sent to.
func reason(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	if errors.Is(err, io.EOF) {
		return "the connection ended"
	}
	return "not sent"
}

// keep adds to the history; the caller holds the lock.
func (d *Deliverer) keep(one *Delivery) {
	d.history = append(d.history, one)
	if len(d.history) >= 2*historyMax {
		d.trim()
	}
}

// trim forgets the oldest finished deliveries; the caller holds the lock. It
// runs once every historyMax additions, so its cost per addition is constant.
func (d *Deliverer) trim() {
	surplus := len(d.history) - historyMax
	d.history = slices.DeleteFunc(d.history, func(one *Delivery) bool {
		if surplus > 0 && one.State != Waiting {
			surplus--
			return true
		}
		return false
	})
}
