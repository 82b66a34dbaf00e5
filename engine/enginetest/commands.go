package enginetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

func basisPoints(percent float64) money.BasisPoints { return money.BasisPoints(percent*100 + 0.5) }

func number(o phone.Operator) phone.Number {
	switch o {
	case phone.MTN:
		return phone.MustParse("0500000000")
	case phone.Moov:
		return phone.MustParse("0100000000")
	case phone.Orange, phone.Wave:
	}
	return phone.MustParse("0700000000")
}

func wallet(operator string) engine.Wallet {
	o := phone.Operator(operator)
	return engine.Wallet{No: 1, Operator: o, Phone: number(o), Name: "Awa Kouassi"}
}

// command reads one command of a story.
func command(name string, args []string, t *engine.Transaction, now time.Time) (engine.Command, error) {
	switch name {
	case "initiate":
		return initiate(args, now)
	case "confirm":
		return engine.ConfirmDelivery{Principal: "platform"}, nil
	case "cancel":
		return engine.CancelCharge{Principal: "platform"}, nil
	case "tick":
		return engine.Tick{}, nil
	case "otp":
		return engine.SubmitOTP{Principal: "platform", OTP: engine.OTP(args[0])}, nil
	}
	if name == "staff" {
		return staff(args)
	}
	if len(args) < 2 {
		return nil, fmt.Errorf("%s of what, and how?", name)
	}
	no, err := strconv.Atoi(args[0][1:])
	if err != nil {
		return nil, err
	}
	reference := engine.Reference{Transaction: t.ID, Kind: engine.ReferenceKind(args[0][:1]), Number: no}
	said := args[1:]
	switch name {
	case "answer":
		report, refusal := chargeReport(said, t)
		return engine.RecordChargeAnswer{Attempt: no, Report: report, Err: refusal}, nil
	case "otp_answer":
		report, refusal := chargeReport(said, t)
		return engine.RecordOTPAnswer{Attempt: no, Report: report, Err: refusal}, nil
	case "refund_answer":
		report, refusal := refundReport(said, t, no)
		return engine.RecordRefundAnswer{Refund: no, Flight: flight(t, no), Send: send(said), Report: report, Err: refusal}, nil
	case "payout_answer":
		report, refusal := payoutReport(said, t)
		return engine.RecordPayoutAnswer{Try: no, Send: send(said), Report: report, Err: refusal}, nil
	case "inquiry":
		return inquiry(reference, said, t, now), nil
	case "notify":
		return notify(reference, said, t), nil
	}
	return nil, fmt.Errorf("no command is called %q", name)
}

// staff reads what people do: release, look, end_review WHY, conclude p1 paid,
// conclude p1 unpaid, settle r1, settle r1 paystack, return c1, keep c1.
func staff(args []string) (engine.Command, error) {
	no := 0
	if len(args) > 1 && args[0] != "end_review" {
		var err error
		if no, err = strconv.Atoi(args[1][1:]); err != nil {
			return nil, err
		}
	}
	switch args[0] {
	case "release":
		return engine.ReleaseByStaff{}, nil
	case "look":
		return engine.LookAgain{}, nil
	case "end_review":
		return engine.EndReview{Review: engine.Review(args[1])}, nil
	case "conclude":
		return engine.ConcludePayout{Try: no, Paid: args[2] == "paid"}, nil
	case "settle":
		through := engine.Gateway("")
		if len(args) > 2 {
			through = engine.Gateway(args[2])
		}
		return engine.SettleRefund{Refund: no, Through: through}, nil
	}
	if args[0] == "return" {
		return engine.ReturnSuspense{Attempt: no}, nil
	}
	if args[0] == "keep" {
		return engine.KeepSuspense{Attempt: no}, nil
	}
	return nil, fmt.Errorf("staff do not %q", args[0])
}

func initiate(args []string, now time.Time) (engine.Command, error) {
	amount, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return nil, err
	}
	c := engine.InitiateCharge{
		Principal: "platform", Booking: "B1", Talent: "T1", Amount: money.Amount(amount), Currency: money.Currency(args[1]),
		Method: engine.MobileMoney, Payer: engine.Payer{Email: "payer@example.com"},
	}
	if args[2] == "card" {
		c.Method = engine.Card
	} else {
		c.Payer.Operator = phone.Operator(args[2])
		c.Payer.Phone = number(c.Payer.Operator)
	}
	for _, word := range args[3:] {
		if after, found := strings.CutPrefix(word, "delivery=+"); found {
			d, err := time.ParseDuration(after)
			if err != nil {
				return nil, err
			}
			c.DeliveryDueAt = now.Add(d)
		}
		if digits, found := strings.CutPrefix(word, "phone="); found {
			c.Payer.Phone = phone.MustParse(digits)
		}
	}
	return c, nil
}

// refusal reads what a gateway call came to when it was not accepted.
func refusal(said []string) *engine.Error {
	code := func(otherwise engine.Code) engine.Code {
		if len(said) > 1 {
			return engine.Code(said[1])
		}
		return otherwise
	}
	switch said[0] {
	case "unavailable":
		return &engine.Error{Kind: engine.Unavailable, Code: code(engine.CodeGatewayUnreachable)}
	case "declined":
		return &engine.Error{Kind: engine.Declined, Code: code(engine.CodeGatewayDeclined)}
	case "ambiguous":
		return &engine.Error{Kind: engine.Ambiguous, Code: code(engine.CodeGatewayTimeout)}
	}
	return nil
}

func chargeReport(said []string, t *engine.Transaction) (engine.ChargeReport, *engine.Error) {
	if e := refusal(said); e != nil {
		return engine.ChargeReport{}, e
	}
	r := engine.ChargeReport{
		Status: engine.ChargeReportStatus(said[0]), Amount: t.Amount, Currency: money.XOF, Live: true, GatewayReference: "59214",
	}
	for _, word := range said[1:] {
		switch name, value, pair := strings.Cut(word, "="); {
		case name == "fee":
			fee, _ := strconv.ParseInt(value, 10, 64)
			r.Fee, r.FeeSubunits = money.Amount(fee), fee*100
		case word == "test":
			r.Live = false
		case word == "XOF" || word == "NGN":
			r.Currency = money.Currency(word)
		case pair && name == "code":
			r.Code = engine.Code(value)
		case strings.HasPrefix(word, "https://"):
			r.URL = word
		default:
			if amount, err := strconv.ParseInt(word, 10, 64); err == nil {
				r.Amount = money.Amount(amount)
				continue
			}
			r.Text = word
		}
	}
	return r, nil
}

func payoutReport(said []string, t *engine.Transaction) (engine.PayoutReport, *engine.Error) {
	r := engine.PayoutReport{Currency: money.XOF, Live: true, GatewayReference: "TRF_1"}
	if t.Payout != nil {
		r.Amount = t.Payout.Amount
	}
	refused := refusal(said)
	if refused == nil {
		r.Status = engine.PayoutReportStatus(said[0])
	}
	for _, word := range said[1:] {
		switch name, value, _ := strings.Cut(word, "="); {
		case name == "recipient":
			r.Recipient = value
		case name == "fee":
			fee, _ := strconv.ParseInt(value, 10, 64)
			r.Fee, r.FeeSubunits = money.Amount(fee), fee*100
		case name == "code":
			r.Code = engine.Code(value)
		case word == "test":
			r.Live = false
		default:
			if amount, err := strconv.ParseInt(word, 10, 64); err == nil {
				r.Amount = money.Amount(amount)
			}
		}
	}
	return r, refused
}

// send is which call is answered: the first, unless the story says #2.
func send(said []string) int {
	for _, word := range said {
		if digits, found := strings.CutPrefix(word, "#"); found {
			n, _ := strconv.Atoi(digits)
			return n
		}
	}
	return 1
}

// flight is which sending of a refund is answered: the present one.
func flight(t *engine.Transaction, no int) int {
	if no > len(t.Refunds) {
		return 1
	}
	return t.Refunds[no-1].Flights
}

func inquiry(reference engine.Reference, said []string, t *engine.Transaction, now time.Time) engine.Command {
	c := engine.RecordInquiry{Reference: reference, AskedAt: now}
	for _, word := range said {
		if ago, found := strings.CutPrefix(word, "asked=-"); found { // the answer was long on its way
			d, _ := time.ParseDuration(ago)
			c.AskedAt = now.Add(-d)
		}
	}
	switch reference.Kind {
	case engine.PayoutReference:
		report, refused := payoutReport(said, t)
		if c.Err = refused; refused == nil {
			c.Payout = &report
		}
		return c
	case engine.RefundReference:
		report, refused := refundReport(said, t, reference.Number)
		if c.Err = refused; refused == nil {
			c.Refund = &report
		}
		return c
	case engine.ChargeReference:
	}
	report, refused := chargeReport(said, t)
	if c.Err = refused; refused == nil {
		c.Charge = &report
	}
	return c
}

// statuses of the gateway's event words.
var told = map[string]string{
	"charge.success": "succeeded", "charge.reversed": "reversed",
	"transfer.success": "paid", "transfer.failed": "failed", "transfer.reversed": "reversed",
	"transaction.created": "heard", "transaction.approved": "succeeded",
	"refund.pending": "pending", "refund.processed": "done", "refund.failed": "failed", "refund.needs-attention": "attention",
}

// gatewayOf is the gateway that the notification's reference was asked of.
func gatewayOf(reference engine.Reference, t *engine.Transaction) engine.Gateway {
	if reference.Kind == engine.ChargeReference && reference.Number <= len(t.Attempts) {
		return t.Attempts[reference.Number-1].Gateway
	}
	return engine.Paystack
}

// refundReport reads what a gateway says of a refund; #0 is one without our number.
func refundReport(said []string, t *engine.Transaction, no int) (engine.RefundReport, *engine.Error) {
	r := engine.RefundReport{Currency: money.XOF, Live: true, Amount: t.Amount, Number: no, GatewayReference: "RF_1"}
	refused := refusal(said)
	if refused == nil {
		r.Status = engine.RefundReportStatus(said[0])
	}
	for _, word := range said[1:] {
		if amount, err := strconv.ParseInt(word, 10, 64); err == nil {
			r.Amount = money.Amount(amount)
		}
		if word == "#0" {
			r.Number = 0
		}
		if id, found := strings.CutPrefix(word, "id="); found {
			r.GatewayReference = id
		}
	}
	return r, refused
}

func notify(reference engine.Reference, said []string, t *engine.Transaction) engine.Command {
	gateway := gatewayOf(reference, t)
	n := engine.Notification{
		Gateway: gateway, Kind: said[0], Reference: reference,
		Identity: engine.NewIdentity(gateway, said[0], reference.String(), told[said[0]]),
	}
	words := append([]string{told[said[0]]}, said[1:]...)
	for i, w := range words {
		if w == "stale" {
			n.Stale, words = true, append(words[:i:i], words[i+1:]...)
			break
		}
	}
	switch {
	case reference.Kind == engine.PayoutReference:
		report, _ := payoutReport(words, t)
		n.Payout = &report
	case strings.HasPrefix(said[0], "refund."):
		report, _ := refundReport(words, t, 0)
		n.Refund = &report
	default:
		report, _ := chargeReport(words, t)
		n.Charge = &report
	}
	return engine.Notify{Notification: n}
}
