package failover

import (
	"context"

	"github.com/bookmi/cauri/engine"
)

// The guards: a port behind the breaker of its gateway and class, one type for
// each, so that what a gateway can't do stays without a method. A guard knows its
// class by itself, so that no inquiry can come to stand behind collect's breaker.
// None of them holds a second gateway.

// Pacer is a gateway's client that tells how many requests a call of its is, one
// after another, when all goes well: each may take Config.SlowAfter. A call of a
// client that does not tell is one.
type Pacer interface {
	Requests(call engine.Effect) int
}

func requests(client any, call engine.Effect) int {
	if p, tells := client.(Pacer); tells {
		return max(1, p.Requests(call))
	}
	return 1
}

// GuardCollector puts a collector behind collect's breaker.
func GuardCollector(bs *Breakers, gateway engine.Gateway, next engine.Collector) engine.Collector {
	return collector{bs.Of(gateway, Collect), next}
}

// GuardOTPSubmitter puts an OTP submitter behind collect's breaker. It is the
// gateway of the attempt or nobody: a code means nothing elsewhere.
func GuardOTPSubmitter(bs *Breakers, gateway engine.Gateway, next engine.OTPSubmitter) engine.OTPSubmitter {
	return otpSubmitter{bs.Of(gateway, Collect), next}
}

// GuardDisburser puts a disburser behind payout's breaker. There is no failover
// of payouts: nothing here takes two disbursers.
func GuardDisburser(bs *Breakers, gateway engine.Gateway, next engine.Disburser) engine.Disburser {
	return disburser{bs.Of(gateway, Payout), next}
}

// GuardRefunder puts a refunder behind refund's breaker. Money goes back through
// the gateway that captured it or by hand, never through another.
func GuardRefunder(bs *Breakers, gateway engine.Gateway, next engine.Refunder) engine.Refunder {
	return refunder{bs.Of(gateway, Refund), next}
}

// GuardChargeInquirer puts an inquirer of charges behind verify's breaker.
func GuardChargeInquirer(bs *Breakers, gateway engine.Gateway, next engine.ChargeInquirer) engine.ChargeInquirer {
	return chargeInquirer{bs.Of(gateway, Verify), next}
}

// GuardPayoutInquirer puts an inquirer of payouts behind verify's breaker.
func GuardPayoutInquirer(bs *Breakers, gateway engine.Gateway, next engine.PayoutInquirer) engine.PayoutInquirer {
	return payoutInquirer{bs.Of(gateway, Verify), next}
}

// GuardRefundInquirer puts an inquirer of refunds behind verify's breaker.
func GuardRefundInquirer(bs *Breakers, gateway engine.Gateway, next engine.RefundInquirer) engine.RefundInquirer {
	return refundInquirer{bs.Of(gateway, Verify), next}
}

type collector struct {
	b    *Breaker
	next engine.Collector
}

func (g collector) Charge(ctx context.Context, call engine.ChargeCall) (engine.ChargeReport, error) {
	return run(ctx, g.b, requests(g.next, call), func(ctx context.Context) (engine.ChargeReport, error) {
		return g.next.Charge(ctx, call)
	})
}

type otpSubmitter struct {
	b    *Breaker
	next engine.OTPSubmitter
}

func (g otpSubmitter) SubmitOTP(ctx context.Context, call engine.OTPCall) (engine.ChargeReport, error) {
	return run(ctx, g.b, requests(g.next, call), func(ctx context.Context) (engine.ChargeReport, error) {
		return g.next.SubmitOTP(ctx, call)
	})
}

type disburser struct {
	b    *Breaker
	next engine.Disburser
}

func (g disburser) Payout(ctx context.Context, call engine.PayoutCall) (engine.PayoutReport, error) {
	return run(ctx, g.b, requests(g.next, call), func(ctx context.Context) (engine.PayoutReport, error) {
		return g.next.Payout(ctx, call)
	})
}

type refunder struct {
	b    *Breaker
	next engine.Refunder
}

func (g refunder) Refund(ctx context.Context, call engine.RefundCall) (engine.RefundReport, error) {
	return run(ctx, g.b, requests(g.next, call), func(ctx context.Context) (engine.RefundReport, error) {
		return g.next.Refund(ctx, call)
	})
}

type chargeInquirer struct {
	b    *Breaker
	next engine.ChargeInquirer
}

func (g chargeInquirer) InquireCharge(ctx context.Context, call engine.InquireCall) (engine.ChargeReport, error) {
	return run(ctx, g.b, requests(g.next, call), func(ctx context.Context) (engine.ChargeReport, error) {
		return g.next.InquireCharge(ctx, call)
	})
}

type payoutInquirer struct {
	b    *Breaker
	next engine.PayoutInquirer
}

func (g payoutInquirer) InquirePayout(ctx context.Context, call engine.InquireCall) (engine.PayoutReport, error) {
	return run(ctx, g.b, requests(g.next, call), func(ctx context.Context) (engine.PayoutReport, error) {
		return g.next.InquirePayout(ctx, call)
	})
}

type refundInquirer struct {
	b    *Breaker
	next engine.RefundInquirer
}

func (g refundInquirer) InquireRefund(ctx context.Context, call engine.InquireCall) (engine.RefundReport, error) {
	return run(ctx, g.b, requests(g.next, call), func(ctx context.Context) (engine.RefundReport, error) {
		return g.next.InquireRefund(ctx, call)
	})
}
