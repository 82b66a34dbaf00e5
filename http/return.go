package http

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/valyala/fasthttp"
)

// returnStyle is all the style the page has; the policy below allows it by its
// hash and nothing else at all.
const returnStyle = "body{font-family:sans-serif;margin:3rem auto;max-width:24rem;padding:0 1rem;text-align:center}"

// returnPage is what the payer's browser sees when a gateway's hosted page sends
// it back. It claims nothing about the payment: whoever wrote the address it came
// by may have been anybody.
const returnPage = `<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Retour à l’application</title>
<style>` + returnStyle + `</style>
</head>
<body>
<h1>Merci.</h1>
<p>Retournez dans l’application : elle vous dit où en est votre paiement.</p>
</body>
</html>
`

// returnPolicy: no script, no frame, no form, no address of anybody's.
var returnPolicy = func() string {
	sum := sha256.Sum256([]byte(returnStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// comeBack serves the page. It reads nothing of the request and changes nothing:
// what a query string says of a payment (?status=approved) is whatever its writer
// liked, and only a signed notification or an inquiry counts.
func (s *Server) comeBack(ctx *fasthttp.RequestCtx, c *call) {
	c.language = french // what the page is written in
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderContentSecurityPolicy, returnPolicy)
	h.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBodyString(returnPage)
}
