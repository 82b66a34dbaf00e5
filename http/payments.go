package http

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// Payment is a payment as clients see it. What is null is left out.
type Payment struct {
	ID          string     `json:"id" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Status      string     `json:"status" doc:"initiated, processing, succeeded, failed or expired; others may come." example:"processing"`
	Amount      int64      `json:"amount" doc:"Whole francs." example:"15000"`
	Currency    string     `json:"currency" example:"XOF"`
	Reference   string     `json:"reference" doc:"Of the present attempt, as the gateway sees it." example:"01kapw8c2vf8xtr0q6ynd9b5mh-c1"`
	DisplayText string     `json:"display_text" doc:"For the payer: the gateway's own words when it gives some."`
	NextAction  NextAction `json:"next_action"`
	PollAfterMS int        `json:"poll_after_ms,omitempty" doc:"Ask again after so many milliseconds; absent when nothing is expected." example:"3000"`
	Code        string     `json:"code,omitempty" doc:"Why it failed, or what was wrong with the last code typed." example:"otp_invalid"`
	UnderReview bool       `json:"under_review,omitempty" doc:"Something does not match: the money stands still until staff have looked."`

	BookingID     string         `json:"booking_id" example:"bk_1042"`
	TalentID      string         `json:"talent_id" example:"tl_77"`
	Method        engine.Method  `json:"method" example:"mobile_money"`
	Operator      phone.Operator `json:"operator" example:"orange"`
	Phone         string         `json:"phone" doc:"Masked." example:"+225 07****56"`
	CreatedAt     time.Time      `json:"created_at"`
	DeliveryDueAt *time.Time     `json:"delivery_due_at,omitempty"`
	PaidAt        *time.Time     `json:"paid_at,omitempty"`

	RefundDue int64 `json:"refund_due,omitempty" doc:"Whole francs taken from the payer once too often, and owed back."`

	Hold     *Hold    `json:"hold,omitempty"`
	Payout   *Payout  `json:"payout,omitempty"`
	Timeline []Moment `json:"timeline,omitempty" doc:"Oldest first."`
}

// NextAction is what the payer does now.
type NextAction struct {
	Type        engine.NextAction `json:"type" doc:"none, submit_otp, approve_on_phone or redirect; treat others as none." example:"submit_otp"`
	RedirectURL string            `json:"redirect_url,omitempty" doc:"Open it outside the app."`
	ExpiresAt   *time.Time        `json:"expires_at,omitempty" doc:"When the payer's time is over."`
}

// Hold is the escrow hold of a payment.
type Hold struct {
	Status     engine.HoldStatus `json:"status" example:"held"`
	Amount     int64             `json:"amount" doc:"Whole francs; commission and talent_fee add up to it." example:"15000"`
	Commission int64             `json:"commission" example:"2250"`
	TalentFee  int64             `json:"talent_fee" example:"12750"`
	HeldAt     time.Time         `json:"held_at"`
	ReleaseAt  time.Time         `json:"release_at" doc:"When it is released by itself."`
	ReleasedAt *time.Time        `json:"released_at,omitempty"`
	ReleasedBy engine.ReleasedBy `json:"released_by,omitempty" doc:"payer or time."`
}

// Payout is the sending of a talent's money.
type Payout struct {
	ID        string              `json:"id" example:"pyt_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Status    engine.PayoutStatus `json:"status" example:"due"`
	Amount    int64               `json:"amount" doc:"Whole francs." example:"12750"`
	Waiting   engine.Waiting      `json:"waiting,omitempty" doc:"What it waits for: wallet_missing, wallet_rejected, operator_unavailable, retry." example:"wallet_missing"`
	Code      engine.Code         `json:"code,omitempty" doc:"Why the last try failed."`
	Reference string              `json:"reference,omitempty" doc:"Of the last try, as the gateway sees it."`
	Operator  phone.Operator      `json:"operator,omitempty"`
	Phone     string              `json:"phone,omitempty" doc:"Where it goes, masked."`
	DueAt     time.Time           `json:"due_at"`
	PaidAt    *time.Time          `json:"paid_at,omitempty"`
}

// Moment is one line of a payment's timeline.
type Moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what" doc:"charge, attempt, hold, payout or try." example:"attempt"`
	Name string    `json:"name,omitempty" doc:"Which attempt or try: c1, p1." example:"c1"`
	From string    `json:"from,omitempty"`
	To   string    `json:"to" example:"customer"`
	Note string    `json:"note,omitempty" doc:"Why, as a code."`
}

var paymentType = reflect.TypeFor[Payment]()

// Polling: a payer who has just been prompted takes some seconds; a payment
// that is only being sent or verified has nothing to say for longer.
const (
	pollSending  = 1_000
	pollPrompted = 3_000
	pollUnsure   = 5_000
)

// paymentOf is a payment as it is told in a language.
func paymentOf(l language, st engine.Statement) Payment {
	t := st.Transaction
	a, _ := t.LastAttempt()
	p := Payment{
		ID: t.ID.Payment(), Status: string(t.Status), Amount: int64(t.Amount), Currency: string(t.Currency),
		Reference: t.Reference(a).String(), DisplayText: displayText(l, t), NextAction: NextAction{Type: engine.NextNone},
		Code: string(t.Code), UnderReview: t.Review != "", RefundDue: int64(t.Owed()),
		BookingID: t.Booking, TalentID: t.Talent, Method: t.Method, Operator: t.Payer.Operator, Phone: t.Payer.Phone.String(),
		CreatedAt: t.CreatedAt.UTC(), DeliveryDueAt: moment(t.DeliveryDueAt), PaidAt: moment(t.PaidAt),
	}
	if t.Status == engine.ChargeIsInitiated || t.Status == engine.ChargeIsProcessing {
		p.PollAfterMS = pollAfter(a)
		p.Code = string(a.Code)
		if a.Status == engine.AttemptCustomer && !a.OTPInFlight && a.NextAction != "" {
			p.NextAction = NextAction{Type: a.NextAction, ExpiresAt: moment(a.WindowAt)}
			if a.NextAction == engine.NextRedirect {
				p.NextAction.RedirectURL = a.RedirectURL
			}
		}
	}
	p.Hold, p.Payout = holdOf(t), payoutOf(t)
	for _, m := range st.Timeline {
		p.Timeline = append(p.Timeline, Moment{At: m.At.UTC(), What: m.Machine, Name: m.Subject, From: m.From, To: m.To, Note: m.Note})
	}
	return p
}

func pollAfter(a engine.Attempt) int {
	switch {
	case a.Status == engine.AttemptSending || a.OTPInFlight:
		return pollSending
	case a.Status == engine.AttemptCustomer:
		return pollPrompted
	}
	return pollUnsure
}

func holdOf(t engine.Transaction) *Hold {
	h := t.Hold
	if h == nil {
		return nil
	}
	return &Hold{
		Status: h.Status, Amount: int64(h.Amount), Commission: int64(h.Commission), TalentFee: int64(h.TalentFee),
		HeldAt: h.HeldAt.UTC(), ReleaseAt: h.ReleaseAt.UTC(), ReleasedAt: moment(h.ReleasedAt), ReleasedBy: h.ReleasedBy,
	}
}

func payoutOf(t engine.Transaction) *Payout {
	p := t.Payout
	if p == nil {
		return nil
	}
	out := &Payout{
		ID: t.ID.Payout(), Status: p.Status, Amount: int64(p.Amount), Waiting: p.Waiting, Code: p.Code,
		DueAt: p.DueAt.UTC(), PaidAt: moment(p.PaidAt),
	}
	if last := len(p.Tries); last > 0 {
		try := p.Tries[last-1]
		reference := engine.Reference{Transaction: t.ID, Kind: engine.PayoutReference, Number: try.No}
		out.Reference, out.Operator, out.Phone = reference.String(), try.Wallet.Operator, try.Wallet.Phone.String()
	}
	return out
}

// moment leaves out a time that has not come.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type initiateInput struct {
	Keyed
	Body struct {
		BookingID     string `json:"booking_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"bk_1042"`
		TalentID      string `json:"talent_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"tl_77"`
		Amount        int64  `json:"amount" minimum:"1" doc:"Whole francs." example:"15000"`
		Currency      string `json:"currency" enum:"XOF" example:"XOF"`
		Method        string `json:"method" enum:"mobile_money" example:"mobile_money"`
		Operator      string `json:"operator" enum:"orange,mtn,wave,moov" example:"orange"`
		Phone         string `json:"phone" maxLength:"32" doc:"Of Côte d'Ivoire, ten digits, national or +225." example:"0700000000"`
		Email         string `json:"email" maxLength:"254" pattern:"^[!-?A-~]{1,64}@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$" patternDescription:"an e-mail address" example:"awa@example.ci"`
		DeliveryDueAt string `json:"delivery_due_at,omitempty" format:"date-time" doc:"When the performance is: the hold is released so many hours after it."`
	}
}

// initiate starts a payment. Nothing is stored unless all of it is right.
func (s *Server) initiate(ctx context.Context, c *call, in *initiateInput) (*answered, error) {
	what := intention{operation: "initiate", keyed: in.Keyed, body: in.Body, status: fasthttp.StatusAccepted}
	return s.once(ctx, c, what, func(key *engine.IdempotencyKey) (engine.Applied, error) {
		command, err := s.chargeOf(c, in)
		if err != nil {
			return engine.Applied{}, err
		}
		id, err := newID()
		if err != nil {
			return engine.Applied{}, err
		}
		return s.ports.Asker.Ask(ctx, engine.Ask{Transaction: id, Command: command, Key: key})
	})
}

// chargeOf reads what the schema can't: numbers, routes, dates. It collects
// everything that is wrong, so that a caller mends it all at once.
func (s *Server) chargeOf(c *call, in *initiateInput) (engine.InitiateCharge, error) {
	b := in.Body
	payer, wrong := s.payerOf(c, engine.Collect, b.Operator, b.Phone)
	command := engine.InitiateCharge{
		Principal: c.principal.Name, Booking: b.BookingID, Talent: b.TalentID,
		Amount: money.Amount(b.Amount), Currency: money.Currency(b.Currency), Method: engine.Method(b.Method),
		Payer: engine.Payer{Operator: payer.Operator, Phone: payer.Phone, Email: b.Email},
	}
	if b.DeliveryDueAt != "" {
		at, err := time.Parse(time.RFC3339, b.DeliveryDueAt)
		if err != nil {
			wrong = append(wrong, engine.Errorf(engine.Invalid, codeDateMalformed, "RFC 3339: 2026-01-31T20:00:00Z").At("delivery_due_at"))
		}
		command.DeliveryDueAt = at.UTC()
	}
	if len(wrong) > 0 {
		return engine.InitiateCharge{}, wrong
	}
	return command, nil
}

// payerOf reads an operator and a number that must suit it, in one direction.
func (s *Server) payerOf(c *call, d engine.Direction, operator, number string) (engine.Payer, faults) {
	var wrong faults
	o := phone.Operator(operator)
	if routes := s.cfg.Policy.Routes; len(routes.For(d, engine.MobileMoney, o)) == 0 {
		e := engine.Errorf(engine.Invalid, engine.CodeOperatorUnavailable, "no gateway serves this operator").At("operator")
		e.Text = operatorUnavailable(c.language, o, routes.Operators(d, engine.MobileMoney))
		wrong = append(wrong, e)
	}
	n, err := phone.Parse(number)
	switch {
	case errors.Is(err, phone.ErrForeign):
		wrong = append(wrong, engine.Errorf(engine.Invalid, engine.CodePhoneForeign, "%v", err).At("phone"))
	case errors.Is(err, phone.ErrLandline):
		wrong = append(wrong, engine.Errorf(engine.Invalid, engine.CodePhoneLandline, "%v", err).At("phone"))
	case err != nil:
		wrong = append(wrong, engine.Errorf(engine.Invalid, engine.CodePhoneMalformed, "%v", err).At("phone"))
	case len(wrong) == 0 && !s.cfg.Policy.PortedNumbers && !n.Suits(o): // of an operator that is out anyway, it says nothing new
		e := engine.Errorf(engine.Invalid, engine.CodeOperatorMismatch, "the number belongs to %s", n.Prefix().Name())
		wrong = append(wrong, e.At("operator"))
	}
	return engine.Payer{Operator: o, Phone: n}, wrong
}

type submitOTPInput struct {
	Keyed
	Body struct {
		PaymentID string `json:"payment_id" maxLength:"40" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
		OTP       string `json:"otp" pattern:"^[0-9]{4,8}$" patternDescription:"4 to 8 digits" example:"123456"`
	}
}

// submitOTP passes a code on. A wrong one is an answer like any other: the
// payment goes on, and asks again.
func (s *Server) submitOTP(ctx context.Context, c *call, in *submitOTPInput) (*answered, error) {
	id, err := engine.ParsePublicID(engine.PaymentPrefix, in.Body.PaymentID)
	if err != nil {
		return nil, engine.Errorf(engine.Invalid, engine.CodeIDMalformed, "%s and 26 characters", engine.PaymentPrefix).At("payment_id")
	}
	what := intention{operation: "submit_otp", keyed: in.Keyed, body: in.Body, status: fasthttp.StatusAccepted}
	return s.once(ctx, c, what, func(key *engine.IdempotencyKey) (engine.Applied, error) {
		if _, err := s.owned(ctx, c, id); err != nil {
			return engine.Applied{}, err
		}
		command := engine.SubmitOTP{Principal: c.principal.Name, OTP: engine.OTP(in.Body.OTP)}
		return s.ports.Asker.Ask(ctx, engine.Ask{Transaction: id, Command: command, Key: key})
	})
}

type getPaymentInput struct {
	ID string `path:"id" maxLength:"64" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
}

type getPaymentOutput struct{ Body Payment }

// getPayment tells all about a payment. What is not spelled as an id is no
// payment: 404, as for any other that does not exist.
func (s *Server) getPayment(ctx context.Context, c *call, in *getPaymentInput) (*getPaymentOutput, error) {
	id, err := engine.ParsePublicID(engine.PaymentPrefix, in.ID)
	if err != nil {
		return nil, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "there is no such payment")
	}
	st, err := s.owned(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return &getPaymentOutput{paymentOf(c.language, st)}, nil
}

// owned finds a payment of the caller's. One that is somebody else's does not
// exist for it (S-07).
func (s *Server) owned(ctx context.Context, c *call, id engine.ID) (engine.Statement, error) {
	c.transaction = id
	st, err := s.ports.Reports.Payment(ctx, id)
	if err != nil {
		return engine.Statement{}, err
	}
	if st.Transaction.Principal != c.principal.Name {
		return engine.Statement{}, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "there is no such payment")
	}
	return st, nil
}
