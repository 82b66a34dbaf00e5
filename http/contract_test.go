package http_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./http -update writes it")
	require.Equal(t, string(want), string(got), "the contract changed: if it was meant to, go test ./http -update")
}

func TestTheContractIsWhatWasAgreed(t *testing.T) {
	t.Parallel()
	e := start(t)
	a := e.do(t, "GET", "/openapi.json", "", headers{"Authorization": ""})
	require.Equal(t, 200, a.status)
	golden(t, "openapi.json", append(a.body, '\n'))
	var v30 struct {
		OpenAPI string         `json:"openapi"`
		Paths   map[string]any `json:"paths"`
	}
	old := e.do(t, "GET", "/openapi-3.0.json", "", headers{"Authorization": ""})
	require.NoError(t, json.Unmarshal(old.body, &v30))
	require.Regexp(t, `^3\.0`, v30.OpenAPI)
	require.Len(t, v30.Paths, 15)
	require.NotContains(t, string(old.body), `"type": [`)
	golden(t, "openapi-3.0.json", append(old.body, '\n'))
}

// pair is a request and its answer, as kept in testdata.
type pair struct {
	Request struct {
		Method  string          `json:"method"`
		Path    string          `json:"path"`
		Headers headers         `json:"headers,omitempty"`
		Body    json.RawMessage `json:"body,omitempty"`
	} `json:"request"`
	Response struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	} `json:"response"`
}

// What differs from run to run is spelled the same way in every golden pair.
var (
	idPattern   = regexp.MustCompile(`[0-9a-hjkmnp-tv-z]{26}`)
	fixedID     = []byte("01kapw8c2vf8xtr0q6ynd9b5mh")
	walkThrough = []struct{ name, method, path, body, key string }{
		{"initiate", "POST", "/v1/payments/initiate", "", "golden-1"},
		{"initiate_moov", "POST", "/v1/payments/initiate", "moov", "golden-2"},
		{"initiate_card", "POST", "/v1/payments/initiate", "card", "golden-7"},
		{"cancel", "POST", "/v1/payments/$LAST/cancel", "", "golden-8"},
		{"initiate_bad", "POST", "/v1/payments/initiate", "bad", "golden-3"},
		{"initiate_no_key", "POST", "/v1/payments/initiate", "", ""},
		{"submit_otp_wrong", "POST", "/v1/payments/submit_otp", `{"payment_id":"$ID","otp":"999999"}`, "golden-4"},
		{"submit_otp", "POST", "/v1/payments/submit_otp", `{"payment_id":"$ID","otp":"123456"}`, "golden-5"},
		{"get_processing", "GET", "/v1/payments/$ID", "", ""},
		{"webhook", "", "", "", ""},
		{"get_held", "GET", "/v1/payments/$ID", "", ""},
		{"confirm_delivery", "POST", "/v1/booking_requests/bk_1/confirm_delivery", "", "golden-6"},
		{"get_released", "GET", "/v1/payments/$ID", "", ""},
		{"balance", "GET", "/v1/talents/tl_1/balance", "", ""},
		{"wallet", "PUT", "/v1/talents/tl_1/wallet", `{"operator":"wave","phone":"0700000056","name":"Awa Koné"}`, ""},
		{"get_waited", "GET", "/v1/payments/$ID?wait=25s&since_version=1", "", ""},
		{"get_wait_malformed", "GET", "/v1/payments/$ID?wait=soon", "", ""},
		{"list_payments", "GET", "/v1/payments?status=succeeded,failed&operator=orange&limit=2", "", ""},
		{"list_payments_malformed", "GET", "/v1/payments?from=yesterday&cursor=x&status=lost&limit=0&stauts=failed", "", ""},
		{"list_payments_unread", "GET", "/v1/payments?from=yesterday&cursor=x", "", ""},
		{"list_payouts", "GET", "/v1/payouts?talent_id=tl_1", "", ""},
		{"payment_unknown", "GET", "/v1/payments/pay_01kapw8c2vf8xtr0q6ynd9b5mh", "", ""},
	}
)

func TestTheWalkIsAnsweredAsRecorded(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = wantsOTP
	id, last := "", ""
	for _, step := range walkThrough {
		if step.name == "webhook" {
			require.Equal(t, 200, e.deliver(t, successBody(t, strings.TrimPrefix(id, "pay_")+"-c1", 15000)).status)
			continue
		}
		body := strings.ReplaceAll(step.body, "$ID", id)
		switch {
		case body == "moov":
			body = orangeBody(t, map[string]any{"booking_id": "bk_2", "operator": "moov", "phone": "0100000001"})
		case body == "card":
			body = orangeBody(t, map[string]any{"booking_id": "bk_3", "method": "card", "operator": nil, "phone": nil})
		case body == "bad":
			body = orangeBody(t, map[string]any{"amount": 100.5, "phone": nil, "currency": "EUR"})
		case strings.HasSuffix(step.path, "initiate"):
			body = orangeBody(t, nil)
		}
		with := headers{"X-Request-Id": "request-of-" + step.name, "Idempotency-Key": step.key}
		a := e.do(t, step.method, strings.NewReplacer("$ID", id, "$LAST", last).Replace(step.path), body, with)
		if a.status == 202 {
			last = a.payment(t).ID
		}
		if step.name == "initiate" {
			id = last
		}
		public := "pay_" + string(fixedID)
		var p pair
		p.Request.Method, p.Request.Path = step.method, strings.NewReplacer("$ID", public, "$LAST", public).Replace(step.path)
		if step.key != "" {
			p.Request.Headers = key(step.key)
		}
		if body != "" {
			p.Request.Body = json.RawMessage(body)
		}
		p.Response.Status, p.Response.Body = a.status, a.body
		spelled, err := json.MarshalIndent(p, "", "  ")
		require.NoError(t, err)
		golden(t, step.name+".json", append(idPattern.ReplaceAll(spelled, fixedID), '\n'))
	}
}
