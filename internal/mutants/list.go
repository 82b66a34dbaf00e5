package main

// The tests that catch most of them.
const (
	model   = "TestEveryInterleavingOfTwoGatewaysLeavesThePayerWithThePriceOrNothing"
	stories = "TestStories"
	corpus  = "TestRawSocketCorpus"
)

// mutants is the list: the six that every design of a failover must survive, and
// those we came near to making.
var mutants = append([]mutant{
	{
		name: "failover on timeout",
		edits: []edit{
			{"engine/charge.go", "case Unavailable, Unsupported:\n\t\tif a.Status", "case Unavailable, Unsupported, Ambiguous:\n\t\tif a.Status"},
			{"engine/charge.go", "Ambiguous, Invalid, NotFound, Conflict, Forbidden, Overloaded, Internal:\n\t\treturn d.lose",
				"Invalid, NotFound, Conflict, Forbidden, Overloaded, Internal:\n\t\treturn d.lose"},
		},
		pack: "./engine", test: model,
	},
	{
		name: "late success ignored",
		edits: []edit{{
			"engine/charge.go", "if a.Status == AttemptSucceeded && from != fromInquiry {\n\t\treturn true, nil",
			"if !a.Status.Live() && (a.Status != AttemptSucceeded || from != fromInquiry) {\n\t\treturn true, nil",
		}},
		pack: "./engine", test: model,
	},
	{
		name: "an inquiry's error counted as not-found",
		edits: []edit{{
			"engine/notification.go", "return nil // no answer: the next look is scheduled already",
			"c.Charge, c.Err = &ChargeReport{Status: ChargeAbsent}, nil",
		}},
		pack: "./engine", test: stories,
	},
	{
		name: "a new reference on retry",
		edits: []edit{{
			"engine/try.go", "Reference: d.Next.tryReference(try.No), Send: try.Sends",
			"Reference: d.Next.tryReference(try.No + try.Sends - 1), Send: try.Sends",
		}},
		pack: "./engine", test: stories,
	},
	{
		name:  "surplus refund outside the commit",
		edits: []edit{{"engine/charge.go", "\t\td.oweBack(a)\n", ""}},
		pack:  "./engine", test: model,
	},
	{
		name: "a stale not-found believed",
		edits: []edit{{
			"engine/attempt.go", "d.asked.Sub(a.SinceAt) >= policy.QuarantineFor", "d.given.Now.Sub(a.SinceAt) >= policy.QuarantineFor",
		}},
		pack: "./engine", test: model,
	},
	{
		name:  "failover after the payer's own refusal",
		edits: []edit{{"engine/failover.go", "dead.Flow == Direct && policy.FailoverAfter[dead.Code] && ", "dead.Flow == Direct && "}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "failover after a page that was shown",
		edits: []edit{{"engine/failover.go", "return dead.Flow == Direct && policy", "return policy"}},
		pack:  "./engine", test: stories,
	},
	{
		name: "failover while the window merely passed",
		edits: []edit{
			{"engine/failover.go", "case AttemptRejected: // provably", "case AttemptRejected, AttemptExpired: // provably"},
			{"engine/failover.go", "case AttemptExpired, AttemptSending", "case AttemptSending"},
		},
		pack: "./engine", test: stories,
	},
	{
		name:  "a second prompt on one phone",
		edits: []edit{{"engine/failover.go", "return door.Flow != Direct || t.Prompt.IsZero() || t.Prompt == t.ID", "return door.Flow != \"\""}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "the phone's place given up while the second attempt asks",
		edits: []edit{{"engine/draft.go", "case t.OwnsPrompt():", "case a.asksThePhone():"}},
		pack:  "./engine", test: model,
	},
	{
		name:  "offered again though something says that it was paid",
		edits: []edit{{"engine/failover.go", "case t.Review != \"\": // something", "case false: // something"}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "a hint asked about once",
		edits: []edit{{"engine/attempt.go", "if a.Status == AttemptSucceeded && a.Doubt == \"\" { // a hint", "if false { // a hint"}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "a refund beside us that holds nothing up",
		edits: []edit{{"engine/refund.go", "case RefundReportPending, RefundReportAttention:\n\t\tif a.Doubt", "case \"\":\n\t\tif a.Doubt"}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "an older done believed after a bounce",
		edits: []edit{{"engine/refund.go", "case settled && !d.asked.IsZero() && ", "case false && settled && "}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "a wallet set while another doubt stood is forgotten",
		edits: []edit{{"engine/draft.go", "	d.remember()\n", ""}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "a refund sent again at once",
		edits: []edit{{"engine/refund.go", "long := r.Absences >= refundAbsences && ", "long := r.Absences > 0 || "}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "a cancelled payment keeps the money",
		edits: []edit{{"engine/charge.go", "return t.Status != ChargeIsCancelled && (t.Slot", "return t.Status != \"\" && (t.Slot"}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "a second success kept beside the first",
		edits: []edit{{"engine/charge.go", "if !t.PaidAt.IsZero() || !t.wantsMoney() {", "if !t.wantsMoney() {"}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "the breaker counts declines",
		edits: []edit{{"gateways/failover/health.go", "case e.Kind == engine.Declined, e.Code ==", "case e.Code =="}},
		pack:  "./gateways/failover", test: "TestARowOfOneLivingAnswerNeverOpensTheBreaker",
	},
	{
		name: "a doubt cleared by another attempt's success",
		edits: []edit{
			{"engine/charge.go", "a.Doubt = \"\" // the", "for i := range t.Attempts {\n\t\t\tt.Attempts[i].Doubt = \"\"\n\t\t} // the"},
			{"engine/charge.go", "if a.Doubt.aboutFigures() && from == fromInquiry {", "if from == fromInquiry {"},
		},
		pack: "./engine", test: stories,
	},
	{
		name:  "somebody else's refund taken for ours",
		edits: []edit{{"engine/refund.go", "if !d.isRefund(r, said) {", "if r.GatewayReference = said.GatewayReference; !d.isRefund(r, said) {"}},
		pack:  "./engine", test: stories,
	},
	{
		name:  "an absence from before the last refund call counted",
		edits: []edit{{"engine/refund.go", " || d.asked.Before(r.SentAt) {", " {"}},
		pack:  "./engine", test: stories,
	},
	{
		name: "a second success owed back in another commit",
		edits: []edit{{
			"persistence/write.go", "w.refunds.queue(batch, \"WriteRefunds\")",
			"if len(w.journals.arrays) == 0 {\n\t\tw.refunds.queue(batch, \"WriteRefunds\")\n\t}",
		}},
		pack: "./persistence", test: "TestALateSuccessOnTheDeadAttemptOwesItBackInOneCommit",
	},
	{
		name: "the limit of a webhook's body off",
		edits: []edit{
			{"http/limits.go", "\t\treturn webhookBodyBytesMax\n", "\t\treturn apiBodyBytesMax\n"},
			{"http/webhook.go", "if len(received) > webhookBodyBytesMax {", "if len(received) > apiBodyBytesMax {"},
		},
		pack: "./http", test: corpus,
	},
	{
		name: "Peek instead of PeekAll for signatures",
		edits: []edit{{
			"http/webhook.go", "ctx.Request.Header.PeekAll(r.Header)", "[][]byte{ctx.Request.Header.Peek(r.Header)}",
		}},
		pack: "./http", test: corpus,
	},
	{
		name:  "a signature after the body believed",
		edits: []edit{{"http/limits.go", "for range h.Trailers() {", "for range h.Trailers() {\n\t\tbreak"}},
		pack:  "./http", test: corpus,
	},
	{
		name:  "whoever claims an address has it",
		edits: []edit{{"http/address.go", "if !s.trusts(came) {\n\t\treturn came\n\t}\n\tlines", "lines"}},
		pack:  "./http", test: "TestNobodyChoosesTheAddressTheyAreTakenFor",
	},
	{
		name: "a retry counted as another prompt",
		edits: []edit{{
			"persistence/queries/quotas.sql", "coalesce(bool_or(u.intent = $4), false) AS again",
			"coalesce(bool_or(u.intent = $4 AND false), false) AS again",
		}},
		pack: "./persistence", test: "TestAQuotaIsUsedUpAndFreeAgainOneByOne",
	},
}, trust...)
