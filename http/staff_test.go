package http_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

func TestAReleaseByHandTakesTwoOfFinance(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	awa, koffi := e.minted(t, member("awa", engine.RoleFinance)), e.minted(t, member("koffi", engine.RoleFinance))
	p := e.initiated(t, "bk_1")
	body := `{"kind":"release","payment_id":"` + p.ID + `","reason":"the venue confirmed"}`
	a := e.do(t, "POST", "/v1/staff/proposals", body, awa)
	require.Equal(t, engine.CodeNotPaid, a.problem(t).Code, "tried first on the payment as it is")
	require.Equal(t, 200, e.deliver(t, successBody(t, strings.TrimPrefix(p.ID, "pay_")+"-c1", 15000)).status)

	a = e.do(t, "POST", "/v1/staff/proposals?dry_run=true", body, awa)
	require.Equal(t, 200, a.status, "%s", a.body)
	rehearsed := read[http.Proposal](t, a)
	require.Empty(t, rehearsed.ID)
	require.Contains(t, rehearsed.Would, "hold held → released")
	a = e.do(t, "POST", "/v1/staff/proposals", body, awa)
	require.Equal(t, 201, a.status, "%s", a.body)
	made := read[http.Proposal](t, a)
	require.Equal(t, []any{"awa", int64(15000)}, []any{made.Maker, made.Amount})

	a = e.do(t, "POST", "/v1/staff/proposals", body, awa)
	require.Equal(t, []any{200, made.ID}, []any{a.status, read[http.Proposal](t, a).ID}, "said again, it is the same")
	approve := "/v1/staff/proposals/" + made.ID + "/approve"
	a = e.do(t, "POST", approve+"?dry_run=true", `{"reason":"seen"}`, koffi)
	require.Contains(t, read[http.Proposal](t, a).Would, "hold held → released", "%s", a.body)
	a = e.do(t, "POST", approve+"?dry_run=true", `{"reason":"seen"}`, awa)
	require.Equal(t, engine.CodeSamePerson, a.problem(t).Code)
	a = e.do(t, "POST", approve, `{"reason":"seen"}`, awa)
	require.Equal(t, 403, a.status)
	require.Equal(t, engine.CodeSamePerson, a.problem(t).Code)
	a = e.do(t, "POST", approve, `{"reason":"seen"}`, koffi)
	require.Equal(t, 200, a.status, "%s", a.body)
	ruled := read[http.Proposal](t, a)
	require.Equal(t, []string{"approved", "koffi"}, []string{ruled.Verdict, ruled.Checker})
	require.Equal(t, a.body, e.do(t, "POST", approve, `{"reason":"seen"}`, koffi).body, "whose answer was lost says it again")
	yao := e.minted(t, member("yao", engine.RoleFinance))
	for path, who := range map[string]headers{approve: yao, strings.TrimSuffix(approve, "approve") + "refuse": koffi} {
		require.Equal(t, engine.CodeProposalOver, e.do(t, "POST", path, `{"reason":"seen"}`, who).problem(t).Code, path)
	}
	got := e.do(t, "GET", "/v1/payments/"+p.ID, "", awa).payment(t)
	require.Equal(t, engine.ReleasedByStaff, got.Hold.ReleasedBy)
	list := read[struct{ Proposals []http.Proposal }](t, e.do(t, "GET", "/v1/staff/proposals", "", awa))
	require.Empty(t, list.Proposals)

	audit := read[struct{ Acts []http.AuditLine }](t, e.do(t, "GET", "/v1/staff/audit?payment_id="+p.ID, "", koffi))
	require.Len(t, audit.Acts, 2)
	require.Equal(t, []engine.ActKind{engine.ActRelease, engine.ActPropose}, []engine.ActKind{audit.Acts[0].Kind, audit.Acts[1].Kind})
	require.Equal(t, "127.0.0.1", audit.Acts[0].Address)
	older := read[struct{ Acts []http.AuditLine }](t, e.do(t, "GET", "/v1/staff/audit?before="+audit.Acts[0].ID, "", koffi))
	require.Len(t, older.Acts, 1)
}

// Of a payment with one success that is not the price, staff need not name the attempt.
func TestSuspenseIsProposedWithWhatWasTaken(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	awa, koffi := e.minted(t, member("awa", engine.RoleFinance)), e.minted(t, member("koffi", engine.RoleFinance))
	p := e.initiated(t, "bk_1")
	id, err := engine.ParsePublicID(engine.PaymentPrefix, p.ID)
	require.NoError(t, err)
	_, err = e.Ask(t.Context(), engine.Ask{Transaction: id, Command: engine.RecordInquiry{
		Reference: engine.Reference{Transaction: id, Kind: engine.ChargeReference, Number: 1},
		Charge:    &engine.ChargeReport{Status: engine.ChargeSucceeded, Amount: 14_000, Currency: "XOF", GatewayReference: "59214"},
	}})
	require.NoError(t, err)
	got := e.do(t, "GET", "/v1/payments/"+p.ID, "", awa).payment(t)
	require.Equal(t, []any{engine.Suspense, int64(14_000)}, []any{got.Attempts[0].Disposition, got.Attempts[0].Captured})
	review := `{"kind":"end_review","payment_id":"` + p.ID + `","reason":"seen"}`
	require.Equal(t, engine.CodeInSuspense, e.do(t, "POST", "/v1/staff/proposals", review, awa).problem(t).Code)

	a := e.do(t, "POST", "/v1/staff/proposals", `{"kind":"suspense_keep","payment_id":"`+p.ID+`","reason":"the talent agrees"}`, awa)
	require.Equal(t, 201, a.status, "%s", a.body)
	made := read[http.Proposal](t, a)
	require.Equal(t, []any{1, int64(14_000)}, []any{made.Number, made.Amount})
	require.Contains(t, made.Would, "charge failed → succeeded")
	a = e.do(t, "POST", "/v1/staff/proposals/"+made.ID+"/approve", `{"reason":"they told me too"}`, koffi)
	require.Equal(t, 200, a.status, "%s", a.body)
	got = e.do(t, "GET", "/v1/payments/"+p.ID, "", awa).payment(t)
	require.Equal(t, []any{"succeeded", int64(14_000), int64(15_000)}, []any{got.Status, got.Hold.Amount, got.Amount})
}

func TestAWalletByHandTakesTwoAndShowsNoNumber(t *testing.T) {
	t.Parallel()
	e := start(t)
	awa, koffi := e.minted(t, member("awa", engine.RoleFinance)), e.minted(t, member("koffi", engine.RoleFinance))
	a := e.do(t, "POST", "/v1/staff/proposals", `{"kind":"wallet","operator":"wave","phone":"123","reason":"x"}`, awa)
	require.Equal(t, 422, a.status)
	require.Len(t, a.problem(t).Errors, 3, "%s", a.body)
	a = e.do(t, "POST", "/v1/staff/proposals",
		`{"kind":"wallet","talent_id":"tl_1","operator":"wave","phone":"0700000056","name":"Awa Koné","reason":"lost telephone"}`, awa)
	require.Equal(t, 201, a.status, "%s", a.body)
	require.NotContains(t, string(a.body), "0700000056")
	made := read[http.Proposal](t, a)
	require.Equal(t, 200, e.do(t, "POST", "/v1/staff/proposals/"+made.ID+"/approve", `{"reason":"called back"}`, koffi).status)
	require.Equal(t, 1, e.wallets["tl_1"].No)
	require.Equal(t, 404, e.do(t, "POST", "/v1/staff/proposals/prp_nonsense/approve", `{"reason":"x"}`, koffi).status)
}

func TestStaffSayWhyTheyHaveAGatewayAsked(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	yao := e.minted(t, member("yao", engine.RoleSupport))
	verify := "/v1/payments/" + p.ID + "/verify"
	require.Equal(t, 422, e.do(t, "POST", verify, "", yao).status)
	require.Equal(t, 200, e.do(t, "POST", verify, `{"reason":"the payer asks"}`, yao).status)
	require.Equal(t, 200, e.do(t, "POST", verify, "").status, "a platform need not")
	require.Len(t, e.audit, 1)
	require.Equal(t, engine.ActLook, e.audit[0].Kind)
}

// Each sees what is theirs of one payment.
func TestPayersAndTalentsSeeTheirOwnPartOfAPayment(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	payer, talent := tokenFor(t, "usr_1", "bk_1"), tokenOf(t, engine.RoleTalent, "tl_1")
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("tap-1"), payer)
	require.Equal(t, 202, a.status, "%s", a.body)
	p := a.payment(t)
	require.Equal(t, engine.NextApprove, p.NextAction.Type)
	path := "/v1/payments/" + p.ID
	require.Equal(t, 200, e.deliver(t, successBody(t, strings.TrimPrefix(p.ID, "pay_")+"-c1", 15000)).status)
	require.Equal(t, 200, e.do(t, "POST", "/v1/booking_requests/bk_1/confirm_delivery", "", key("tap-2"), payer).status)

	theirs := e.do(t, "GET", path, "", payer).payment(t)
	require.Nil(t, theirs.Payout)
	require.Zero(t, theirs.Hold.Commission+theirs.Hold.TalentFee, "what the platform keeps is its own business")
	require.NotEmpty(t, theirs.Phone)
	seen := e.do(t, "GET", path, "", talent).payment(t)
	require.Empty(t, seen.Phone)
	require.Empty(t, seen.Attempts)
	require.NotZero(t, seen.Hold.TalentFee)
	require.NotNil(t, seen.Payout)

	other := orangeBody(t, map[string]any{"booking_id": "bk_2", "payer_id": "usr_2"})
	a = e.do(t, "POST", "/v1/payments/initiate", other, key("tap-3"), tokenFor(t, "usr_1", "bk_2"))
	require.Equal(t, 422, a.status)
	require.Equal(t, "payer_mismatch", string(a.problem(t).Code))
}

// One payer's key is not another's: the same Idempotency-Key of two people is two keys.
func TestAnIdempotencyKeyIsItsPrincipalsOwn(t *testing.T) {
	t.Parallel()
	e := start(t)
	ids := map[string]bool{}
	for n, payer := range []string{"usr_1", "usr_2"} {
		body := orangeBody(t, map[string]any{"booking_id": "bk_" + payer, "phone": "070000000" + string(rune('1'+n))})
		a := e.do(t, "POST", "/v1/payments/initiate", body, key("tap-1"), tokenFor(t, payer, "bk_"+payer))
		require.Equal(t, 202, a.status, "%s", a.body)
		ids[a.payment(t).ID] = true
	}
	require.Len(t, ids, 2)
}

func TestAKeyThatIsUsedIsNoted(t *testing.T) {
	t.Parallel()
	e := start(t)
	awa := e.minted(t, member("awa", engine.RoleSupport))
	require.Equal(t, 200, e.do(t, "GET", "/v1/staff/proposals", "", awa).status)
	require.Len(t, e.keysUsed, 1)
	for id, at := range e.keysUsed {
		require.Contains(t, e.log.String(), id, "the log says which key")
		require.WithinDuration(t, time.Now(), at, time.Minute)
	}
	_, text, _ := strings.Cut(awa["Authorization"], "_test_")
	_, text, _ = strings.Cut(text, "_")
	require.NotContains(t, e.log.String(), text)
}

// Whoever holds a telephone chooses neither the price nor whose wage it is.
func TestAPayerBeginsWhatTheirPlatformSigned(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	for name, change := range map[string]map[string]any{
		"a smaller price": {"amount": 100}, "another talent": {"talent_id": "tl_2"}, "another booking": {"booking_id": "bk_2"},
	} {
		a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, change), key("tap"), tokenFor(t, "usr_1", "bk_1"))
		require.Equal(t, 403, a.status, name)
		require.Equal(t, "terms_not_signed", string(a.problem(t).Code), name)
	}
	a := e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("tap"), tokenOf(t, engine.RolePayer, "usr_1"))
	require.Equal(t, "terms_not_signed", string(a.problem(t).Code), "a token that looks may not pay")
	require.Equal(t, 202, e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("tap"), tokenFor(t, "usr_1", "bk_1")).status)
}
