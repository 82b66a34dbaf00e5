package persistence_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/money"
	"github.com/bookmi/cauri/engine/phone"
)

// team takes three people on: two of finance, and one who only looks.
func (w *world) team(t *testing.T) {
	t.Helper()
	ops := w.ops(t)
	for _, p := range []engine.Staff{
		{Name: "awa", Role: engine.RoleFinance, DailyLimit: 100_000},
		{Name: "koffi", Role: engine.RoleFinance, DailyLimit: 100_000},
		{Name: "yao", Role: engine.RoleSupport},
	} {
		require.NoError(t, ops.AddStaff(t.Context(), p, by("root", engine.ActStaff)))
	}
}

func by(who string, kind engine.ActKind) engine.Act {
	return engine.Act{ID: freshID(), Kind: kind, Who: who, Role: engine.RoleFinance, Address: "192.0.2.1", Reason: "ticket 12"}
}

func (w *world) proposes(t *testing.T, who string, p engine.Proposal) engine.Proposal {
	t.Helper()
	p.ID, p.Maker, p.Reason = freshID(), who, "ticket 12"
	made, err := w.Propose(t.Context(), p, by(who, engine.ActPropose))
	require.NoError(t, err)
	return made
}

// approves does what was proposed, as another member of staff would.
func (w *world) approves(t *testing.T, who string, p engine.Proposal) (engine.Applied, error) {
	t.Helper()
	a := by(who, p.Kind)
	a.Proposal = p.ID
	return w.Apply(t.Context(), engine.Ask{Transaction: p.Payment, Command: p.Command(), Act: &a})
}

func TestStaffMoveMoneyTwoByTwo(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		w.team(t)
		id := w.paid(t, "B1")
		release := w.proposes(t, "awa", engine.Proposal{Kind: engine.ActRelease, Payment: id, Talent: "T1", Amount: 50_000})

		_, err := w.approves(t, "awa", release)
		require.Equal(t, engine.CodeSamePerson, engine.CodeOf(err))
		_, err = w.approves(t, "yao", release)
		require.Equal(t, engine.CodeNotAllowed, engine.CodeOf(err), "who only looks")
		_, err = w.approves(t, "nobody", release)
		require.Equal(t, engine.CodeNotAllowed, engine.CodeOf(err))
		other := release
		other.Payment = w.paid(t, "B2")
		_, err = w.approves(t, "koffi", other)
		require.Error(t, err, "what was proposed for one payment is not done to another")
		other = release
		other.Kind = engine.ActEndReview
		_, err = w.approves(t, "koffi", other)
		require.Error(t, err, "nor another act")
		_, err = w.Apply(t.Context(), engine.Ask{Transaction: id, Command: engine.ReleaseByStaff{}})
		require.Error(t, err, "without a proposal nobody releases")
		require.Zero(t, w.count(t, "SELECT count(*) FROM holds WHERE status = 'released'"))
		require.Zero(t, w.count(t, "SELECT count(*) FROM audit WHERE kind = 'release'"), "what was rolled back is not written down")

		applied, err := w.approves(t, "koffi", release)
		require.NoError(t, err)
		require.Equal(t, engine.ReleasedByStaff, applied.State.Hold.ReleasedBy)
		_, err = w.approves(t, "koffi", release)
		require.Error(t, err, "once")
		records, err := w.Audit(t.Context(), id, engine.ID{}, 10)
		require.NoError(t, err)
		require.Len(t, records, 2)
		require.Equal(t, []engine.ActKind{engine.ActRelease, engine.ActPropose}, []engine.ActKind{records[0].Kind, records[1].Kind})
		require.Equal(t, "koffi", records[0].Who)
		require.Equal(t, "192.0.2.1", records[0].Address)
		require.Equal(t, release.ID, records[0].Proposal)
		var before, after struct{ Hold engine.HoldStatus }
		require.NoError(t, json.Unmarshal(records[0].Before, &before))
		require.NoError(t, json.Unmarshal(records[0].After, &after))
		require.Equal(t, []engine.HoldStatus{engine.HoldHeld, engine.HoldReleased}, []engine.HoldStatus{before.Hold, after.Hold})
		w.sound(t)
	})
}

// inSuspense brings a payment to where its gateway has captured what is not the price.
func (w *world) inSuspense(t *testing.T, booking string, amount money.Amount) engine.ID {
	t.Helper()
	id := freshID()
	w.apply(t, id, initiation(booking))
	w.apply(t, id, engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}})
	w.apply(t, id, engine.RecordInquiry{Reference: charge(id), Charge: &engine.ChargeReport{
		Status: engine.ChargeSucceeded, Amount: amount, Currency: money.XOF, Live: true, GatewayReference: "59214",
	}})
	require.EqualValues(t, amount, w.count(t,
		"SELECT sum(amount) FROM postings WHERE account = 'suspense:paystack' AND transaction_id = $1", [16]byte(id)))
	return id
}

// What is captured and is not the price is nobody's until two persons say whose.
func TestSuspenseIsPlacedTwoByTwo(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		w.team(t)
		more, less := w.inSuspense(t, "B1", 60_000), w.inSuspense(t, "B2", 40_000)
		for _, cmd := range []engine.Command{engine.ReturnSuspense{Attempt: 1}, engine.KeepSuspense{Attempt: 1}} {
			_, err := w.Apply(t.Context(), engine.Ask{Transaction: less, Command: cmd})
			require.Error(t, err, "nobody alone")
		}
		keep := w.proposes(t, "awa", engine.Proposal{Kind: engine.ActKeep, Payment: less, Talent: "T1", Amount: 40_000, Number: 1})
		_, err := w.approves(t, "awa", keep)
		require.Equal(t, engine.CodeSamePerson, engine.CodeOf(err))
		a := by("koffi", engine.ActKeep)
		a.Proposal = keep.ID
		_, err = w.Apply(t.Context(), engine.Ask{Transaction: less, Command: engine.ReturnSuspense{Attempt: 1}, Act: &a})
		require.Error(t, err, "approved to be kept, it is not returned")

		applied, err := w.approves(t, "koffi", keep)
		require.NoError(t, err)
		require.EqualValues(t, 40_000, applied.State.Hold.Amount)
		back := w.proposes(t, "koffi", engine.Proposal{Kind: engine.ActReturn, Payment: more, Talent: "T1", Amount: 60_000, Number: 1})
		applied, err = w.approves(t, "awa", back)
		require.NoError(t, err)
		require.EqualValues(t, 60_000, applied.State.Owed())
		require.Zero(t, w.count(t, "SELECT sum(amount) FROM postings WHERE account = 'suspense:paystack'"))
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM open_bookings"), "what is kept has paid for its booking")
		require.Equal(t, 2, w.count(t, "SELECT count(*) FROM audit WHERE kind LIKE 'suspense_%'"))
		w.apply(t, less, engine.ConfirmDelivery{})
		w.sound(t)
	})
}

func TestAnApprovalStaysWithinTheDaysLimit(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.team(t)
	var proposals []engine.Proposal
	for _, booking := range []string{"B1", "B2", "B3", "B4"} {
		id := w.paid(t, booking)
		proposals = append(proposals, w.proposes(t, "awa", engine.Proposal{Kind: engine.ActRelease, Payment: id, Talent: "T1", Amount: 50_000}))
	}
	var approving sync.WaitGroup
	codes := make(chan engine.Code, len(proposals))
	for _, p := range proposals { // all at once: what each sees of the others must add up
		approving.Go(func() {
			_, err := w.approves(t, "koffi", p)
			if err != nil {
				codes <- engine.CodeOf(err)
			}
		})
	}
	approving.Wait()
	close(codes)
	for code := range codes {
		require.Equal(t, engine.CodeDailyLimit, code)
	}
	require.Equal(t, 2, w.count(t, "SELECT count(*) FROM holds WHERE status = 'released'"), "of 100 000 F")
}

func TestAProposalIsRuledOnOnceAndEnds(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.team(t)
	id := w.paid(t, "B1")
	p := w.proposes(t, "awa", engine.Proposal{Kind: engine.ActRelease, Payment: id, Talent: "T1", Amount: 50_000})
	waiting, err := w.Proposals(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []engine.Proposal{p}, waiting)
	again := w.proposes(t, "awa", engine.Proposal{Kind: engine.ActRelease, Payment: id, Talent: "T1", Amount: 50_000})
	require.Equal(t, p, again, "said again, it is the same")
	other := w.proposes(t, "koffi", engine.Proposal{Kind: engine.ActRelease, Payment: id, Talent: "T1", Amount: 50_000})
	require.NotEqual(t, p.ID, other.ID, "another person's is another")
	require.NoError(t, w.Refuse(t.Context(), other.ID, by("koffi", engine.ActRefuse)))
	require.NoError(t, w.Refuse(t.Context(), p.ID, by("awa", engine.ActRefuse)), "who made it may take it back")
	require.Equal(t, engine.CodeProposalOver, engine.CodeOf(w.Refuse(t.Context(), p.ID, by("koffi", engine.ActRefuse))))
	_, err = w.approves(t, "koffi", p)
	require.Equal(t, engine.CodeProposalOver, engine.CodeOf(err))
	require.Equal(t, engine.CodeProposalUnknown, engine.CodeOf(w.Refuse(t.Context(), freshID(), by("koffi", engine.ActRefuse))))
	refused, err := w.Proposal(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"refused", "awa"}, []string{refused.Verdict, refused.Checker})

	late := w.proposes(t, "awa", engine.Proposal{Kind: engine.ActRelease, Payment: id, Talent: "T1", Amount: 50_000})
	w.exec(t, "ALTER TABLE proposals DISABLE TRIGGER USER")
	w.exec(t, "UPDATE proposals SET made_at = made_at - interval '25 hours', ends_at = ends_at - interval '25 hours'")
	w.exec(t, "ALTER TABLE proposals ENABLE TRIGGER USER")
	_, err = w.approves(t, "koffi", late)
	require.Equal(t, engine.CodeProposalOver, engine.CodeOf(err))
	waiting, err = w.Proposals(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, waiting)

	ops := w.ops(t)
	gone := w.proposes(t, "awa", engine.Proposal{Kind: engine.ActRelease, Payment: id, Talent: "T1", Amount: 50_000})
	require.NoError(t, ops.EndStaff(t.Context(), "awa", by("root", engine.ActStaff)))
	_, err = w.approves(t, "koffi", gone)
	require.Equal(t, engine.CodeNotAllowed, engine.CodeOf(err), "who proposed it works for us no longer")
	require.Equal(t, engine.CodeStaffUnknown, engine.CodeOf(ops.EndStaff(t.Context(), "awa", by("root", engine.ActStaff))))
}

func TestStaffChangeAWalletTwoByTwoAndItCools(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.policy.WalletCooling = 24 * time.Hour
	w.team(t)
	ctx := t.Context()
	_, _, err := w.SetWallet(ctx, "T1", theirs("0500000001"))
	require.NoError(t, err)
	next := engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse("0500000002"), Name: "Awa"}
	p := w.proposes(t, "awa", engine.Proposal{Kind: engine.ActWallet, Talent: "T1", Wallet: &next})
	read, err := w.Proposal(ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, next, *read.Wallet)
	approval := func(who string) engine.Act {
		a := by(who, engine.ActWallet)
		a.Proposal = p.ID
		return a
	}
	_, err = w.SetWalletByStaff(ctx, "T1", next, approval("awa"))
	require.Equal(t, engine.CodeSamePerson, engine.CodeOf(err))
	alone := by("koffi", engine.ActWallet)
	_, err = w.SetWalletByStaff(ctx, "T1", next, alone)
	require.Error(t, err, "without a proposal")
	set, err := w.SetWalletByStaff(ctx, "T1", next, approval("koffi"))
	require.NoError(t, err)
	require.Equal(t, 2, set.No)

	id := w.paid(t, "B1")
	released := w.apply(t, id, engine.ConfirmDelivery{})
	require.Equal(t, engine.WaitingCooling, released.State.Payout.Waiting)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), released.State.Payout.NextAt, time.Minute)
	var before string
	require.NoError(t, w.window.QueryRow(ctx, "SELECT before::text FROM audit WHERE kind = 'wallet'").Scan(&before))
	require.NotContains(t, before, "0500000001", "an audit has no number in full")
	require.Contains(t, before, "****")
}

func TestAKeyStaysWhatItWasMade(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.team(t)
	ctx, ops := t.Context(), w.ops(t)
	hash := make([]byte, 32)
	platform := engine.Principal{Role: engine.RolePlatform, Platform: "platform", Scopes: []engine.Scope{engine.ScopePaymentsRead}}
	add := func(id string, whose engine.Principal) error {
		return ops.AddKey(ctx, engine.APIKey{ID: id, Principal: whose, Label: "shop", Pepper: "p1", Hash: hash}, by("root", engine.ActKey))
	}
	require.NoError(t, add("k1", platform))
	yao := engine.Principal{Role: engine.RoleSupport, Subject: "yao"}
	require.NoError(t, add("k2", yao))
	err := add("k3", engine.Principal{Role: engine.RoleSupport, Subject: "stranger"})
	require.Equal(t, engine.CodeStaffUnknown, engine.CodeOf(err))

	inUse := func() map[string]engine.Principal {
		keys, err := w.KeysInUse(ctx)
		require.NoError(t, err)
		out := map[string]engine.Principal{}
		for _, k := range keys {
			out[k.ID] = k.Principal
		}
		return out
	}
	platform.KeyID, yao.KeyID = "k1", "k2"
	require.Equal(t, map[string]engine.Principal{"k1": platform, "k2": yao}, inUse())
	require.NoError(t, ops.ChangeStaff(ctx, engine.Staff{Name: "yao", Role: engine.RoleFinance}, by("root", engine.ActStaff)))
	require.Equal(t, engine.RoleFinance, inUse()["k2"].Role, "a role is read, not remembered")
	require.NoError(t, ops.EndStaff(ctx, "yao", by("root", engine.ActStaff)))
	require.NotContains(t, inUse(), "k2")

	require.NoError(t, w.KeysUsed(ctx, map[string]time.Time{"k1": time.Now()}))
	require.NoError(t, ops.EndKey(ctx, "k1", time.Hour, by("root", engine.ActKey)))
	require.Contains(t, inUse(), "k1")
	require.NoError(t, ops.RevokeKey(ctx, "k1", by("root", engine.ActKey)))
	require.Empty(t, inUse())
	require.Equal(t, engine.CodeKeyUnknown, engine.CodeOf(ops.RevokeKey(ctx, "k1", by("root", engine.ActKey))))
	keys, err := w.Keys(ctx, 10)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.False(t, keys[0].Works(time.Now()) && keys[1].Works(time.Now()))
	for _, change := range []string{
		"UPDATE api_keys SET revoked_at = NULL", "UPDATE api_keys SET hash = decode(repeat('00', 31) || '01', 'hex')",
		"UPDATE api_keys SET scopes = '{payments:write}' WHERE id = 'k1'", "UPDATE api_keys SET expires_at = NULL WHERE id = 'k1'",
		"UPDATE api_keys SET staff = NULL", "UPDATE audit SET who = 'x'", "DELETE FROM audit", "TRUNCATE audit", "DELETE FROM proposals",
	} {
		_, err := w.window.Exec(ctx, change)
		require.Error(t, err, change)
	}
}
