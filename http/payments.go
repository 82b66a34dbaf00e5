package http

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

type initiateInput struct {
	Keyed
	Body struct {
		BookingID     string `json:"booking_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"bk_1042"`
		TalentID      string `json:"talent_id" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"tl_77"`
		Amount        int64  `json:"amount" minimum:"1" doc:"Whole francs." example:"15000"`
		Currency      string `json:"currency" enum:"XOF" example:"XOF"`
		Method        string `json:"method" enum:"mobile_money,card" doc:"A card's number is typed on the gateway's page and never sent here." example:"mobile_money"`
		Operator      string `json:"operator,omitempty" enum:"orange,mtn,wave,moov" doc:"For mobile_money, and for nothing else." example:"orange"`
		Phone         string `json:"phone,omitempty" maxLength:"32" doc:"Of Côte d'Ivoire, ten digits, national or +225. For mobile_money; a card's payer may give one." example:"0700000000"`
		PayerID       string `json:"payer_id,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_.-]*$" doc:"Your own id of who pays: their token (sub) then sees the payment. A payer's own token says it by itself." example:"usr_901"`
		Email         string `json:"email" maxLength:"254" pattern:"^[!-?A-~]{1,64}@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$" example:"awa@example.ci"`
		DeliveryDueAt string `json:"delivery_due_at,omitempty" format:"date-time" doc:"When the performance is: the hold is released so many hours after it."`
	}
}

// Resolve is Huma's: what a wallet needs beside what every payment does, found
// together with all else that is wrong.
func (in *initiateInput) Resolve(huma.Context) []error {
	var missing []error
	need := func(name, value string) {
		if in.Body.Method == string(engine.MobileMoney) && value == "" {
			missing = append(missing, &huma.ErrorDetail{
				Location: "body", Message: fmt.Sprintf(validation.MsgExpectedRequiredProperty, name),
			})
		}
	}
	need("operator", in.Body.Operator)
	need("phone", in.Body.Phone)
	return missing
}

var _ huma.Resolver = (*initiateInput)(nil)

// initiate starts a payment. Nothing is stored unless all of it is right.
func (s *Server) initiate(ctx context.Context, c *call, in *initiateInput) (*answered, error) {
	what := intention{operation: "initiate", keyed: in.Keyed, body: in.Body, status: fasthttp.StatusAccepted}
	return s.once(ctx, c, what, func(key *engine.IdempotencyKey) (engine.Applied, error) {
		command, err := s.chargeOf(c, in)
		if err != nil {
			return engine.Applied{}, err
		}
		if err := s.use(ctx, c, key,
			quota{limitStartPhone, s.cfg.Rates.StartsPerPhone, command.Payer.Phone.E164()},
			quota{limitStartBooking, s.cfg.Rates.StartsPerBooking, command.Principal + " " + command.Booking}); err != nil {
			return engine.Applied{}, err
		}
		id, err := newID()
		if err != nil {
			return engine.Applied{}, err
		}
		applied, err := s.ports.Asker.Ask(ctx, engine.Ask{Transaction: id, Command: command, Key: key})
		return applied, s.explain(c, command, err)
	})
}

// chargeOf reads what the schema can't: numbers, routes, dates. It collects
// everything that is wrong, so that a caller mends it all at once.
func (s *Server) chargeOf(c *call, in *initiateInput) (engine.InitiateCharge, error) {
	b := in.Body
	if c.principal.Role == engine.RolePayer {
		asked := engine.Terms{Booking: b.BookingID, Talent: b.TalentID, Amount: money.Amount(b.Amount)}
		if signed := c.principal.Terms; signed == nil || *signed != asked {
			return engine.InitiateCharge{}, engine.Errorf(engine.Forbidden, codeTermsNotSigned,
				"a payer's token begins what its platform has signed in it, and nothing else: booking_id, talent_id and amount as sent")
		}
	}
	payer, wrong := s.payerOf(c, engine.Method(b.Method), b.Operator, b.Phone)
	if c.principal.Role == engine.RolePayer {
		if b.PayerID != "" && b.PayerID != c.principal.Subject {
			wrong = append(wrong, engine.Errorf(engine.Invalid, codePayerMismatch, "a payer pays for themselves").At("payer_id"))
		}
		b.PayerID = c.principal.Subject
	}
	command := engine.InitiateCharge{
		Principal: c.principal.Platform, Booking: b.BookingID, Talent: b.TalentID,
		Amount: money.Amount(b.Amount), Currency: money.Currency(b.Currency), Method: engine.Method(b.Method),
		Payer: engine.Payer{ID: b.PayerID, Operator: payer.Operator, Phone: payer.Phone, Email: b.Email},
	}
	if b.DeliveryDueAt != "" {
		at, err := time.Parse(time.RFC3339, b.DeliveryDueAt)
		if err != nil {
			wrong = append(wrong, engine.Errorf(engine.Invalid, codeDateMalformed, "RFC 3339: 2026-01-31T20:00:00Z").At("delivery_due_at"))
		}
		command.DeliveryDueAt = at.UTC().Truncate(time.Microsecond) // as it will be read back
	}
	if len(wrong) > 0 {
		return engine.InitiateCharge{}, wrong
	}
	return command, nil
}

// payerOf reads who pays: for mobile money an operator and a number that must
// suit it, for a card a number if they like.
func (s *Server) payerOf(c *call, m engine.Method, operator, number string) (engine.Payer, faults) {
	if m == engine.MobileMoney {
		return s.numberOf(c, engine.Collect, operator, number)
	}
	var payer engine.Payer
	wrong := s.served(c, engine.Collect, m, "")
	if operator != "" {
		e := engine.Errorf(engine.Invalid, engine.CodeOperatorMismatch, "a card has no operator").At("operator")
		e.Text = textCardAlone.in(c.language)
		wrong = append(wrong, e)
	}
	if number != "" {
		n, err := readNumber(number)
		if payer.Phone = n; err != nil {
			wrong = append(wrong, err)
		}
	}
	return payer, wrong
}

// numberOf reads an operator and a number that must suit it, in one direction.
func (s *Server) numberOf(c *call, d engine.Direction, operator, number string) (engine.Payer, faults) {
	o := phone.Operator(operator)
	wrong := s.served(c, d, engine.MobileMoney, o)
	n, err := readNumber(number)
	switch {
	case err != nil:
		wrong = append(wrong, err)
	case len(wrong) == 0 && !s.cfg.Policy.PortedNumbers && !n.Suits(o): // of an operator that is out anyway, it says nothing new
		e := engine.Errorf(engine.Invalid, engine.CodeOperatorMismatch, "the number belongs to %s", n.Prefix().Name())
		wrong = append(wrong, e.At("operator"))
	}
	return engine.Payer{Operator: o, Phone: n}, wrong
}

// served refuses what no gateway serves at all, and names what works now.
func (s *Server) served(c *call, d engine.Direction, m engine.Method, o phone.Operator) faults {
	if len(s.cfg.Policy.Routes.For(d, m, o)) > 0 {
		return nil
	}
	field := "operator"
	if m == engine.Card {
		field = "method"
	}
	e := engine.Errorf(engine.Invalid, engine.CodeOperatorUnavailable, "no gateway serves this %s", field).At(field)
	e.Text = turnedAway(c.language, e.Code, wanted(c.language, m, o), s.working(c.language, d))
	return faults{e}
}

func readNumber(number string) (phone.Number, *engine.Error) {
	n, err := phone.Parse(number)
	switch {
	case errors.Is(err, phone.ErrForeign):
		return n, engine.Errorf(engine.Invalid, engine.CodePhoneForeign, "%v", err).At("phone")
	case errors.Is(err, phone.ErrLandline):
		return n, engine.Errorf(engine.Invalid, engine.CodePhoneLandline, "%v", err).At("phone")
	case err != nil:
		return n, engine.Errorf(engine.Invalid, engine.CodePhoneMalformed, "%v", err).At("phone")
	}
	return n, nil
}

type cancelInput struct {
	Keyed
	ID   string `path:"id" maxLength:"64" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Body *struct{}
}

// cancelPayment gives a payment up and frees its booking. A request may still be on the
// payer's phone: whoever approves it all the same has their money back.
func (s *Server) cancelPayment(ctx context.Context, c *call, in *cancelInput) (*answered, error) {
	what := intention{operation: "cancel", path: in.ID, keyed: in.Keyed, body: struct{}{}, status: fasthttp.StatusOK}
	return s.once(ctx, c, what, func(key *engine.IdempotencyKey) (engine.Applied, error) {
		st, err := s.ownPayment(ctx, c, in.ID)
		if err != nil {
			return engine.Applied{}, err
		}
		command := engine.CancelCharge{Principal: c.principal.Name()}
		return s.ports.Asker.Ask(ctx, engine.Ask{Transaction: st.Transaction.ID, Command: command, Key: key})
	})
}

type submitOTPInput struct {
	Keyed
	Body struct {
		PaymentID string `json:"payment_id" maxLength:"40" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
		OTP       string `json:"otp" pattern:"^[0-9]{4,8}$" example:"123456"`
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
		st, err := s.owned(ctx, c, id)
		if err != nil {
			return engine.Applied{}, err
		}
		whom := cmp.Or(st.Transaction.Payer.Phone.E164(), id.String())
		if err := s.use(ctx, c, key, quota{limitCodePhone, s.cfg.Rates.CodesPerPhone, whom}); err != nil {
			return engine.Applied{}, err
		}
		command := engine.SubmitOTP{Principal: c.principal.Name(), OTP: engine.OTP(in.Body.OTP)}
		return s.ports.Asker.Ask(ctx, engine.Ask{Transaction: id, Command: command, Key: key})
	})
}

// ownPayment finds a payment of the caller's by its public id. What is not spelled
// as one is no payment: 404, as for any other that does not exist.
func (s *Server) ownPayment(ctx context.Context, c *call, public string) (engine.Statement, error) {
	id, err := engine.ParsePublicID(engine.PaymentPrefix, public)
	if err != nil {
		return engine.Statement{}, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "there is no such payment")
	}
	return s.owned(ctx, c, id)
}

// owned finds a payment of the caller's. One that is somebody else's does not
// exist for it (S-07).
func (s *Server) owned(ctx context.Context, c *call, id engine.ID) (engine.Statement, error) {
	c.transaction = id
	st, err := s.ports.Reports.Payment(ctx, id)
	if err != nil {
		return engine.Statement{}, err
	}
	if !st.Transaction.BelongsTo(c.principal.Owner()) {
		return engine.Statement{}, engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "there is no such payment")
	}
	return st, nil
}
