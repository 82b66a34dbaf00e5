package http_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever writes the address writes the query: it must not pay for anything, be
// shown to the payer, or be found in a log.
func TestAForgedReturnChangesNothingAndIsNotRepeated(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = wantsOTP
	p := e.initiated(t, "bk_1")
	asks := e.asksSoFar()
	plain := e.do(t, "GET", "/return/"+p.ID, "", headers{"Authorization": ""})
	require.Equal(t, 200, plain.status)
	forged := e.do(t, "GET", "/return/"+p.ID+"?status=approved&reference="+p.Reference+"&id=forged-4711&x=%3Cscript%3E", "",
		headers{"Authorization": "", "Accept-Language": "en", "X-Forwarded-Host": "evil.example"})
	require.Equal(t, 200, forged.status)
	require.Equal(t, plain.body, forged.body)
	stranger := e.do(t, "GET", "/return/nothing-of-ours", "", headers{"Authorization": ""})
	require.Equal(t, plain.body, stranger.body, "it does not even say whether there is such a payment")

	require.Equal(t, asks, e.asksSoFar())
	require.Equal(t, "processing", e.do(t, "GET", "/v1/payments/"+p.ID, "").payment(t).Status)
	require.NotContains(t, e.log.String(), "forged-4711")
	require.NotContains(t, e.log.String(), "approved")
}

func TestTheReturnPageMayLoadAndSendNothing(t *testing.T) {
	t.Parallel()
	a := start(t).do(t, "GET", "/return/pay_01kapw8c2vf8xtr0q6ynd9b5mh", "", headers{"Authorization": ""})
	require.Equal(t, "text/html; charset=utf-8", a.header("Content-Type"))
	require.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; `+
		`base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`, a.header("Content-Security-Policy"))
	require.Equal(t, "no-referrer", a.header("Referrer-Policy"))
	require.Equal(t, "no-store", a.header("Cache-Control"))
	require.Equal(t, "fr", a.header("Content-Language"))
	require.Contains(t, string(a.body), "Retournez dans l’application")
}
