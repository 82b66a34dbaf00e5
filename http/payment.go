package http

import (
	"reflect"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// Payment is a payment as clients see it. What is null is left out.
type Payment struct {
	ID          string     `json:"id" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Version     int        `json:"version" doc:"Grows with every change: pass it as since_version to wait for the next one." example:"3"`
	Status      string     `json:"status" doc:"initiated, processing, succeeded, failed, expired or cancelled; others may come." example:"processing"`
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
	Operator      phone.Operator `json:"operator,omitempty" doc:"Absent for a card." example:"orange"`
	Phone         string         `json:"phone,omitempty" doc:"Masked." example:"+225 07****56"`
	CreatedAt     time.Time      `json:"created_at"`
	DeliveryDueAt *time.Time     `json:"delivery_due_at,omitempty"`
	PaidAt        *time.Time     `json:"paid_at,omitempty"`

	RefundDue int64 `json:"refund_due,omitempty" doc:"Whole francs taken from the payer once too often, and owed back."`

	Attempts []Attempt `json:"attempts" doc:"What was asked of which gateway, oldest first. At most one may still take money."`
	Refunds  []Refund  `json:"refunds,omitempty" doc:"What is given back, and how far that is."`
	Hold     *Hold     `json:"hold,omitempty"`
	Payout   *Payout   `json:"payout,omitempty"`
	Timeline []Moment  `json:"timeline,omitempty" doc:"Oldest first."`
}

// Attempt is one charge asked of one gateway.
type Attempt struct {
	Reference   string               `json:"reference" doc:"As the gateway sees it." example:"01kapw8c2vf8xtr0q6ynd9b5mh-c1"`
	Gateway     engine.Gateway       `json:"gateway" example:"paystack"`
	Flow        engine.Flow          `json:"flow" doc:"direct: on the payer's phone. hosted: on the gateway's page." example:"direct"`
	Status      engine.AttemptStatus `json:"status" example:"customer"`
	Disposition engine.Disposition   `json:"disposition,omitempty" doc:"Of money that was taken: kept, surplus (owed back) or suspense."`
	Captured    int64                `json:"captured,omitempty" doc:"Whole francs it took; absent when it took none." example:"15000"`
	Code        engine.Code          `json:"code,omitempty" doc:"Why it took none."`
	AskedAt     time.Time            `json:"asked_at"`
}

// Refund is the giving back of what one attempt took.
type Refund struct {
	Reference string              `json:"reference" example:"01kapw8c2vf8xtr0q6ynd9b5mh-r1"`
	Of        string              `json:"of" doc:"The attempt's reference." example:"01kapw8c2vf8xtr0q6ynd9b5mh-c2"`
	Gateway   engine.Gateway      `json:"gateway" doc:"The one that took it." example:"fedapay"`
	Cause     engine.RefundCause  `json:"cause" example:"surplus"`
	Amount    int64               `json:"amount" doc:"Whole francs, all that was taken." example:"15000"`
	Status    engine.RefundStatus `json:"status" doc:"owed, sending, unknown, pending, manual (our staff do it by hand) or done; others may come." example:"manual"`
	Code      engine.Code         `json:"code,omitempty" doc:"What stands in the way."`
	OwedAt    time.Time           `json:"owed_at"`
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
	Commission int64             `json:"commission,omitempty" example:"2250"`
	TalentFee  int64             `json:"talent_fee,omitempty" example:"12750"`
	HeldAt     time.Time         `json:"held_at"`
	ReleaseAt  time.Time         `json:"release_at" doc:"When it is released by itself."`
	ReleasedAt *time.Time        `json:"released_at,omitempty"`
	ReleasedBy engine.ReleasedBy `json:"released_by,omitempty" doc:"payer, time or staff."`
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
func (s *Server) paymentOf(l language, st engine.Statement) Payment {
	t := st.Transaction
	a, _ := t.LastAttempt()
	p := Payment{
		ID: t.ID.Payment(), Version: t.Version, Status: string(t.Status), Amount: int64(t.Amount), Currency: string(t.Currency),
		Reference: t.Reference(a).String(), DisplayText: displayText(l, t, s.working(l, engine.Collect)),
		NextAction: NextAction{Type: engine.NextNone},
		Code:       string(t.Code), UnderReview: t.Review != "", RefundDue: int64(t.Owed()),
		BookingID: t.Booking, TalentID: t.Talent, Method: t.Method, Operator: t.Payer.Operator, Phone: masked(t.Payer.Phone),
		CreatedAt: t.CreatedAt.UTC(), DeliveryDueAt: moment(t.DeliveryDueAt), PaidAt: moment(t.PaidAt),
	}
	if t.Status == engine.ChargeIsInitiated || t.Status == engine.ChargeIsProcessing {
		p.PollAfterMS = pollAfter(a)
		if !waits(t) {
			p.Code = string(a.Code)
		}
		if a.Status == engine.AttemptCustomer && !a.OTPInFlight && a.NextAction != "" {
			p.NextAction = NextAction{Type: a.NextAction, ExpiresAt: moment(a.WindowAt)}
			if a.NextAction == engine.NextRedirect {
				p.NextAction.RedirectURL = a.RedirectURL
			}
		}
	}
	p.Attempts, p.Refunds, p.Hold, p.Payout = attemptsOf(t), refundsOf(t), holdOf(t), payoutOf(t)
	for _, m := range st.Timeline {
		p.Timeline = append(p.Timeline, Moment{At: m.At.UTC(), What: m.Machine, Name: m.Subject, From: m.From, To: m.To, Note: m.Note})
	}
	return p
}

// paymentFor is a payment as whoever asks may see it. A payer's business is what they
// paid, a talent's what they are paid: neither sees the other's number, nor a payer
// what the platform keeps.
func (s *Server) paymentFor(c *call, st engine.Statement) Payment {
	p := s.paymentOf(c.language, st)
	switch c.principal.Role {
	case engine.RolePayer:
		p.Payout = nil
		if p.Hold != nil {
			p.Hold.Commission, p.Hold.TalentFee = 0, 0
		}
	case engine.RoleTalent:
		p.Phone, p.Operator, p.NextAction = "", "", NextAction{Type: engine.NextNone}
		p.Attempts, p.Refunds, p.RefundDue, p.Timeline = []Attempt{}, nil, 0, nil
	case engine.RolePlatform, engine.RoleSupport, engine.RoleFinance, engine.RoleAdmin:
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

// masked is a number as people are shown it; a card's payer need give none.
func masked(n phone.Number) string {
	if n.IsZero() {
		return ""
	}
	return n.String()
}

func attemptsOf(t engine.Transaction) []Attempt {
	out := make([]Attempt, 0, len(t.Attempts))
	for _, a := range t.Attempts {
		out = append(out, Attempt{
			Reference: t.Reference(a).String(), Gateway: a.Gateway, Flow: a.Flow, Status: a.Status, Disposition: a.Disposition,
			Captured: int64(a.Captured), Code: a.Code, AskedAt: a.AskedAt.UTC(),
		})
	}
	return out
}

func refundsOf(t engine.Transaction) []Refund {
	var out []Refund
	for _, r := range t.Refunds {
		out = append(out, Refund{
			Reference: t.RefundReference(r).String(), Of: t.Reference(t.Attempts[r.Attempt-1]).String(), Gateway: r.Gateway,
			Cause: r.Cause, Amount: int64(r.Amount), Status: r.Status, Code: r.Code, OwedAt: r.OwedAt.UTC(),
		})
	}
	return out
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
