package persistence_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/vault"
	"github.com/bookmi/cauri/persistence"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// Numbers nobody else has. The leading 0 is no part of what is looked for: a column of
// numbers would lose it.
const (
	payersPhone   = "0798765401"
	talentsPhone  = "0598765402"
	proposedPhone = "0198765403"
)

func canaries() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, number := range []string{payersPhone, talentsPhone, proposedPhone} {
		all = append(all, pgtest.Digits(number[1:]))
	}
	return all
}

func TestNoPhoneCanBeReadInTheDatabase(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		w.team(t)
		_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse(talentsPhone), Name: "Awa"})
		require.NoError(t, err)
		w.proposes(t, "awa", engine.Proposal{
			Kind: engine.ActWallet, Talent: "T1", Wallet: &engine.Wallet{Operator: phone.Wave, Phone: phone.MustParse(proposedPhone), Name: "Awa"},
		})
		id := freshID()
		command := initiation("B1")
		command.Payer.Operator, command.Payer.Phone = phone.Orange, phone.MustParse(payersPhone)
		_, err = w.Apply(t.Context(), engine.Ask{Transaction: id, Command: command, Key: key("k", 1)})
		require.NoError(t, err)
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM open_prompts"))
		told := succeeded(id, 50_000)
		told.Notification.Delivery.Body = fmt.Appendf(nil, `{"customer":{"phone":"+225 07 98 76 54 01"},"number":%q}`, payersPhone)
		w.apply(t, id, told)
		parked := succeeded(freshID(), 50_000).Notification
		parked.Delivery.Body = told.Notification.Delivery.Body
		require.NoError(t, w.Park(t.Context(), parked))
		w.apply(t, id, engine.ConfirmDelivery{})
		w.apply(t, id, engine.Tick{})
		require.Equal(t, 1, w.count(t, "SELECT count(*) FROM payout_tries WHERE length(phone_sealed) > 40"))

		found, looked := pgtest.Holding(t, w.window, canaries()...)
		require.Empty(t, found)
		require.Greater(t, looked, 200, "every column of every table")

		shown, err := w.Payment(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "+225"+payersPhone, shown.Transaction.Payer.Phone.E164(), "who has the key reads it")
		require.Equal(t, "+225"+talentsPhone, shown.Transaction.Payout.Tries[0].Wallet.Phone.E164())
		waiting, err := w.ClaimWaiting(t.Context(), 1, 0)
		require.NoError(t, err)
		require.Empty(t, waiting, "not due yet")
		w.exec(t, "UPDATE inbox SET next_at = now() WHERE status = 'waiting'")
		waiting, err = w.ClaimWaiting(t.Context(), 1, 0)
		require.NoError(t, err)
		require.Equal(t, parked.Delivery.Body, waiting[0].Deliveries[0].Body)
		w.sound(t)
	})
}

// The search must be able to fail.
func TestAPlantedPhoneIsFoundInEverySpelling(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, "CREATE TABLE planted (plain text, bytes bytea, number bigint, doc jsonb)")
	for column, value := range map[string]any{
		"plain": "payer +225 07 98 76 54 01 asked", "bytes": []byte("00225-07.98.76.54.01"), "number": int64(2250798765401),
		"doc": map[string]string{"phone": "07\u00a098\u00a076\u00a054\u00a001"},
	} {
		w.exec(t, "TRUNCATE planted")
		w.exec(t, "INSERT INTO planted ("+column+") VALUES ($1)", value)
		found, _ := pgtest.Holding(t, w.window, canaries()...)
		require.Equal(t, []string{"public.planted." + column}, found)
	}
}

// keyed is a vault whose keys are made of their names, the newest first.
func keyed(t testing.TB, data, index string) *vault.Vault {
	t.Helper()
	made := func(names string) (keys []secret.Named) {
		for _, name := range strings.Fields(names) {
			keys = append(keys, secret.Named{ID: name, Value: secret.New((name + strings.Repeat("*", 32))[:32])})
		}
		return keys
	}
	v, err := vault.New(made(data), made(index))
	require.NoError(t, err)
	return v
}

// under opens a store with other keys on the same database.
func (w *world) under(t testing.TB, v *vault.Vault) *persistence.Store {
	t.Helper()
	w.vault = v
	return w.another(t)
}

func TestARotatedKeyOpensWhatIsOldAndSealsWhatIsNew(t *testing.T) {
	t.Parallel()
	w := open(t)
	before := w.under(t, keyed(t, "d1", "i1"))
	begin := func(s *persistence.Store, booking, number string) engine.ID {
		command := initiation(booking)
		command.Payer.Operator, command.Payer.Phone, command.Amount = phone.Orange, phone.MustParse(number), 50_000
		id := freshID()
		_, err := s.Apply(t.Context(), engine.Ask{Transaction: id, Command: command, Key: key(booking, 1)})
		require.NoError(t, err)
		return id
	}
	old := begin(before, "B1", "0700000042")

	during := w.under(t, keyed(t, "d2 d1", "i2 i1"))
	shown, err := during.Payment(t.Context(), old)
	require.NoError(t, err)
	require.Equal(t, "+2250700000042", shown.Transaction.Payer.Phone.E164())
	again, err := during.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: initiation("B1"), Key: key("B1", 1)})
	require.NoError(t, err)
	require.Equal(t, engine.Replayed, again.Outcome, "a request is the same under another key")

	second := initiation("B2")
	second.Payer.Operator, second.Payer.Phone = phone.Orange, phone.MustParse("0700000042")
	_, err = during.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: second})
	require.Equal(t, engine.CodePromptOpen, engine.CodeOf(err), "the phone is being asked for that much, under the old key")
	_, err = before.Apply(t.Context(), engine.Ask{Transaction: old, Command: engine.RecordChargeAnswer{
		Attempt: 1, Err: engine.Errorf(engine.Declined, engine.CodeInsufficientFunds, "")}})
	require.NoError(t, err)
	fresh := begin(during, "B3", "0700000042")
	_, err = before.Apply(t.Context(), engine.Ask{Transaction: freshID(), Command: second})
	require.Equal(t, engine.CodePromptOpen, engine.CodeOf(err), "and a node that has the old key alone sees what one with both asks")
	require.Equal(t, []engine.ID{fresh, old}, found(t, during, engine.Search{Name: "07 00 00 00 42"}), "both are found")
	stranger := w.under(t, keyed(t, "d2 d1", "i3"))
	require.Empty(t, found(t, stranger, engine.Search{Name: "0700000042"}), "not by a key they were not indexed with")

	_, err = before.Payment(t.Context(), fresh)
	require.ErrorContains(t, err, `it is sealed under the data key "d2", which is not among CAURI_DATA_KEYS`)
	require.Equal(t, engine.CodeInternal, engine.CodeOf(err))
	w.sound(t)
}

func TestASealedPhoneOfAnotherRowIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	one, other := w.paid(t, "B1"), w.paid(t, "B2")
	w.exec(t, `UPDATE transactions SET version = version + 1, phone_sealed = (SELECT phone_sealed FROM transactions WHERE id = $2),
		phone_index = (SELECT phone_index FROM transactions WHERE id = $2) WHERE id = $1`, [16]byte(one), [16]byte(other))
	_, err := w.Payment(t.Context(), one)
	require.ErrorContains(t, err, "what is sealed was altered, or is another place's")
	_, err = w.Payment(t.Context(), other)
	require.NoError(t, err)

	_, err = w.Apply(t.Context(), engine.Ask{Transaction: one, Command: engine.ConfirmDelivery{}})
	require.Equal(t, engine.CodeInternal, engine.CodeOf(err))
	w.apply(t, other, engine.ConfirmDelivery{})
}

// One body that can't be opened keeps nobody else's waiting.
func TestADeliveryThatCantBeOpenedIsLeftOut(t *testing.T) {
	t.Parallel()
	w := open(t)
	notification := succeeded(freshID(), 50_000).Notification
	require.NoError(t, w.under(t, keyed(t, "d1", "i1")).Park(t.Context(), notification))
	readable := succeeded(freshID(), 50_000).Notification
	now := w.under(t, keyed(t, "d2", "i1"))
	require.NoError(t, now.Park(t.Context(), readable))
	w.exec(t, "UPDATE inbox SET next_at = now()")
	claimed, err := now.ClaimWaiting(t.Context(), 10, 0)
	require.NoError(t, err)
	require.Len(t, claimed, 2)
	for _, p := range claimed {
		require.Equal(t, p.Identity == readable.Identity, len(p.Deliveries) == 1)
	}
}

func TestResealingLetsAnOldKeyGo(t *testing.T) {
	t.Parallel()
	eachWriter(t, func(t *testing.T, w *world) {
		number := phone.MustParse(talentsPhone)
		w.vault = keyed(t, "d1", "i1")
		first := w.another(t)
		w.Store, w.writer = first, w.kind(t, first)
		_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.MTN, Phone: number, Name: "Awa"})
		require.NoError(t, err)
		w.team(t)
		w.proposes(t, "awa", engine.Proposal{
			Kind: engine.ActWallet, Talent: "T1", Wallet: &engine.Wallet{Operator: phone.Wave, Phone: phone.MustParse(proposedPhone), Name: "Awa"},
		})
		w.exec(t, "ALTER TABLE proposals DISABLE TRIGGER proposals_are_ruled_on_once")
		w.exec(t, "UPDATE proposals SET made_at = now() - interval '25 h', ends_at = now() - interval '1 h'")
		w.exec(t, "ALTER TABLE proposals ENABLE TRIGGER proposals_are_ruled_on_once")
		done := w.paid(t, "B1")
		w.apply(t, done, engine.ConfirmDelivery{})
		w.apply(t, done, engine.Tick{})
		asking := freshID()
		w.apply(t, asking, initiation("B2"))

		during := w.under(t, keyed(t, "d2 d1", "i2 i1"))
		machine := w.ops(t)
		tell := func(persistence.Resealed) {}
		dry, err := machine.Reseal(t.Context(), true, tell)
		require.NoError(t, err)
		require.Equal(t, []persistence.Resealed{
			{Table: "transactions", Looked: 2, Old: 2}, {Table: "payout_tries", Looked: 1, Old: 1}, {Table: "wallets", Looked: 1, Old: 1},
			{Table: "proposals", Looked: 1, Old: 1},
		}, dry)
		told := 0
		resealed, err := machine.Reseal(t.Context(), false, func(persistence.Resealed) { told++ })
		require.NoError(t, err)
		require.Equal(t, []persistence.Resealed{
			{Table: "transactions", Looked: 2, Old: 2, Sealed: 1, Left: 1}, {Table: "payout_tries", Looked: 1, Old: 1, Sealed: 1},
			{Table: "wallets", Looked: 1, Old: 1, Sealed: 1}, {Table: "proposals", Looked: 1, Old: 1, Sealed: 1},
		}, resealed, "who asks on their phone is left for the next run")
		require.Equal(t, 4, told)
		w.sound(t)
		w.apply(t, asking, engine.RecordChargeAnswer{
			Attempt: 1, Err: engine.Errorf(engine.Declined, engine.CodeInsufficientFunds, "")})
		resealed, err = machine.Reseal(t.Context(), false, tell)
		require.NoError(t, err)
		require.Equal(t, int64(1), resealed[0].Sealed)

		after := w.under(t, keyed(t, "d2", "i2"))
		for _, id := range []engine.ID{done, asking} {
			before, err := during.Payment(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, []engine.ID{id}, found(t, after, engine.Search{Name: before.Transaction.Payer.Phone.E164()}))
		}
		none, err := machine.Reseal(t.Context(), false, tell)
		require.NoError(t, err)
		for _, table := range none {
			require.Positive(t, table.Looked)
			require.Zero(t, table.Old)
		}
		wallet, _, err := after.Wallet(t.Context(), "T1")
		require.NoError(t, err)
		require.Equal(t, number, wallet.Phone)
		kept, err := after.KeptUnder(t.Context())
		require.NoError(t, err)
		require.Equal(t, []persistence.SealedUnder{{Table: "deliveries", Key: "d1", Rows: 1}}, kept, "evidence keeps its key")
		seen, err := after.SealedUnder(t.Context())
		require.NoError(t, err)
		bothEnds := persistence.SealedUnder{Table: "wallets", Key: "d2", Rows: 2, Known: true}
		require.Contains(t, seen, bothEnds, "a small table is seen from both ends")
		w.sound(t)
	})
}

// What the trigger lets through is a phone sealed anew, and nothing beside it.
func TestSealingAnewChangesNothingElse(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.paid(t, "B1")
	for _, change := range []string{
		"phone_sealed = 'anew', amount = 1", "phone_sealed = 'anew', decision = gen_random_uuid()",
		"phone_sealed = 'anew', version = version + 2",
		"phone_index = 'anew'", "talent_id = 'T2'",
	} {
		_, err := w.window.Exec(t.Context(), "UPDATE transactions SET "+change)
		require.ErrorContains(t, err, "version", change)
	}
	w.exec(t, "UPDATE transactions SET phone_sealed = 'anew', phone_index = 'anew'")

	_, _, err := w.SetWallet(t.Context(), "T1", engine.Wallet{Operator: phone.MTN, Phone: phone.MustParse(talentsPhone), Name: "Awa"})
	require.NoError(t, err)
	for _, change := range []string{"phone_sealed = phone_sealed", "phone_sealed = 'anew', name = 'Yao'", "operator = 'wave'"} {
		require.Equal(t, "append_only", w.refusal(t, "UPDATE wallets SET "+change), change)
	}
	w.exec(t, "UPDATE wallets SET phone_sealed = 'anew'")

	w.team(t)
	w.proposes(t, "awa", engine.Proposal{
		Kind: engine.ActWallet, Talent: "T1", Wallet: &engine.Wallet{Operator: phone.Wave, Phone: phone.MustParse(proposedPhone), Name: "Awa"},
	})
	require.Equal(t, "proposals_are_ruled_on_once", w.refusal(t, "UPDATE proposals SET phone_sealed = 'anew'"), "it may still be approved")
}
