package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

// shell is somebody at a terminal: their own key, an engine, its database.
type shell struct {
	*platform
	key    string
	pepper string // none: the development one
}

// cauri runs a command line as main would, and returns what it prints.
func (s shell) cauri(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	if s.pepper == "" {
		s.pepper = developmentPepper
	}
	with := append([]string{"--database-url=" + s.dsn, "--api-url=" + s.url(), "--staff-key=" + s.key,
		"--paystack-base-url=" + s.base, "--key-peppers=p1:" + s.pepper, "--log-level=ERROR"}, args...)
	code = execute(context.Background(), with, streams{&o, &e})
	return code, o.String(), e.String()
}

// did is cauri when it is to succeed.
func (s shell) did(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := s.cauri(t, args...)
	require.Zero(t, code, "%v: %s", args, errs)
	return out
}

// as gives a member of staff a key, made at the terminal.
func (p *platform) as(t *testing.T, name string, role engine.Role) shell {
	t.Helper()
	s := shell{platform: p, key: "none"}
	s.did(t, "staff", "add", name, "--role="+string(role), "--daily-limit=1000000", "--reason=a test's")
	var made ShownKey
	out := s.did(t, "keys", "new", "--staff="+name, "--label=laptop", "--reason=a test's", "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	s.key = made.Key
	works := func() bool { code, _, _ := s.cauri(t, "proposal", "list"); return code == 0 }
	require.Eventually(t, works, 10*time.Second, 50*time.Millisecond)
	return s
}

// paid is a payment whose money is held.
func (p *platform) paid(t *testing.T, booking string) string {
	t.Helper()
	id, _ := p.initiate(t, booking, "wave", "0700000056").at("id").(string)
	require.NotEmpty(t, id)
	held := func() bool { return p.call(t, "GET", "/v1/payments/"+id, "").at("hold.status") == "held" }
	require.Eventually(t, held, 20*time.Second, 50*time.Millisecond)
	return id
}

func TestAReleaseByHandFromTwoTerminals(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	id := p.paid(t, "B1")
	awa, koffi, yao := p.as(t, "awa", engine.RoleFinance), p.as(t, "koffi", engine.RoleFinance), p.as(t, "yao", engine.RoleSupport)
	require.Contains(t, awa.did(t, "escrow", "list"), id)

	require.Contains(t, awa.did(t, "escrow", "release", id, "--reason=they called", "--dry-run"), "hold held → released; payout → due")
	require.Contains(t, awa.did(t, "proposal", "list"), "0 wait")
	code, _, errs := yao.cauri(t, "escrow", "release", id, "--reason=they called")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "not_allowed")
	code, _, _ = awa.cauri(t, "escrow", "release", id)
	require.Equal(t, exitUsage, code, "why?")

	var made http.Proposal
	require.NoError(t, json.Unmarshal([]byte(awa.did(t, "escrow", "release", id, "--reason=they called", "--json")), &made))
	code, _, errs = awa.cauri(t, "proposal", "approve", made.ID, "--reason=I know it")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "same_person")
	require.Contains(t, koffi.did(t, "proposal", "approve", made.ID, "--reason=seen", "--dry-run"), "hold held → released")
	require.Contains(t, koffi.did(t, "proposal", "approve", made.ID, "--reason=seen"), "approved by koffi")
	require.Contains(t, koffi.did(t, "payment", "get", "B1"), "wallet_missing")
	require.Contains(t, koffi.did(t, "payout", "list", "--waiting=wallet_missing"), id)
	audit := koffi.did(t, "audit", "--payment="+id)
	require.Contains(t, audit, "they called")
	require.Contains(t, audit, "seen")
	require.Equal(t, 3, strings.Count(audit, "\n"), "its head, and an act of each")
}

// Somebody presses again and again: it is approved once, and each time they are told so.
func TestTheSameApprovalManyTimesAtOnceIsOne(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	id := p.paid(t, "B1")
	awa, koffi := p.as(t, "awa", engine.RoleFinance), p.as(t, "koffi", engine.RoleFinance)
	var made http.Proposal
	require.NoError(t, json.Unmarshal([]byte(awa.did(t, "escrow", "release", id, "--reason=they called", "--json")), &made))
	koffi.did(t, "proposal", "list") // the engine knows the key
	answers := make(chan told, 20)
	var pressing sync.WaitGroup
	for range cap(answers) {
		pressing.Go(func() {
			answers <- p.call(t, "POST", proposalsPath+"/"+made.ID+"/approve", `{"reason":"seen"}`, "Authorization", "Bearer "+koffi.key)
		})
	}
	pressing.Wait()
	first := <-answers
	require.Equal(t, 200, first.status, first.raw)
	for range cap(answers) - 1 {
		require.Equal(t, first.raw, (<-answers).raw)
	}
	require.Contains(t, koffi.did(t, "payment", "get", id), "by staff")
	require.Equal(t, 2, strings.Count(koffi.did(t, "audit", "--payment="+id), "\n")-1, "proposed once, approved once")
}

// What staff do moves money in the real engine, not only in Decide.
func TestEveryKindOfProposalReachesTheEngine(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	id := p.paid(t, "B1")
	awa, koffi := p.as(t, "awa", engine.RoleFinance), p.as(t, "koffi", engine.RoleFinance)
	for kind, refusal := range map[engine.ActKind]string{
		engine.ActEndReview: "nothing_to_do", engine.ActReissue: "nothing_to_do", engine.ActPayoutPaid: "nothing_to_do",
		engine.ActSettleRefund: "nothing_to_do", engine.ActReturn: "nothing_to_do", engine.ActKeep: "nothing_to_do",
	} {
		code, _, errs := awa.cauri(t, "proposal", "make", string(kind), id, "--reason=a test's")
		require.Equal(t, exitRefused, code, "%s: %s", kind, errs)
		require.Contains(t, errs, refusal, kind)
	}
	code, _, errs := awa.cauri(t, "payment", "list", "--status=lost", "--json")
	var told struct{ Error failure }
	require.NoError(t, json.Unmarshal([]byte(errs), &told), errs)
	require.Equal(t, []any{exitRefused, "field_malformed"}, []any{code, told.Error.Code})
	require.Contains(t, told.Error.Problem.Errors[0].Detail, "succeeded", "which there are")
	require.Contains(t, awa.did(t, "payment", "verify", id, "--reason=they ask"), id)

	made := awa.did(t, "proposal", "make", "wallet", "--talent=T1", "--operator=wave", "--phone=0700000056", "--holder=Awa Koné",
		"--reason=lost telephone", "--json")
	require.NotContains(t, made, "0700000056")
	var wallet http.Proposal
	require.NoError(t, json.Unmarshal([]byte(made), &wallet))
	require.Contains(t, koffi.did(t, "proposal", "refuse", wallet.ID, "--reason=I called, it is not lost"), "refused by koffi")
	code, _, errs = koffi.cauri(t, "proposal", "approve", wallet.ID, "--reason=after all")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "proposal_over")
}

func TestAKeyIsRotatedAndRevokedAtTheTerminal(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	s := shell{platform: p, key: "none"}
	read := func(args ...string) (k ShownKey) {
		require.NoError(t, json.Unmarshal([]byte(s.did(t, append(args, "--reason=a test's", "--json")...)), &k))
		return k
	}
	works := func(k ShownKey, status int) {
		t.Helper()
		require.Eventually(t, func() bool {
			return p.call(t, "GET", "/v1/payments", "", "Authorization", "Bearer "+k.Key).status == status
		}, 10*time.Second, 50*time.Millisecond)
	}
	old := read("keys", "new", "--label=laravel", "--scopes=payments:read")
	works(old, 200)
	code, _, errs := s.cauri(t, "keys", "new", "--label=x", "--scopes=everything", "--reason=r")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "payments:read")
	require.NotContains(t, s.did(t, "keys", "new", "--label=x", "--reason=r", "--dry-run"), "ck_")

	next := read("keys", "rotate", old.ID, "--overlap=1h")
	require.Equal(t, old.Scopes, next.Scopes)
	works(next, 200)
	works(old, 200)
	s.did(t, "keys", "revoke", old.ID, "--reason=done")
	works(old, 401)
	works(next, 200)
	code, _, _ = s.cauri(t, "keys", "revoke", old.ID, "--reason=again")
	require.Equal(t, exitRefused, code)
	list := s.did(t, "keys", "list")
	require.NotContains(t, list, next.Key)
	require.Contains(t, list, next.ID)
}

func TestAWebhookIsSentVerifiedAndSeen(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	s := shell{platform: p, key: developmentAPIKey}
	id, _ := p.initiate(t, "B1", "wave", "0700000021").at("id").(string) // approved in 150 s by itself
	var w wired
	require.NoError(t, json.Unmarshal([]byte(s.did(t, "webhook", "send", "charge.success", id, "--dry-run", "--json")), &w))
	var answers []sent
	require.NoError(t, json.Unmarshal([]byte(s.did(t, "webhook", "send", "charge.success", id, "--copies=3", "--json")), &answers))
	require.Len(t, answers, 3)
	for i, outcome := range []string{"changed", "duplicate", "duplicate"} {
		require.Equal(t, 200, answers[i].Status)
		require.Contains(t, answers[i].Answer, outcome)
	}
	require.Equal(t, "held", p.call(t, "GET", "/v1/payments/"+id, "").at("hold.status"))

	var seen Tailed
	require.NoError(t, json.Unmarshal([]byte(s.did(t, "webhook", "tail", "--once", "--json")), &seen))
	require.Equal(t, []string{id, "counted"}, []string{seen.PaymentID, seen.Status})

	body := t.TempDir() + "/body.json"
	write(t, body, w.Body)
	var verdict Verdict
	out := s.did(t, "webhook", "verify", "paystack", "--signature="+w.Signature, "--body="+body, "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &verdict))
	require.Equal(t, id, verdict.PaymentID)
	require.True(t, verdict.Genuine)
	write(t, body, w.Body+"\n")
	code, out, _ := s.cauri(t, "webhook", "verify", "paystack", "--signature="+w.Signature, "--body="+body)
	require.Equal(t, exitBroken, code)
	require.Contains(t, out, "not genuine")
}

func TestWithLiveKeysNothingIsMadeUp(t *testing.T) {
	t.Parallel()
	var o, e bytes.Buffer
	code := execute(context.Background(), []string{"webhook", "send", "charge.success", "01kapw8c2vf8xtr0q6ynd9b5mh-c1", "--amount=5000",
		"--env=staging", "--paystack-secret-key=sk_live_" + canary, "--key-peppers=p1:" + madeUp,
		"--data-keys=" + spelledKeys("d1"), "--index-keys=" + spelledKeys("i1"), "--dry-run"}, streams{&o, &e})
	require.Equal(t, exitUsage, code)
	require.Contains(t, e.String(), "it would be believed")
	require.NotContains(t, o.String()+e.String(), canary)
}

func TestConfigPrintSaysWhereEachValueIsFrom(t *testing.T) {
	t.Setenv("CAURI_AMOUNT_MIN", "500")
	t.Setenv("PAYSTACK_SECRET_KEY", "sk_test_"+canary)
	t.Setenv("CAURI_PG_DOWNLOAD", "https://"+canary+"@builds.example/pg")
	code, out, errs := run(t, "config", "print", "--json", "--database-url=postgres://cauri:"+canary+"@db/cauri?sslmode=verify-full",
		"--key-peppers=p1:"+madeUp)
	require.Zero(t, code, errs)
	var shown configShown
	require.NoError(t, json.Unmarshal([]byte(out), &shown))
	got := map[string]Set{}
	for _, s := range shown.Settings {
		got[s.Name] = s
	}
	for name, want := range map[string]Set{
		"CAURI_AMOUNT_MIN":       {Value: "500", Origin: FromEnvironment},
		"CAURI_AMOUNT_MAX":       {Value: "2000000", Origin: FromDefault},
		"PAYSTACK_SECRET_KEY":    {Value: "******", Origin: FromEnvironment},
		"CAURI_API_KEY":          {Value: "******", Origin: FromDevelopment},
		"CAURI_KEY_PEPPERS":      {Value: "p1:******", Origin: FromFlag},
		"CAURI_DATA_KEYS":        {Value: "development:******", Origin: FromDevelopment},
		"DATABASE_URL":           {Value: "postgres://cauri:******@db/cauri?sslmode=verify-full", Origin: FromFlag},
		"CAURI_STARTS_PER_PHONE": {Value: "5/10m", Origin: FromDefault},
		"CAURI_PG_DOWNLOAD":      {Value: "https://******@builds.example/pg", Origin: FromEnvironment},
	} {
		require.Equal(t, want.Value, got[name].Value, name)
		require.Equal(t, want.Origin, got[name].Origin, name)
	}
	require.NotContains(t, out, canary)
	require.Len(t, got, len(settingNames()), "every setting")

	code, out, _ = run(t, "config", "print", "--env=production")
	require.Equal(t, exitMisconfigured, code)
	require.NotContains(t, out, canary)
}

// A rehearsal is refused for what the act itself would be, and leaves nothing.
func TestARehearsalPromisesWhatWouldBeDone(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	s := shell{platform: p, key: "none"}
	s.did(t, "staff", "add", "awa", "--role=finance", "--daily-limit=5000", "--reason=hired")
	for _, c := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"keys", "revoke", "nope"}, exitRefused, "key_unknown"},
		{[]string{"keys", "rotate", "nope"}, exitRefused, "no key of that id"},
		{[]string{"keys", "new", "--label=x", "--staff=nobody"}, exitRefused, "staff_unknown"},
		{[]string{"staff", "add", "awa", "--role=support"}, exitRefused, "taken"},
		{[]string{"staff", "end", "nobody"}, exitRefused, "staff_unknown"},
		{[]string{"staff", "change", "nobody", "--role=support"}, exitRefused, "staff_unknown"},
		{[]string{"webhook", "replay", "nope"}, exitRefused, "called so"},
		{[]string{"staff", "end", "awa"}, 0, `"would"`},
		{[]string{"staff", "add", "koffi", "--role=support"}, 0, `"would"`},
		{[]string{"keys", "new", "--label=x"}, 0, `"would"`},
		{[]string{"webhook", "show", "x"}, 0, `"would"`},
	} {
		code, out, errs := s.cauri(t, append(c.args, "--dry-run", "--json")...)
		require.Equal(t, c.exit, code, "%v: %s", c.args, errs)
		require.Contains(t, out+errs, c.says, c.args)
		require.True(t, json.Valid([]byte(out+errs)), "%v: %s", c.args, out+errs)
	}
	require.Equal(t, 1, strings.Count(s.did(t, "staff", "list"), "finance"))
	require.NotContains(t, s.did(t, "staff", "list"), "koffi")
	require.NotContains(t, s.did(t, "keys", "list"), " x ")
	for _, wrong := range [][]string{
		{"keys", "new", "--reason=r", "--label=a\nb"}, {"keys", "new", "--reason=r", "--label= "},
		{"keys", "new", "--label=a", "--reason=a\x1b[31m"},
	} {
		code, _, _ := s.cauri(t, wrong...)
		require.Equal(t, exitUsage, code, wrong)
	}
}

// Whoever sends what nobody takes has not sent it.
func TestASentWebhookThatIsNotTakenIsAFailure(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	id := p.paid(t, "B1")
	s := shell{platform: p, key: developmentAPIKey}
	code, _, errs := s.cauri(t, "webhook", "send", "charge.success", id, "--paystack-secret-key=sk_test_another")
	require.Equal(t, exitRefused, code, errs)
	require.Contains(t, errs, "1 of 1 were not taken: 401")
	for _, wrong := range [][]string{
		{"charge.success", "a b", "--amount=5"}, {"charge.success", "x", "--amount=92233720368547759"},
		{"charge.success", id, "--to=junk"}, {"", "x"},
	} {
		code, _, errs := s.cauri(t, append([]string{"webhook", "send"}, wrong...)...)
		require.Equal(t, exitUsage, code, "%v: %s", wrong, errs)
	}
}
