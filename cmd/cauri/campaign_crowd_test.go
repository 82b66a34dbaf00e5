package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bookmi/cauri/engine"
)

// crowd is the payers at work: each begins a payment, sees what becomes of it
// and does what the plan says.
type crowd struct {
	world  *world
	client *http.Client
	watch  *watch

	begun   atomic.Int64
	turned  atomic.Int64 // away, to come again
	working sync.WaitGroup
	room    chan struct{} // payers at once

	mu       sync.Mutex
	broken   []string // what no payer may live through
	payments map[engine.ID]payer
}

// payersAtOnce bounds the crowd: more would only come again and again for the 32
// calls at a time that an engine makes to a gateway.
const payersAtOnce = 700

func newCrowd(w *world) *crowd {
	return &crowd{
		world: w, watch: newWatch(w), room: make(chan struct{}, payersAtOnce), payments: map[engine.ID]payer{},
		client: &http.Client{
			Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// enter lets a payer in, once there is room.
func (c *crowd) enter(ctx context.Context, who payer) error {
	select {
	case c.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.working.Go(func() {
		defer func() { <-c.room }()
		if err := c.live(ctx, who); err != nil && ctx.Err() == nil {
			c.complain("payer %d (%s): %v", who.n, who.name, err)
		}
	})
	return nil
}

const complaintsMax = 50

func (c *crowd) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.broken) < complaintsMax {
		c.broken = append(c.broken, fmt.Sprintf(format, args...))
	}
}

// live is a payer's afternoon.
func (c *crowd) live(ctx context.Context, who payer) error {
	id, err := c.begin(ctx, who, false)
	if err != nil {
		return err
	}
	if who.cancels {
		return c.changeMind(ctx, id, who)
	}
	if err := c.follow(ctx, id, who); err != nil || !who.again {
		return err
	}
	ended, err := c.giveUp(ctx, id)
	if err != nil || ended.status == engine.ChargeIsSucceeded {
		return err
	}
	return c.another(ctx, who, ended)
}

// longEnough is when a payer tires of a payment that does not end: FedaPay's page
// can be paid for a day.
const longEnough = 11 * time.Second

// giveUp waits for the payment to end, and cancels it if it does not.
func (c *crowd) giveUp(ctx context.Context, id engine.ID) (seen, error) {
	waiting, cancel := context.WithTimeout(ctx, longEnough)
	defer cancel()
	ended, err := c.watch.until(waiting, id, func(s seen) bool { return s.ended() })
	if err == nil || ctx.Err() != nil {
		return ended, err
	}
	_ = c.ask(ctx, id, engine.CancelCharge{Principal: "platform"}) // refused: it has ended meanwhile
	return c.watch.until(ctx, id, func(s seen) bool { return s.ended() })
}

// changeMind cancels once the gateway asks, and then pays twice: another way, and
// where it was asked for at first.
func (c *crowd) changeMind(ctx context.Context, id engine.ID, who payer) error {
	asked, err := c.watch.until(ctx, id, func(s seen) bool { return s.ended() || s.attempt == engine.AttemptCustomer })
	if err != nil || asked.ended() {
		return err
	}
	if err := c.ask(ctx, id, engine.CancelCharge{Principal: "platform"}); err != nil {
		return nil // it was faster than the change of mind
	}
	return c.another(ctx, who, asked)
}

// another pays for the booking another way, and on the first page as well if the
// plan wants that. FedaPay's dashboard gives back MTN's money alone, so nobody
// here is charged twice on its page.
func (c *crowd) another(ctx context.Context, who payer, first seen) error {
	next := who
	next.plan.page, next.plan.codes, next.plan.cancels, next.plan.again = pays, nil, false, false
	id, err := c.begin(ctx, next, true)
	switch {
	case engine.CodeOf(err) == engine.CodeBookingPaid:
		return nil // the first payment came through meanwhile
	case err != nil:
		return err
	}
	if err := c.follow(ctx, id, next); err != nil || !who.afterAll || first.page == "" || first.gateway != engine.Paystack {
		return err
	}
	return c.decide(ctx, first.page, pays)
}

// follow does what the payment asks for until the payer has nothing left to do:
// it types codes and decides on pages.
func (c *crowd) follow(ctx context.Context, id engine.ID, who payer) error {
	codes, decisions := who.codes, strings.Fields(who.page)
	for len(codes)+len(decisions) > 0 {
		now, err := c.watch.until(ctx, id, func(s seen) bool {
			return s.ended() || (s.next == engine.NextOTP && !s.codeInFlight && len(codes) > 0) ||
				(s.next == engine.NextRedirect && s.page != "" && len(decisions) > 0)
		})
		switch {
		case err != nil || now.ended():
			return err
		case now.next == engine.NextOTP:
			if c.ask(ctx, id, engine.SubmitOTP{Principal: "platform", OTP: engine.OTP(codes[0])}) != nil {
				return nil // too late for a code
			}
			codes = codes[1:]
		default:
			for _, decision := range decisions {
				if err := c.decide(ctx, now.page, decision); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return nil
}

// decide is what a payer does on a gateway's page, where no fault reaches but
// the darkness: then it is tried again.
func (c *crowd) decide(ctx context.Context, page, decision string) error {
	form := url.Values{"do": {decision}}.Encode()
	return every(ctx, 300*time.Millisecond, func() bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form))
		if err != nil {
			return true
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := c.client.Do(request)
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, response.Body) // the page itself
		return response.Body.Close() == nil
	})
}

// patience is how long a payer who is turned away comes again: an outage and a
// breaker's wait many times over, because a busy machine is nobody's fault.
const patience = 3 * time.Minute

// begin starts a payment, coming again while it is turned away.
func (c *crowd) begin(ctx context.Context, who payer, anotherWay bool) (engine.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begin := c.beginHere
	if who.overAPI {
		begin = c.beginOverAPI
	}
	id, err := begin(ctx, who, who.charge(anotherWay, time.Now()))
	if err != nil {
		return id, fmt.Errorf("could not begin: %w", err)
	}
	c.mu.Lock()
	c.payments[id] = who
	c.mu.Unlock()
	c.begun.Add(1)
	return id, nil
}

// comeAgain is how long a payer waits who is turned away, longer each time: a
// crowd that knocks without a pause is an attack, and another test's.
func comeAgain(try int) time.Duration { return min(700*time.Millisecond<<min(try, 4), 5*time.Second) }

// beginHere asks the near engine's actors.
func (c *crowd) beginHere(ctx context.Context, _ payer, charge engine.InitiateCharge) (engine.ID, error) {
	id := freshID()
	for try := 0; ; try++ {
		asking, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, err := c.world.near.system.Ask(asking, engine.Ask{Transaction: id, Command: charge})
		cancel()
		switch {
		case err == nil, engine.CodeOf(err) == engine.CodeMoveIllegal: // it exists: only the answer was lost
			return id, nil
		case !mayComeAgain(err):
			return id, err
		}
		c.turned.Add(1)
		if waited := pause(ctx, comeAgain(try)); waited != nil {
			return id, errors.Join(waited, err)
		}
	}
}

// mayComeAgain: nobody could take the payment just then, or nobody knows yet.
func mayComeAgain(err error) bool {
	code := engine.CodeOf(err)
	return errors.Is(err, engine.Overloaded) || errors.Is(err, engine.Internal) ||
		code == engine.CodeStillRunning || code == engine.CodePromptOpen
}

// ask sends a payer's command to the near engine, again while it is busy.
func (c *crowd) ask(ctx context.Context, id engine.ID, command engine.Command) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for try := 0; ; try++ {
		_, err := c.world.near.system.Ask(ctx, engine.Ask{Transaction: id, Command: command})
		if err == nil || !errors.Is(err, engine.Overloaded) {
			return err
		}
		if waited := pause(ctx, comeAgain(try)); waited != nil {
			return err
		}
	}
}

// beginOverAPI posts to one engine and then to the other, under one key, until
// one answers.
func (c *crowd) beginOverAPI(ctx context.Context, who payer, charge engine.InitiateCharge) (engine.ID, error) {
	request := map[string]any{
		"booking_id": charge.Booking, "talent_id": charge.Talent, "amount": int64(charge.Amount), "currency": "XOF",
		"method": string(charge.Method), "email": charge.Payer.Email,
	}
	if charge.Method == engine.MobileMoney {
		request["operator"], request["phone"] = string(charge.Payer.Operator), charge.Payer.Phone.National()
	}
	if !charge.DeliveryDueAt.IsZero() {
		request["delivery_due_at"] = charge.DeliveryDueAt.UTC().Format(time.RFC3339)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return engine.ID{}, err
	}
	key := nextKey()
	engines := []string{"http://" + c.world.far.addr, c.world.near.url()}
	for try := 0; ; try++ {
		id, err := c.post(ctx, engines[(who.n+try)%2], key, string(body))
		var final *refusedForGood
		if err == nil || errors.As(err, &final) || engine.CodeOf(err) == engine.CodeBookingPaid {
			return id, err
		}
		c.turned.Add(1)
		if waited := pause(ctx, comeAgain(try)); waited != nil {
			return id, errors.Join(waited, err)
		}
	}
}

// refusedForGood is an answer that another try would not change.
type refusedForGood struct{ told string }

func (r *refusedForGood) Error() string { return r.told }

func (c *crowd) post(ctx context.Context, at, key, body string) (engine.ID, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/v1/payments/initiate", strings.NewReader(body))
	if err != nil {
		return engine.ID{}, err
	}
	request.Header.Set("Authorization", "Bearer "+developmentAPIKey)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	response, err := c.client.Do(request)
	if err != nil {
		return engine.ID{}, err
	}
	defer func() { _ = response.Body.Close() }() // read to the end
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return engine.ID{}, err
	}
	var told struct{ ID, Code string }
	_ = json.Unmarshal(raw, &told) // what is no JSON has no id
	switch {
	case response.StatusCode < http.StatusMultipleChoices:
		return engine.ParseID(strings.TrimPrefix(told.ID, engine.PaymentPrefix))
	case told.Code == string(engine.CodeBookingPaid):
		return engine.ID{}, engine.Errorf(engine.Conflict, engine.CodeBookingPaid, "HTTP %d", response.StatusCode)
	case response.StatusCode >= http.StatusInternalServerError, response.StatusCode == http.StatusTooManyRequests,
		told.Code == string(engine.CodeStillRunning), told.Code == string(engine.CodePromptOpen):
		return engine.ID{}, fmt.Errorf("HTTP %d %s", response.StatusCode, told.Code)
	}
	return engine.ID{}, &refusedForGood{fmt.Sprintf("HTTP %d %s", response.StatusCode, raw)}
}

// seen is what a payer sees of a payment.
type seen struct {
	status       engine.ChargeStatus
	gateway      engine.Gateway
	attempt      engine.AttemptStatus
	next         engine.NextAction
	page         string
	codeInFlight bool
}

func (s seen) ended() bool {
	return s.status != engine.ChargeIsInitiated && s.status != engine.ChargeIsProcessing
}

// watch looks at all the payments that payers wait for, with one query.
type watch struct {
	world *world
	mu    sync.Mutex
	waits map[engine.ID]waiting
}

type waiting struct {
	until func(seen) bool
	told  chan seen
}

func newWatch(w *world) *watch { return &watch{world: w, waits: map[engine.ID]waiting{}} }

// until waits for the payment to be as the payer wants it. A payment has one
// payer, who does one thing at a time.
func (w *watch) until(ctx context.Context, id engine.ID, holds func(seen) bool) (seen, error) {
	told := make(chan seen, 1)
	w.mu.Lock()
	w.waits[id] = waiting{holds, told}
	w.mu.Unlock()
	select {
	case s := <-told:
		return s, nil
	case <-ctx.Done():
		return seen{}, ctx.Err()
	}
}

// run looks again and again until ctx ends.
func (w *watch) run(ctx context.Context) {
	_ = every(ctx, 250*time.Millisecond, func() bool { // it ends with ctx alone
		w.look(ctx)
		return false
	})
}

func (w *watch) look(ctx context.Context) {
	w.mu.Lock()
	ids := make([][16]byte, 0, len(w.waits))
	for id := range w.waits {
		ids = append(ids, id)
	}
	w.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	rows, err := w.world.window.Query(ctx, `
		SELECT t.id, t.status, a.gateway, a.status, a.next_action, a.redirect_url, a.otp_in_flight
		  FROM transactions t
		  JOIN attempts a ON a.transaction_id = t.id
		 WHERE t.id = ANY($1::uuid[]) AND NOT EXISTS (SELECT 1 FROM attempts later WHERE later.transaction_id = t.id AND later.no > a.no)`, ids)
	if err != nil {
		return // the next look is soon
	}
	var id [16]byte
	var s seen
	_, _ = pgx.ForEachRow(rows, []any{&id, &s.status, &s.gateway, &s.attempt, &s.next, &s.page, &s.codeInFlight}, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if one, waits := w.waits[id]; waits && one.until(s) {
			delete(w.waits, id)
			one.told <- s
		}
		return nil
	})
}
