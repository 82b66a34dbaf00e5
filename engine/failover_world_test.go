package engine_test

import (
	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
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
	r, attempt := s.reqs[i], s.state.Attempts[i]
	switch {
	case m.variant.prompt:
		out = append(out, step{"inquiry", func(s *modelled) error {
			report := m.told(s.reqs[i].at, s.reqs[i].back)
			return m.decide(s, engine.RecordInquiry{Reference: s.state.Reference(attempt), AskedAt: s.now, Charge: &report})
		}})
	case r.reading:
		out = append(out, step{"inquiry answered", func(s *modelled) error {
			askedAt := s.now
			if s.reqs[i].early {
				askedAt = attempt.SinceAt
			}
			report := m.told(s.reqs[i].read, s.reqs[i].back && s.reqs[i].read == captured)
			s.reqs[i].reading, s.reqs[i].early, s.reqs[i].read = false, false, nowhere
			return m.decide(s, engine.RecordInquiry{
				Reference: s.state.Reference(s.state.Attempts[i]), AskedAt: askedAt, Charge: &report,
			})
		}})
	default:
		out = append(out, step{"inquiry asked", func(s *modelled) error {
			s.reqs[i].reading, s.reqs[i].read = true, s.reqs[i].at
			s.reqs[i].early = s.now.Sub(attempt.SinceAt) < m.policy.QuarantineFor
			return nil
		}})
	}
	if r.at == captured && !r.back {
		out = append(out, step{"webhook", func(s *modelled) error {
			report := m.report(engine.ChargeSucceeded)
			return m.decide(s, engine.Notify{Notification: engine.Notification{
				Gateway: attempt.Gateway, Kind: "success", Reference: s.state.Reference(attempt), Charge: &report,
			}})
		}})
	}
	return out
}

// refundSteps is what may become of money that is owed back.
func (m *model) refundSteps(s modelled, i int) (out []step) {
	refund := refundOf(&s.state, i+1)
	if refund == nil {
		return nil
	}
	answer := func(report engine.RefundReport, refused *engine.Error) func(*modelled) error {
		return func(s *modelled) error {
			s.refunds[i].call = over
			r := refundOf(&s.state, i+1)
			return m.decide(s, engine.RecordRefundAnswer{Refund: r.No, Flight: r.Flights, Send: r.Sends, Report: report, Err: refused})
		}
	}
	done := engine.RefundReport{Status: engine.RefundReportDone, Amount: price, Currency: money.XOF, Live: true}
	switch s.refunds[i].call {
	case asked:
		out = append(out,
			step{"refund not sent", answer(engine.RefundReport{}, refusal(engine.Unavailable, engine.CodeGatewayUnreachable))},
			step{"refund lost", answer(engine.RefundReport{}, refusal(engine.Ambiguous, engine.CodeGatewayTimeout))},
			step{"crash before the refund", func(s *modelled) error { s.refunds[i].call = over; return nil }})
		if !s.reqs[i].back {
			out = append(out, step{"refunded", func(s *modelled) error {
				s.reqs[i].back, s.refunds[i].call = true, waiting
				return nil
			}})
		} else {
			out = append(out, step{"second refund refused", answer(engine.RefundReport{}, refusal(engine.Declined, engine.CodeGatewayDeclined))})
		}
	case waiting:
		out = append(out, step{"refund answered", answer(done, nil)},
			step{"refund's answer lost", answer(engine.RefundReport{}, refusal(engine.Ambiguous, engine.CodeGatewayTimeout))})
	case notAsked, over:
	}
	if refund.Status == engine.RefundIsManual && !s.reqs[i].back {
		out = append(out, step{"people refund", func(s *modelled) error { s.reqs[i].back = true; return nil }})
	}
	if s.refunds[i].call == over || refund.Status == engine.RefundIsManual {
		out = append(out, step{"refund inquired", func(s *modelled) error {
			report := done
			if !s.reqs[i].back {
				report = engine.RefundReport{Status: engine.RefundReportAbsent}
			}
			return m.decide(s, engine.RecordInquiry{
				Reference: s.state.RefundReference(*refundOf(&s.state, i+1)), AskedAt: s.now, Refund: &report,
			})
		}})
	}
	return out
}

func refundOf(t *engine.Transaction, attempt int) *engine.Refund {
	for i := range t.Refunds {
		if t.Refunds[i].Attempt == attempt {
			return &t.Refunds[i]
		}
	}
	return nil
}
