package engine_test

import (
	"testing"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/enginetest"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// BenchmarkDecide is what a webhook costs between its rows being read and written: the
// first one, which keeps the money, and its copy, which changes nothing.
func BenchmarkDecide(b *testing.B) {
	policy := enginetest.Policy()
	given := engine.Given{Now: enginetest.Day, Fresh: engine.ID{0: 1}, Policy: &policy}
	payment := engine.Transaction{ID: enginetest.TransactionID}
	steps := []engine.Command{
		engine.InitiateCharge{
			Booking: "B1", Talent: "T1", Amount: price, Currency: money.XOF, Method: engine.MobileMoney,
			Payer: engine.Payer{Operator: phone.MTN, Phone: phone.MustParse("0500000000")},
		},
		engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}},
	}
	for _, cmd := range steps {
		d, err := payment.Decide(cmd, given)
		if err != nil {
			b.Fatal(err)
		}
		payment = d.Next
	}
	reference := engine.Reference{Transaction: payment.ID, Kind: engine.ChargeReference, Number: 1}
	told := engine.Notify{Notification: engine.Notification{
		Gateway: engine.Paystack, Kind: "charge.success", Reference: reference,
		Identity: engine.NewIdentity(engine.Paystack, "charge.success", reference.String(), "success"),
		Charge:   &engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: price, Currency: money.XOF, Live: true},
	}}
	given.Now = given.Now.Add(time.Minute)
	first, err := payment.Decide(told, given)
	if err != nil || !first.Changed() {
		b.Fatal("the webhook keeps the money", err)
	}
	for name, state := range map[string]engine.Transaction{"first": payment, "copy": first.Next} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := state.Decide(told, given); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
