package engine_test

import (
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// What the world around one payment may do next, for the exhaustive model.

// mayPass: with A2 no request is still on the wire T_q after we hung up; and a
// call of ours ends long before that.
func (m *model) mayPass(s modelled) bool {
	for _, r := range s.reqs {
		if r.call == asked || r.call == waiting || (r.at == wire && !m.variant.slowWire) {
			return false
		}
	}
	return true
}

func (m *model) answer(i int, report engine.ChargeReport, refused *engine.Error) func(*modelled) error {
	return func(s *modelled) error {
		s.reqs[i].call = over
		return m.decide(s, engine.RecordChargeAnswer{Attempt: i + 1, Report: report, Err: refused})
	}
}

func refusal(kind engine.Kind, code engine.Code) *engine.Error { return engine.Errorf(kind, code, "") }

// callSteps is what may become of our own call.
func (m *model) callSteps(s modelled, i int) (out []step) {
	r := s.reqs[i]
	unreachable := refusal(engine.Unavailable, engine.CodeGatewayUnreachable)
	switch r.call {
	case asked:
		return []step{
			{"not sent", m.answer(i, engine.ChargeReport{}, unreachable)},
			{"sent", func(s *modelled) error { s.reqs[i].call, s.reqs[i].at = waiting, wire; return nil }},
			{"crash before sending", func(s *modelled) error { s.reqs[i].call = over; return nil }},
		}
	case waiting:
		out = append(out,
			step{"timeout", m.answer(i, engine.ChargeReport{}, refusal(engine.Ambiguous, engine.CodeGatewayTimeout))},
			step{"crash before the answer", func(s *modelled) error { s.reqs[i].call = over; return nil }})
		switch r.at {
		case prompted:
			out = append(out, step{"accepted", m.answer(i, m.report(engine.ChargeOnPhone), nil)})
		case captured:
			out = append(out, step{"accepted and paid", m.answer(i, m.report(engine.ChargeSucceeded), nil)})
		case failedThere:
			out = append(out, step{"declined", m.answer(i, engine.ChargeReport{}, refusal(engine.Declined, m.failure()))})
		case refusedThere:
			out = append(out, step{"refused", m.answer(i, engine.ChargeReport{}, refusal(engine.Unavailable, engine.CodeGatewayDeclined))})
		case nowhere, wire:
		}
	case notAsked, over:
	}
	return out
}

// worldSteps is what the network and the gateway may do with a request.
func (m *model) worldSteps(s modelled, i int) (out []step) {
	become := func(name string, to seen) {
		out = append(out, step{name, func(s *modelled) error { s.reqs[i].at = to; return nil }})
	}
	switch s.reqs[i].at {
	case wire:
		become("arrives", prompted)
		become("is refused", refusedThere)
		become("is lost", nowhere)
	case prompted:
		become("the payer pays", captured)
		become("the payer does not", failedThere)
	case refusedThere, failedThere:
		if m.variant.lies {
			become("the gateway changes its mind", captured)
		}
	case nowhere, captured:
	}
	return out
}

// wordSteps is how we may hear of a request: an inquiry, whose answer may be late,
// or a webhook, told as often as it likes.
func (m *model) wordSteps(s modelled, i int) (out []step) {
	r := s.reqs[i]
	hears := func(s *modelled, at seen, back bool, askedAt time.Time) error {
		report := m.told(at, back)
		return m.decide(s, engine.RecordInquiry{Reference: s.state.Reference(s.state.Attempts[i]), AskedAt: askedAt, Charge: &report})
	}
	switch {
	case m.variant.prompt:
		out = append(out, step{"inquiry", func(s *modelled) error { return hears(s, s.reqs[i].at, s.reqs[i].back, s.now) }})
	case !r.reading.asked.IsZero():
		out = append(out, step{"inquiry answered", func(s *modelled) error {
			told := s.reqs[i].reading
			s.reqs[i].reading = reading{}
			return hears(s, told.read, told.back, told.asked)
		}})
	default:
		out = append(out, step{"inquiry asked", func(s *modelled) error {
			s.reqs[i].reading = reading{s.now, s.reqs[i].at, s.reqs[i].back}
			return nil
		}})
	}
	if r.at == captured && !r.back {
		out = append(out, step{"webhook", m.webhook(i, m.report(engine.ChargeSucceeded))})
		if m.variant.besideUs && s.state.Attempts[i].Disposition == engine.Kept {
			out = append(out, step{"given back beside us", func(s *modelled) error { s.reqs[i].back = true; return nil }})
		}
	}
	if r.back && m.variant.besideUs {
		out = append(out, step{"webhook of a reversal", m.webhook(i, m.report(engine.ChargeReversed))})
	}
	if m.variant.wrong && !r.wrong {
		out = append(out, step{"webhook of other figures", func(s *modelled) error {
			s.reqs[i].wrong = true
			report := m.report(engine.ChargeSucceeded)
			report.Amount--
			return m.webhook(i, report)(s)
		}})
	}
	return out
}

func (m *model) webhook(i int, report engine.ChargeReport) func(*modelled) error {
	return func(s *modelled) error {
		a := s.state.Attempts[i]
		return m.decide(s, engine.Notify{Notification: engine.Notification{
			Gateway: a.Gateway, Kind: "charge", Reference: s.state.Reference(a), Charge: &report,
		}})
	}
}

// healthSteps is what this process may come to think of the outside.
func healthSteps(s modelled) (out []step) {
	turn := func(name string, to engine.Health) {
		out = append(out, step{name, func(s *modelled) error { s.health = to; return nil }})
	}
	mtn := []phone.Operator{phone.MTN}
	if len(s.health.Resting)+len(s.health.Down) > 0 {
		turn("all is well", engine.Health{})
		return out
	}
	turn("Paystack rests", engine.Health{Resting: []engine.Gateway{engine.Paystack}})
	turn("FedaPay rests", engine.Health{Resting: []engine.Gateway{engine.FedaPay}})
	turn("both rest", engine.Health{Resting: []engine.Gateway{engine.Paystack, engine.FedaPay}})
	turn("the operator is down", engine.Health{Down: mtn})
	return out
}

// refundSteps is what may become of money that is owed back.
func (m *model) refundSteps(s modelled, i int) (out []step) {
	refund := refundOf(&s.state, i+1)
	if refund == nil {
		return nil
	}
	c := s.refunds[i]
	answer := func(report engine.RefundReport, refused *engine.Error) func(*modelled) error {
		return func(s *modelled) error {
			s.refunds[i].forget()
			return m.decide(s, engine.RecordRefundAnswer{Refund: refund.No, Flight: c.flight, Send: c.send, Report: report, Err: refused})
		}
	}
	lost := answer(engine.RefundReport{}, refusal(engine.Ambiguous, engine.CodeGatewayTimeout))
	switch c.call {
	case asked:
		out = append(out,
			step{"refund not sent", answer(engine.RefundReport{}, refusal(engine.Unavailable, engine.CodeGatewayUnreachable))},
			step{"refund's connection lost", func(s *modelled) error { s.refunds[i].wire = m.variant.lateRefunds; return lost(s) }},
			step{"crash before the refund", func(s *modelled) error { s.refunds[i].forget(); return nil }})
		if !s.reqs[i].back {
			out = append(out, step{"refunded", func(s *modelled) error {
				s.reqs[i].back, s.refunds[i].call = true, waiting
				return nil
			}})
		} else {
			out = append(out, step{"second refund refused", answer(engine.RefundReport{}, refusal(engine.Declined, engine.CodeGatewayDeclined))})
		}
	case waiting:
		out = append(out, step{"refund answered", answer(m.refundReport(true), nil)}, step{"refund's answer lost", lost})
	case notAsked, over:
	}
	if c.wire {
		out = append(out, step{"refund arrives late", func(s *modelled) error { s.refunds[i].wire, s.reqs[i].back = false, true; return nil }})
	}
	if refund.Status == engine.RefundIsManual && !s.reqs[i].back {
		out = append(out, step{"people refund", func(s *modelled) error { s.reqs[i].back = true; return nil }})
	}
	return append(out, m.refundWords(s, i)...)
}

// forget: nobody will hear the call's answer any more.
func (c *refundCall) forget() { c.call, c.flight, c.send = over, 0, 0 }

// refundWords is how we hear of a refund when we ask.
func (m *model) refundWords(s modelled, i int) []step {
	hears := func(s *modelled, back bool, askedAt time.Time) error {
		report := m.refundReport(back)
		return m.decide(s, engine.RecordInquiry{
			Reference: s.state.RefundReference(*refundOf(&s.state, i+1)), AskedAt: askedAt, Refund: &report,
		})
	}
	switch reads := s.refunds[i].reading; {
	case !reads.asked.IsZero():
		return []step{{"refund's inquiry answered", func(s *modelled) error {
			s.refunds[i].reading = reading{}
			return hears(s, reads.back, reads.asked)
		}}}
	case m.variant.lateRefunds:
		return []step{{"refund's inquiry asked", func(s *modelled) error {
			s.refunds[i].reading = reading{asked: s.now, back: s.reqs[i].back}
			return nil
		}}}
	}
	return []step{{"refund inquired", func(s *modelled) error { return hears(s, s.reqs[i].back, s.now) }}}
}

func (m *model) refundReport(back bool) engine.RefundReport {
	if !back {
		return engine.RefundReport{Status: engine.RefundReportAbsent}
	}
	return engine.RefundReport{Status: engine.RefundReportDone, Amount: price, Currency: money.XOF, Live: true}
}

func refundOf(t *engine.Transaction, attempt int) *engine.Refund {
	for i := range t.Refunds {
		if t.Refunds[i].Attempt == attempt {
			return &t.Refunds[i]
		}
	}
	return nil
}
