package http

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// requestExamples are requests that are answered as described, by operation.
var requestExamples = map[string]map[string]*huma.Example{
	"initiate-payment": {
		"mobile_money": {Summary: "From an Orange Money account", Value: map[string]any{
			"booking_id": "bk_1042", "talent_id": "tl_77", "amount": 15000, "currency": "XOF", "method": "mobile_money",
			"operator": "orange", "phone": "0700001000", "email": "awa@example.ci",
		}},
		"card": {Summary: "By card, on the gateway's page", Value: map[string]any{
			"booking_id": "bk_1043", "talent_id": "tl_77", "amount": 15000, "currency": "XOF", "method": "card",
			"email": "awa@example.ci", "delivery_due_at": "2026-12-31T20:00:00Z",
		}},
	},
	"submit-otp": {"code": {Summary: "The code of the text message", Value: map[string]any{
		"payment_id": exampleID, "otp": "123456",
	}}},
	"put-wallet": {"wave": {Summary: "A Wave account", Value: map[string]any{
		"operator": "wave", "phone": "0700000056", "name": "Awa Koné",
	}}},
	"propose": {"release": {Summary: "Release a hold by hand", Value: map[string]any{
		"kind": "release", "payment_id": exampleID, "reason": "the venue confirmed by telephone",
	}}},
}

// answerExamples are answers, by operation.
var answerExamples = map[string]any{
	"initiate-payment": examplePayment,
	"get-payment":      examplePaid,
	"confirm-delivery": examplePaid,
}

const (
	exampleID        = "pay_01kapw8c2vf8xtr0q6ynd9b5mh"
	exampleReference = "01kapw8c2vf8xtr0q6ynd9b5mh-c1"
)

var exampleTime = time.Date(2026, 1, 31, 20, 0, 0, 0, time.UTC)

// examplePayment waits for a code.
var examplePayment = func() Payment {
	ends := exampleTime.Add(10 * time.Minute)
	return Payment{
		ID: exampleID, Version: 2, Status: "processing", Amount: 15000, Currency: "XOF", Reference: exampleReference,
		DisplayText: "Composez #144*82# puis saisissez le code reçu.", PollAfterMS: pollPrompted,
		NextAction: NextAction{Type: engine.NextOTP, ExpiresAt: &ends},
		BookingID:  "bk_1042", TalentID: "tl_77", Method: engine.MobileMoney, Operator: phone.Orange, Phone: "+225 07****00",
		CreatedAt: exampleTime,
		Attempts: []Attempt{{
			Reference: exampleReference, Gateway: engine.Paystack, Flow: engine.Direct, Status: engine.AttemptCustomer, AskedAt: exampleTime,
		}},
	}
}()

// examplePaid is the same one later: its money is released, and waits for a wallet.
var examplePaid = func() Payment {
	p, paid, released := examplePayment, exampleTime.Add(time.Minute), exampleTime.Add(2*time.Hour)
	p.Version, p.Status, p.PollAfterMS, p.DisplayText, p.PaidAt = 5, "succeeded", 0, textPaid.fr, &paid
	p.NextAction = NextAction{Type: engine.NextNone}
	p.Attempts = []Attempt{p.Attempts[0]}
	p.Attempts[0].Status, p.Attempts[0].Disposition = engine.AttemptSucceeded, engine.Kept
	p.Hold = &Hold{
		Status: engine.HoldReleased, Amount: 15000, Commission: 2250, TalentFee: 12750, HeldAt: paid, ReleaseAt: exampleTime.Add(48 * time.Hour),
		ReleasedAt: &released, ReleasedBy: engine.ReleasedByPayer,
	}
	p.Payout = &Payout{
		ID: "pyt_01kapw8c2vf8xtr0q6ynd9b5mh", Status: engine.PayoutIsDue, Amount: 12750, Waiting: engine.WaitingWalletMissing, DueAt: released,
	}
	return p
}()

// exampleEvents is what a client that has the event before is told.
const exampleEvents = "retry: 2000\n\n" +
	"id: 2\nevent: escrow.released\ndata: {\"payment_id\":\"" + exampleID + "\"}\n\n" +
	"event: payment\ndata: {\"id\":\"" + exampleID + "\",\"status\":\"succeeded\"}\n\n"
