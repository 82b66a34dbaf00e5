package failover

import (
	"context"

	"github.com/bookmi/cauri/engine"
)

// The guards: a port behind its breaker, one type for each, so that what a
// gateway can't do stays without a method. None of them holds a second gateway.

// GuardCollector puts a collector behind its breaker.
func GuardCollector(b *Breaker, next engine.Collector) engine.Collector { return collector{b, next} }

// GuardOTPSubmitter puts an OTP submitter behind its gateway's collect breaker.
// It is the gateway of the attempt or nobody: a code means nothing elsewhere.
func GuardOTPSubmitter(b *Breaker, next engine.OTPSubmitter) engine.OTPSubmitter {
	return otpSubmitter{b, next}
}

// GuardDisburser puts a disburser behind its breaker. There is no failover of
// payouts: nothing here takes two disbursers.
func GuardDisburser(b *Breaker, next engine.Disburser) engine.Disburser { return disburser{b, next} }

// GuardInquirer puts an inquirer behind the verify breaker, never behind
// collect's.
func GuardInquirer(b *Breaker, next engine.Inquirer) engine.Inquirer { return inquirer{b, next} }

type collector struct {
	b    *Breaker
	next engine.Collector
}

func (g collector) Charge(ctx context.Context, call engine.ChargeCall) (engine.ChargeReport, error) {
	return run(ctx, g.b, func(ctx context.Context) (engine.ChargeReport, error) { return g.next.Charge(ctx, call) })
}

type otpSubmitter struct {
	b    *Breaker
	next engine.OTPSubmitter
}

func (g otpSubmitter) SubmitOTP(ctx context.Context, call engine.OTPCall) (engine.ChargeReport, error) {
	return run(ctx, g.b, func(ctx context.Context) (engine.ChargeReport, error) { return g.next.SubmitOTP(ctx, call) })
}

type disburser struct {
	b    *Breaker
	next engine.Disburser
}

func (g disburser) Payout(ctx context.Context, call engine.PayoutCall) (engine.PayoutReport, error) {
	return run(ctx, g.b, func(ctx context.Context) (engine.PayoutReport, error) { return g.next.Payout(ctx, call) })
}

type inquirer struct {
	b    *Breaker
	next engine.Inquirer
}

func (g inquirer) InquireCharge(ctx context.Context, call engine.InquireCall) (engine.ChargeReport, error) {
	return run(ctx, g.b, func(ctx context.Context) (engine.ChargeReport, error) { return g.next.InquireCharge(ctx, call) })
}

func (g inquirer) InquirePayout(ctx context.Context, call engine.InquireCall) (engine.PayoutReport, error) {
	return run(ctx, g.b, func(ctx context.Context) (engine.PayoutReport, error) { return g.next.InquirePayout(ctx, call) })
}
