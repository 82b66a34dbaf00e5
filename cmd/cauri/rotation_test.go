package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/gateways/forge"
	"github.com/bookmi/cauri/internal/lifecycle"
	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/persistence/pgtest"
)

// The keys that the page's words stand for.
const (
	oldKey    = "sk_test_old_" + canary
	newKey    = "sk_test_new_" + canary
	oldPepper = "old-" + madeUp
	newPepper = "new-" + madeUp
)

// rotation is an engine whose secrets are in a file, with webhooks coming all the while.
type rotation struct {
	*platform
	file     string
	log      *lines
	words    []string    // what else the page's words stand for, each word and its meaning
	called   chan string // with which key the gateway was called
	payments []string    // their references

	signedWith atomic.Pointer[[]string] // what the gateway signs with at the moment
	sent       atomic.Int64
	refused    atomic.Pointer[string]
}

// step writes what the page says at a step into the file, as a secret manager would: a
// new file in the old one's place.
func (r *rotation) step(t *testing.T, name string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/runbooks/rotate_keys.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)<!-- étape: " + name + " -->\n *```json\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block, "the page has no step %s", name)
	words := strings.NewReplacer(append([]string{
		"sk_live_ANCIENNE", oldKey, "sk_live_NOUVELLE", newKey, "ANCIEN_POIVRE", oldPepper, "NOUVEAU_POIVRE", newPepper,
	}, r.words...)...)
	text := words.Replace(string(block[1]))
	later := time.Now().Add(73 * time.Hour).UTC().Format(time.RFC3339)
	r.write(t, regexp.MustCompile(`20\d\d-\d\d-\d\dT[0-9:]+Z`).ReplaceAllString(text, later))
}

func (r *rotation) write(t *testing.T, text string) {
	t.Helper()
	beside := filepath.Join(filepath.Dir(r.file), "beside")
	write(t, beside, text)
	require.NoError(t, os.Rename(beside, r.file))
}

func startRotation(t *testing.T) *rotation {
	t.Helper()
	r := &rotation{
		platform: startPlatform(t), file: filepath.Join(t.TempDir(), "secrets.json"), log: &lines{}, called: make(chan string, 1000),
	}
	base, err := url.Parse(r.base)
	require.NoError(t, err)
	simulated := httputil.NewSingleHostReverseProxy(base)
	gateway := http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case r.called <- strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer "):
		default:
		}
		q.Header.Set("Authorization", "Bearer "+developmentPaystackKey)
		simulated.ServeHTTP(w, q)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() { _ = gateway.Serve(listener) })
	t.Cleanup(func() { _ = gateway.Close(); serving.Wait() })

	r.step(t, "avant")
	var cli program
	_, err = cli.parser(t.Context(), streams{&bytes.Buffer{}, &bytes.Buffer{}}).Parse([]string{
		"serve", "--database-url=" + r.dsn, "--http-addr=127.0.0.1:0", "--admin-addr=127.0.0.1:1", "--secrets-file=" + r.file,
		"--paystack-base-url=http://" + listener.Addr().String(), "--key-peppers=p1:" + oldPepper, "--shards=16",
	})
	require.NoError(t, err)
	given := cli.Settings
	settings := given
	require.NoError(t, settings.complete())
	settings.AdminAddr = "127.0.0.1:0"
	settings.unlimited()
	r.app = newApp(settings, settings.policy(), r.dsn, slog.New(slog.NewTextHandler(r.log, nil)))
	r.app.given = given
	var running lifecycle.Group
	require.NoError(t, r.app.start(t.Context(), &running))
	t.Cleanup(func() { require.NoError(t, running.Stop(context.Background())) })
	return r
}

// begin makes payments whose webhooks will come.
func (r *rotation) begin(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		told := r.initiate(t, fmt.Sprintf("B%d", i), "wave", fmt.Sprintf("07%04d0021", i)) // approved in 150 s: by then all has been told
		require.Equal(t, 202, told.status, told.raw)
		r.payments = append(r.payments, told.at("reference").(string)) //nolint:forcetypeassert // a string in every answer
	}
}

// pour sends genuine webhooks until the test ends, one payment after the other, each
// signed with one of the keys that the gateway signs with at the moment.
func (r *rotation) pour(t *testing.T, hands int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var pouring sync.WaitGroup
	for range hands {
		pouring.Go(func() {
			pace := time.NewTicker(2 * time.Millisecond) // a rotation has no need of all the machine
			defer pace.Stop()
			for ctx.Err() == nil {
				<-pace.C
				n := r.sent.Add(1)
				keys := *r.signedWith.Load()
				status := r.deliver(keys[int(n)%len(keys)], r.payments[int(n/2)%len(r.payments)])
				if status != http.StatusOK && status != 0 {
					said := fmt.Sprintf("%d for %s", status, keys[int(n)%len(keys)])
					r.refused.CompareAndSwap(nil, &said)
				}
			}
		})
	}
	return func() { cancel(); pouring.Wait() }
}

// deliver posts one webhook and returns the answer's status, 0 for none.
func (r *rotation) deliver(key, reference string) int {
	d := forge.Paystack(secret.New(key)).ChargeSuccess(reference, 50_000*100).Delivery()
	request, err := http.NewRequest(http.MethodPost, r.url()+"/webhooks/paystack", bytes.NewReader(d.Body))
	if err != nil {
		return 0
	}
	request.Header.Set(d.Header, d.Signatures[0])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close() // nothing is read of it
	return response.StatusCode
}

// until asks for a status of a key's signature: what is asked with is no genuine webhook
// of the gateway's, and is not counted as one.
func (r *rotation) until(t *testing.T, key string, status int) {
	t.Helper()
	require.Eventually(t, func() bool { return r.deliver(key, r.payments[0]) == status }, 20*time.Second, 50*time.Millisecond)
}

func (r *rotation) metrics(t *testing.T) string {
	t.Helper()
	response, err := http.Get(r.adminURL() + "/metrics")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }() // read to the end
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	require.NoError(t, err)
	return text.String()
}

func (r *rotation) metric(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.Lines(r.metrics(t)) {
		if value, is := strings.CutPrefix(line, name+" "); is {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (r *rotation) fails(t *testing.T, value string) {
	t.Helper()
	require.Eventually(t, func() bool { return r.metric(t, "cauri_secrets_reload_failed") == value }, 20*time.Second, 50*time.Millisecond)
}

// hangUp is kill -HUP. Only while an engine listens for it: it would end the test.
func hangUp(t *testing.T) {
	t.Helper()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
}

// DT-405: docs/runbooks/rotate_keys.md, step by step, while webhooks come all the time.
func TestTheRotationPageIsWhatHappens(t *testing.T) {
	r := startRotation(t)
	r.begin(t, 60)
	require.Equal(t, oldKey, <-r.called)
	r.signedWith.Store(&[]string{oldKey})
	stop := r.pour(t, 4)
	defer stop()
	require.Equal(t, 401, r.deliver(newKey, r.payments[0]), "not before the file has it")

	r.step(t, "ensemble")
	r.until(t, newKey, 200)
	r.signedWith.Store(&[]string{oldKey, newKey}) // retries of the old one's, and the new one's
	require.Equal(t, 401, r.deliver("sk_test_forged", r.payments[0]))
	for len(r.called) > 0 {
		<-r.called
	}
	require.Equal(t, 202, r.initiate(t, "after", "wave", "0799990021").status)
	goesOut := func() bool { return newKey == <-r.called }
	require.Eventually(t, goesOut, 10*time.Second, time.Millisecond, "calls go out with the new one at once")

	for name, wrong := range map[string]string{
		"half a file": `{"paystack_secret_key":[{"id":"2026-12","va`, "an empty list": `{"paystack_secret_key":[]}`,
		"one id twice":        `{"paystack_secret_key":[{"id":"a","value":"` + newKey + `"},{"id":"a","value":"` + oldKey + `"}]}`,
		"an unknown purpose":  `{"paystack_key":[]}`,
		"another environment": `{"paystack_secret_key":[{"id":"a","value":"sk_live_` + canary + `"}]}`,
		"a public key":        `{"paystack_secret_key":[{"id":"a","value":"pk_test_` + canary + `"}]}`,
		"none yet":            `{"paystack_secret_key":[{"id":"a","value":"` + newKey + `","not_before":"2126-01-01T00:00:00Z"}]}`,
	} {
		r.write(t, wrong)
		hangUp(t)
		r.fails(t, "1")
		require.Equal(t, []int{200, 200}, []int{r.deliver(oldKey, r.payments[0]), r.deliver(newKey, r.payments[1])}, name)
		r.step(t, "ensemble")
		hangUp(t)
		r.fails(t, "0")
	}
	require.NoError(t, os.Remove(r.file))
	r.fails(t, "1")
	r.step(t, "ensemble")
	r.fails(t, "0")
	for range 50 { // whoever can't wait
		hangUp(t)
	}

	r.signedWith.Store(&[]string{newKey}) // 73 hours later
	r.step(t, "après")
	r.until(t, oldKey, 401)
	stop()
	refused := "none"
	if said := r.refused.Load(); said != nil {
		refused = *said
	}
	require.Equal(t, "none", refused, "a genuine webhook was refused")
	for _, reference := range r.payments {
		id := "pay_" + strings.TrimSuffix(reference, "-c1")
		require.Equal(t, "held", r.call(t, "GET", "/v1/payments/"+id, "").at("hold.status"), id)
	}
	found, err := r.store.CheckInvariants(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	require.NotContains(t, r.log.String(), canary, "no value in a log")
	window, err := pgxpool.New(t.Context(), r.dsn)
	require.NoError(t, err)
	defer window.Close()
	holding, looked := pgtest.Holding(t, window, regexp.MustCompile(canary))
	require.Empty(t, holding, "no secret is in the database")
	require.Greater(t, looked, 100)
	require.NotContains(t, r.metrics(t), canary)
	fmt.Printf("rotation: %d webhooks of 60 payments while keys changed, none genuine refused; %s under the old key, %s under the new\n",
		r.sent.Load(), r.metric(t, `cauri_webhooks_signed_total{gateway="paystack",key="2026-06"}`),
		r.metric(t, `cauri_webhooks_signed_total{gateway="paystack",key="2026-12"}`))
}

// The pepper's step: keys made with the old one work until it goes.
func TestAPepperIsRotatedUnderTheKeysThatWereMadeWithIt(t *testing.T) {
	r := startRotation(t)
	r.begin(t, 1)
	s := shell{platform: r.platform, key: "none", pepper: oldPepper}
	made := s.did(t, "keys", "new", "--label=laravel", "--reason=a test's", "--json")
	key := regexp.MustCompile(`ck_test_[^"]+`).FindString(made)
	works := func(status int) {
		t.Helper()
		require.Eventually(t, func() bool {
			return r.call(t, "GET", "/v1/payments", "", "Authorization", "Bearer "+key).status == status
		}, 20*time.Second, 50*time.Millisecond)
	}
	works(200)
	r.step(t, "poivre")
	r.until(t, newKey, 200)
	works(200)
	r.write(t, `{"paystack_secret_key":[{"id":"2026-12","value":"`+newKey+`"}],"key_peppers":[{"id":"p2","value":"`+newPepper+`"}]}`)
	works(401)
}

func TestASecretsFileOthersMayWriteIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets.json")
	write(t, file, `{}`)
	require.NoError(t, os.Chmod(file, 0o622)) //nolint:gosec // that is the fault
	s := production()
	s.SecretsFile = file
	require.ErrorContains(t, s.complete(), "chmod go-w")
	require.NoError(t, os.Chmod(file, 0o600))
	require.NoError(t, s.complete())
	write(t, file, `{"key_peppers":[{"id":"p1","value":"`+canary+`"}]}`)
	err := s.complete()
	require.ErrorContains(t, err, "guessable", "what production requires it requires of the file's too")
	require.NotContains(t, err.Error(), canary)
	write(t, file, strings.Repeat(" ", secretsBytesMax+1))
	require.ErrorContains(t, s.complete(), "more than")
}

func TestWhatAFileBringsIsShownAsItsOwn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.json")
	write(t, file, `{"paystack_secret_key":[{"id":"a","value":"sk_test_`+canary+`"}]}`)
	code, out, errs := run(t, "config", "print", "--secrets-file="+file)
	require.Zero(t, code, errs)
	require.Regexp(t, `PAYSTACK_SECRET_KEY +file +\*`, out)
	require.Regexp(t, `CAURI_KEY_PEPPERS +development +development:\*`, out)
	_, out, _ = run(t, "doctor", "--secrets-file="+file)
	require.Regexp(t, `PAYSTACK_SECRET_KEY +set, by CAURI_SECRETS_FILE`, out)
	require.Regexp(t, `CAURI_DATA_KEYS +set to the development value`, out)
	require.NotContains(t, out, canary)
}
