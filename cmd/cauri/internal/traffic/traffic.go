package traffic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// payersMax bounds payments under way at once. A payment of the demo takes a few
// seconds; at the highest rate this is never reached, and if the engine stalls
// the payers wait instead of piling up.
const payersMax = 64

// Config says whom to pay at, and how often.
type Config struct {
	BaseURL string  // the API's address: http://127.0.0.1:8080
	APIKey  string  // the platform's bearer key
	Rate    float64 // payments started per second
	Seed    uint64  // the same seed makes the same payers
	// Impatient lets some payers cancel and pay all the same: what is captured too
	// often has to be given back.
	Impatient bool
	Log       *slog.Logger
}

// Counts is what the payers have lived through.
type Counts struct {
	Started   int64 // payments the API accepted
	Succeeded int64 // seen succeeded by their payer
	Failed    int64 // seen failed or expired by their payer
	Confirmed int64 // deliveries confirmed
	Refused   int64 // requests the API turned away
	Errors    int64 // requests that came to nothing: a broken connection, a 5xx
}

// Payers are the demo's clients. Make them with New.
type Payers struct {
	config  Config
	client  *client
	seats   chan struct{}
	working sync.WaitGroup
	run     string // makes bookings of different runs different

	started, succeeded, failed, confirmed, refusals, errors atomic.Int64

	first     chan struct{}
	firstOnce sync.Once
}

// New returns payers that have not begun.
func New(config Config) *Payers {
	return &Payers{
		config: config, client: newClient(config.BaseURL, config.APIKey), seats: make(chan struct{}, payersMax),
		run: uuid.Must(uuid.NewV7()).String()[:13], first: make(chan struct{}),
	}
}

// Counts returns what has happened so far.
func (p *Payers) Counts() Counts {
	return Counts{
		p.started.Load(), p.succeeded.Load(), p.failed.Load(), p.confirmed.Load(), p.refusals.Load(), p.errors.Load(),
	}
}

// First is closed when the first payment has succeeded.
func (p *Payers) First() <-chan struct{} { return p.first }

// talents are who gets paid; their wallets decide what their payouts meet.
var talents = []struct{ id, operator, phone, name string }{
	{"awa-kouassi", "orange", "0700000101", "Awa Kouassi"},
	{"dj-arafat-jr", "mtn", "0500000102", "Yao Kobenan"},
	{"zouglou-makers", "wave", "0700000103", "Fanta Touré"},
	{"mariam-b", "orange", "0700000104", "Mariam Bamba"},
	{"le-griot", "mtn", "0500000105", "Sékou Diabaté"},
}

// Seed gives every talent a wallet. Doing it again changes nothing.
func (p *Payers) Seed(ctx context.Context) error {
	for _, t := range talents {
		wallet := map[string]string{"operator": t.operator, "phone": t.phone, "name": t.name}
		if err := p.client.call(ctx, http.MethodPut, "/v1/talents/"+t.id+"/wallet", "", wallet, nil); err != nil {
			return fmt.Errorf("the wallet of %s: %w", t.id, err)
		}
	}
	return nil
}

// Run starts payments at the rate until ctx ends, then waits for the payers
// under way, who leave with it.
func (p *Payers) Run(ctx context.Context) {
	dice := rand.New(rand.NewPCG(p.config.Seed, 0)) //nolint:gosec // a demo's dice: repeatable on purpose
	ticker := time.NewTicker(time.Duration(float64(time.Second) / p.config.Rate))
	defer ticker.Stop()
	defer p.working.Wait()
	for n := 0; ; n++ {
		payer := newPayer(dice, fmt.Sprintf("B-%s-%d", p.run, n), p.config.Impatient)
		select {
		case <-ctx.Done():
			return
		case p.seats <- struct{}{}:
		}
		p.working.Go(func() {
			defer func() { <-p.seats }()
			p.pay(ctx, payer)
		})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// pay is one payer's afternoon.
func (p *Payers) pay(ctx context.Context, who payer) {
	state, err := p.initiate(ctx, who)
	if err != nil {
		p.complain(ctx, who, err)
		return
	}
	p.started.Add(1)
	if who.cancels && p.cancel(ctx, state) == nil {
		who.cancels = false
		p.pay(ctx, who) // another way, for the same booking
		return
	}
	if state, err = p.follow(ctx, who, state); err != nil {
		if ctx.Err() != nil && state.NextAction.Type == "redirect" {
			p.leave(state) // or its link would live on for a day
		}
		p.complain(ctx, who, err)
		return
	}
	if state.Status != "succeeded" {
		p.failed.Add(1)
		return
	}
	p.succeeded.Add(1)
	p.firstOnce.Do(func() { close(p.first) })
	if who.confirms && wait(ctx, who.performance) == nil {
		p.confirm(ctx, who)
	}
}

// follow does what the payment asks of its payer until it has ended.
func (p *Payers) follow(ctx context.Context, who payer, state payment) (payment, error) {
	codes, opened := who.codes, ""
	for !terminal(state.Status) {
		next := state.NextAction
		var err error
		switch {
		case next.Type == "submit_otp" && len(codes) > 0:
			state, err = p.submit(ctx, state.ID, codes[0])
			codes = codes[1:]
		case next.Type == "redirect" && next.URL != opened:
			if p.client.payOnPage(ctx, next.URL) == nil { // else the page is down: tried again at the next look
				opened = next.URL
			}
			state, err = p.look(ctx, state)
		default:
			state, err = p.look(ctx, state)
		}
		if err != nil {
			return state, err
		}
	}
	return state, nil
}

func terminal(status string) bool {
	return status == "succeeded" || status == "failed" || status == "expired" || status == "cancelled"
}

// leavesWithin is how long somebody who goes home has to say so.
const leavesWithin = 5 * time.Second

// leave closes the page without paying.
func (p *Payers) leave(state payment) {
	ctx, cancel := context.WithTimeout(context.Background(), leavesWithin)
	defer cancel()
	if err := p.cancel(ctx, state); err != nil {
		p.config.Log.Warn("a payer could not cancel", "payment", state.ID, "err", err)
	}
}

// cancel gives the payment up, unless it has ended meanwhile. The request may be
// on the phone already, and is approved there.
func (p *Payers) cancel(ctx context.Context, state payment) error {
	return p.client.call(ctx, http.MethodPost, "/v1/payments/"+state.ID+"/cancel", key(), struct{}{}, nil)
}

func (p *Payers) initiate(ctx context.Context, who payer) (payment, error) {
	request := map[string]any{
		"booking_id": who.booking, "talent_id": who.talent, "amount": who.amount, "currency": "XOF",
		"method": who.method, "email": "payer@example.ci",
	}
	if who.operator != "" {
		request["operator"], request["phone"] = who.operator, who.phone
	}
	if who.delivered != 0 {
		request["delivery_due_at"] = time.Now().Add(who.delivered).UTC().Format(time.RFC3339)
	}
	var out payment
	err := p.client.call(ctx, http.MethodPost, "/v1/payments/initiate", key(), request, &out)
	return out, err
}

func (p *Payers) submit(ctx context.Context, id, code string) (payment, error) {
	var out payment
	err := p.client.call(ctx, http.MethodPost, "/v1/payments/submit_otp", key(), map[string]string{"payment_id": id, "otp": code}, &out)
	return out, err
}

// look waits as long as the API says and asks again.
func (p *Payers) look(ctx context.Context, state payment) (payment, error) {
	pause := time.Duration(state.PollAfterMS) * time.Millisecond
	if err := wait(ctx, max(pause, 200*time.Millisecond)); err != nil {
		return state, err
	}
	var out payment
	if err := p.client.call(ctx, http.MethodGet, "/v1/payments/"+state.ID, "", nil, &out); err != nil {
		return state, err
	}
	return out, nil
}

func (p *Payers) confirm(ctx context.Context, who payer) {
	err := p.client.call(ctx, http.MethodPost, "/v1/booking_requests/"+who.booking+"/confirm_delivery", key(), struct{}{}, nil)
	if err != nil {
		p.complain(ctx, who, err)
		return
	}
	p.confirmed.Add(1)
}

func (p *Payers) complain(ctx context.Context, who payer, err error) {
	if ctx.Err() != nil {
		return // the demo is ending; nothing went wrong
	}
	var no *refused
	if errors.As(err, &no) && no.status < http.StatusInternalServerError {
		p.refusals.Add(1)
	} else {
		p.errors.Add(1)
	}
	p.config.Log.Warn("a payer was turned away", "booking", who.booking, "operator", who.operator, "err", err)
}

// key names one intention, as an app does once per tap.
func key() string { return uuid.Must(uuid.NewV7()).String() }

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
