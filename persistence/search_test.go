package persistence_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/persistence"
)

// begun starts a payment of somebody in particular.
func (w *world) begun(t *testing.T, change func(*engine.InitiateCharge)) engine.ID {
	t.Helper()
	id := freshID()
	c := initiation("bk-" + id.String())
	if change != nil {
		change(&c)
	}
	w.apply(t, id, c)
	return id
}

func found(t *testing.T, s *persistence.Store, q engine.Search) []engine.ID {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	page, err := s.Payments(t.Context(), q)
	require.NoError(t, err)
	require.True(t, page.Next.IsZero(), "all of it fits")
	return idsOf(page)
}

func idsOf(page engine.Page) []engine.ID {
	out := []engine.ID{}
	for _, p := range page.Transactions {
		out = append(out, p.ID)
	}
	return out
}

func TestPagesGoThroughEverythingOnceTheLatestFirst(t *testing.T) {
	t.Parallel()
	w := open(t)
	var begun []engine.ID
	for n := range 23 {
		begun = append(begun, w.begun(t, func(c *engine.InitiateCharge) { c.Principal = []string{"platform", "rival"}[n%2] }))
	}
	slices.Reverse(begun)
	for _, limit := range []int{1, 5, 12, 100} {
		var seen []engine.ID
		for before := (engine.ID{}); ; {
			page, err := w.Payments(t.Context(), engine.Search{Limit: limit, Before: before})
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Transactions), limit)
			seen = append(seen, idsOf(page)...)
			if before = page.Next; before.IsZero() {
				break
			}
			require.Len(t, page.Transactions, limit)
		}
		require.Equal(t, begun, seen, "in pages of %d", limit)
	}
}

func TestEverybodyFindsTheirOwnPaymentsOnly(t *testing.T) {
	t.Parallel()
	w := open(t)
	ours := engine.Owner{Principal: "platform"}
	theTalents := engine.Owner{Principal: "platform", Talent: "T7"}
	number := phone.MustParse("0700000042")
	mine := w.begun(t, func(c *engine.InitiateCharge) { c.Payer.ID, c.Talent = "awa", "T7" })
	another := w.begun(t, func(c *engine.InitiateCharge) { c.Payer.ID, c.Talent = "yao", "T8" })
	rivals := w.begun(t, func(c *engine.InitiateCharge) {
		c.Principal, c.Payer.ID, c.Talent, c.Booking = "rival", "awa", "T7", "theirs"
		c.Payer.Operator, c.Payer.Phone = phone.Orange, number
	})
	for name, c := range map[string]struct {
		search engine.Search
		want   []engine.ID
	}{
		"staff see all":                     {engine.Search{}, []engine.ID{rivals, another, mine}},
		"a platform its own":                {engine.Search{Owner: ours}, []engine.ID{another, mine}},
		"a payer theirs":                    {engine.Search{Owner: engine.Owner{Principal: "platform", Payer: "awa"}}, []engine.ID{mine}},
		"a talent theirs":                   {engine.Search{Owner: theTalents}, []engine.ID{mine}},
		"a talent no other's":               {engine.Search{Owner: theTalents, Talent: "T8"}, []engine.ID{}},
		"by an id of somebody else's":       {engine.Search{Owner: ours, Name: rivals.Payment()}, []engine.ID{}},
		"by a booking of somebody else's":   {engine.Search{Owner: ours, Booking: "theirs"}, []engine.ID{}},
		"by a phone of somebody else's":     {engine.Search{Owner: ours, Name: number.E164()}, []engine.ID{}},
		"by a reference of somebody else's": {engine.Search{Owner: ours, Name: charge(rivals).String()}, []engine.ID{}},
	} {
		require.Equal(t, c.want, found(t, w.Store, c.search), name)
	}
}

func TestFiltersAreAllMeant(t *testing.T) {
	t.Parallel()
	w := open(t)
	waiting := w.begun(t, func(c *engine.InitiateCharge) { c.Talent = "T7" })
	paid := w.paid(t, "B1")
	failed := w.begun(t, func(c *engine.InitiateCharge) {
		c.Payer.Operator, c.Payer.Phone = phone.Orange, phone.MustParse("0700000042")
	})
	w.apply(t, failed, engine.RecordChargeAnswer{Attempt: 1, Err: engine.Errorf(engine.Declined, engine.CodeInsufficientFunds, "")})
	doubted := w.begun(t, nil)
	w.apply(t, doubted, engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}})
	_, err := w.Apply(t.Context(), engine.Ask{Transaction: doubted, Command: succeeded(doubted, 49_999)})
	require.NoError(t, err)
	strange := w.inSuspense(t, "B9", 49_000)
	either := []engine.ChargeStatus{engine.ChargeIsSucceeded, engine.ChargeIsFailed}
	hour := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		search engine.Search
		want   []engine.ID
	}{
		"one state":           {engine.Search{Statuses: []engine.ChargeStatus{engine.ChargeIsSucceeded}}, []engine.ID{paid}},
		"one of two states":   {engine.Search{Statuses: either}, []engine.ID{strange, failed, paid}},
		"operator":            {engine.Search{Operator: phone.Orange}, []engine.ID{failed}},
		"gateway":             {engine.Search{Gateway: engine.Paystack}, []engine.ID{strange, doubted, failed, paid, waiting}},
		"a gateway not asked": {engine.Search{Gateway: engine.FedaPay}, []engine.ID{}},
		"talent":              {engine.Search{Talent: "T7"}, []engine.ID{waiting}},
		"booking":             {engine.Search{Booking: "B1"}, []engine.ID{paid}},
		"under review":        {engine.Search{UnderReview: true}, []engine.ID{strange, doubted}},
		"in suspense":         {engine.Search{InSuspense: true}, []engine.ID{strange}},
		"held":                {engine.Search{Hold: engine.HoldHeld}, []engine.ID{paid}},
		"released":            {engine.Search{Hold: engine.HoldReleased}, []engine.ID{}},
		"both":                {engine.Search{UnderReview: true, Talent: "T7"}, []engine.ID{}},
		"since an hour":       {engine.Search{From: hour}, []engine.ID{strange, doubted, failed, paid, waiting}},
		"before that":         {engine.Search{To: hour}, []engine.ID{}},
		"in an hour":          {engine.Search{From: time.Now().Add(time.Hour)}, []engine.ID{}},
	} {
		require.Equal(t, c.want, found(t, w.Store, c.search), name)
	}
}

func TestAPaymentIsFoundByAnyOfItsNames(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse("0500000777"), Name: "Awa"})
	require.NoError(t, err)
	w.begun(t, nil)
	id := w.begun(t, func(c *engine.InitiateCharge) {
		c.Booking, c.Payer.Operator, c.Payer.Phone = "bk_1042", phone.Orange, phone.MustParse("0700000042")
	})
	w.apply(t, id, engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}})
	w.apply(t, id, succeeded(id, 50_000)) // the gateway's number for it: 59214
	w.apply(t, id, engine.ConfirmDelivery{})
	w.apply(t, id, engine.Tick{})
	w.apply(t, id, transferred(id, 1, 42_500, engine.PayoutReportPaid)) // TRF_1
	w.begun(t, nil)
	for _, name := range []string{
		id.Payment(), id.Payout(), engine.RefundPrefix + id.String(), id.String(),
		charge(id).String(), payout(id, 1).String(), refund(id).String(),
		"59214", "TRF_1", "bk_1042",
		"0700000042", "07 00 00 00 42", "+2250700000042", "00225 07 00 00 00 42", "2250700000042",
	} {
		require.Equal(t, []engine.ID{id}, found(t, w.Store, engine.Search{Name: name}), name)
	}
	for _, name := range []string{"0700000043", "bk_104", "5921", freshID().Payment(), "'; --", "%"} {
		require.Empty(t, found(t, w.Store, engine.Search{Name: name}), name)
	}
	failed := engine.Search{Name: "bk_1042", Statuses: []engine.ChargeStatus{engine.ChargeIsFailed}}
	require.Empty(t, found(t, w.Store, failed), "filters go on counting")
}

// What is rare is not looked for without end: the page says where to go on.
func TestAPageThatFindsNothingSaysWhereToGoOn(t *testing.T) {
	t.Parallel()
	w := open(t)
	rare := w.begun(t, func(c *engine.InitiateCharge) {
		c.Payer.Operator, c.Payer.Phone = phone.Orange, phone.MustParse("0700000042")
	})
	w.exec(t, `INSERT INTO transactions (id, decision, created_at, amount, version, step, event_seq, journal_seq, currency, status, code,
		review, method, operator, phone_sealed, phone_index, email, payer_id, principal, booking_id, talent_id)
		SELECT ('ffff' || lpad(to_hex(n), 4, '0') || '-0000-7000-8000-000000000000')::uuid, gen_random_uuid(), now(), 100, 1, 1, 0, 0, 'XOF',
		'failed', '', '', 'mobile_money', 'mtn', 'sealed', 'index', '', '', 'platform', 'b' || n, 't' FROM generate_series(1, 6000) n`)
	q := engine.Search{Operator: phone.Orange, Limit: 10}
	first, err := w.Payments(t.Context(), q)
	require.NoError(t, err)
	require.Empty(t, first.Transactions)
	require.False(t, first.Next.IsZero(), "there is more to look at")
	q.Before = first.Next
	second, err := w.Payments(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, []engine.ID{rare}, idsOf(second))
	require.True(t, second.Next.IsZero())
}

func TestPayoutsAreListedByWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	w := open(t)
	waiting := w.paid(t, "B1")
	w.apply(t, waiting, engine.ConfirmDelivery{})
	w.apply(t, waiting, engine.Tick{}) // nobody said where to
	_, _, err := w.SetWallet(t.Context(), "T2", engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse("0500000777"), Name: "Awa"})
	require.NoError(t, err)
	sent := w.begun(t, func(c *engine.InitiateCharge) { c.Talent = "T2" })
	w.apply(t, sent, succeeded(sent, 50_000))
	w.apply(t, sent, engine.ConfirmDelivery{})
	w.apply(t, sent, engine.Tick{})
	w.apply(t, sent, transferred(sent, 1, 42_500, engine.PayoutReportPaid))
	w.paid(t, "B2") // held: there is no payout yet
	for name, c := range map[string]struct {
		search engine.PayoutSearch
		want   []engine.ID
	}{
		"all":                {engine.PayoutSearch{}, []engine.ID{sent, waiting}},
		"paid":               {engine.PayoutSearch{Statuses: []engine.PayoutStatus{engine.PayoutIsPaid}}, []engine.ID{sent}},
		"due":                {engine.PayoutSearch{Statuses: []engine.PayoutStatus{engine.PayoutIsDue}}, []engine.ID{waiting}},
		"for a wallet":       {engine.PayoutSearch{Waiting: engine.WaitingWalletMissing}, []engine.ID{waiting}},
		"of a talent":        {engine.PayoutSearch{Talent: "T2"}, []engine.ID{sent}},
		"of a talent alone":  {engine.PayoutSearch{Owner: engine.Owner{Talent: "T2"}}, []engine.ID{sent}},
		"of nobody's":        {engine.PayoutSearch{Owner: engine.Owner{Talent: "T2"}, Talent: "T1"}, []engine.ID{}},
		"of a booking":       {engine.PayoutSearch{Booking: "B1"}, []engine.ID{waiting}},
		"of a booking, held": {engine.PayoutSearch{Booking: "B2"}, []engine.ID{}},
		"by a gateway":       {engine.PayoutSearch{Gateway: engine.Paystack}, []engine.ID{sent}},
		"owed since an hour": {engine.PayoutSearch{From: time.Now().Add(-time.Hour)}, []engine.ID{sent, waiting}},
		"owed before that":   {engine.PayoutSearch{To: time.Now().Add(-time.Hour)}, []engine.ID{}},
		"of another's books": {engine.PayoutSearch{Owner: engine.Owner{Principal: "rival"}}, []engine.ID{}},
	} {
		c.search.Limit = 10
		page, err := w.Payouts(t.Context(), c.search)
		require.NoError(t, err)
		require.Equal(t, c.want, idsOf(page), name)
		require.True(t, page.Next.IsZero())
	}
	page, err := w.Payouts(t.Context(), engine.PayoutSearch{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, sent, page.Next)
}

func TestEventsAreReadFromWhereTheyWereLeft(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := w.paid(t, "B1")
	w.apply(t, id, engine.ConfirmDelivery{})
	all, err := w.Events(t.Context(), id, 0, 10)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 2)
	for i, e := range all {
		require.Equal(t, i+1, e.Seq)
		require.Contains(t, string(e.Payload), fmt.Sprintf(`"type":%q`, e.Kind))
	}
	require.Equal(t, engine.PaymentReceived, all[0].Kind)
	rest, err := w.Events(t.Context(), id, 1, 1)
	require.NoError(t, err)
	require.Equal(t, all[1:2], rest)
	none, err := w.Events(t.Context(), id, len(all), 10)
	require.NoError(t, err)
	require.Empty(t, none)
}

// Terminal is what ends a stream and a wait: too early, and a phone is not told.
func TestAPaymentIsTerminalOnceEverybodyHasTheirMoney(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse("0500000777"), Name: "Awa"})
	require.NoError(t, err)
	id := freshID()
	for _, step := range []struct {
		command  engine.Command
		terminal bool
	}{
		{initiation("B1"), false},
		{engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}}, false},
		{succeeded(id, 50_000), false}, // held
		{engine.ConfirmDelivery{}, false},
		{engine.Tick{}, false},
		{transferred(id, 1, money.Amount(42_500), engine.PayoutReportPaid), true},
		{transferred(id, 1, money.Amount(42_500), engine.PayoutReportReversed), false},
	} {
		require.Equal(t, step.terminal, w.apply(t, id, step.command).State.Terminal(), "after %T", step.command)
	}
	failed := w.begun(t, nil)
	applied := w.apply(t, failed, engine.RecordChargeAnswer{Attempt: 1, Err: engine.Errorf(engine.Declined, engine.CodeInsufficientFunds, "")})
	require.True(t, applied.State.Terminal())
	cancelled := w.begun(t, nil)
	w.apply(t, cancelled, engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}})
	require.False(t, w.apply(t, cancelled, engine.CancelCharge{}).State.Terminal(), "a request is still on the phone")
	require.False(t, w.apply(t, cancelled, succeeded(cancelled, 50_000)).State.Terminal(), "and what it took is owed back")
}
