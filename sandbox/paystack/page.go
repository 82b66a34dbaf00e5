package paystack

import (
	"bytes"
	"html/template"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
)

// pagePath begins the hosted page's address; the charge's code ends it.
const pagePath = "/sandbox/pay/"

// webAddress reports that a browser may be sent there.
func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// The page is small on purpose: what a payer decides, and nothing else.
var pageTemplate = template.Must(template.New("pay").Parse(`<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sandbox Paystack</title></head>
<body style="font-family:sans-serif;max-width:24rem;margin:4rem auto">
<p>Sandbox Paystack, {{.Domain}}: aucun argent réel.</p>
<h1>{{.Francs}} FCFA</h1>
<p>{{.Channel}} · {{.Reference}} · <b>{{.Status}}</b></p>
{{if .Open}}<form method="post" action="{{.Action}}">
<button name="do" value="pay">Payer</button>
<button name="do" value="decline">Échouer</button>
<button name="do" value="cancel">Annuler</button>
</form>{{end}}
</body></html>`))

// servePage shows the hosted page and takes the payer's decision. On an initialized
// one, what is declined may be tried again; a charge's link is over with its charge.
func (s *Server) servePage(ctx *fasthttp.RequestCtx, r *request) {
	code := strings.TrimPrefix(r.path, pagePath)
	decision := ""
	if r.method == fasthttp.MethodPost {
		decision = string(ctx.PostArgs().Peek("do"))
	}
	back := r.query.Get("redirect_to")
	var page struct {
		Domain, Channel, Reference, Status string
		Action                             string
		Francs                             int64
		Open                               bool
	}
	a := s.update(func(c *change) answer {
		row, found := c.charges.find("code:" + code)
		if !found {
			return answer{code: fasthttp.StatusNotFound}
		}
		c.decide(row, decision)
		page.Domain, page.Channel, page.Reference, page.Status = row.Domain, row.Channel, row.Reference, c.verifyStatus(row)
		page.Francs, page.Open = row.Amount/subunits, row.open()
		page.Action = pagePath + row.Code
		if back != "" {
			page.Action += "?" + url.Values{"redirect_to": {back}}.Encode()
		}
		if row.Callback != "" {
			back = row.Callback
		}
		return answer{code: fasthttp.StatusOK}
	})
	if a.code != fasthttp.StatusOK {
		ctx.SetStatusCode(a.code)
		return
	}
	ctx.Response.Header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	if decision != "" && webAddress(back) {
		// The callback proves nothing; that is why clients verify.
		to, _ := url.Parse(back)
		query := to.Query()
		query.Set("reference", page.Reference)
		query.Set("trxref", page.Reference)
		to.RawQuery = query.Encode()
		ctx.Response.Header.Set("Location", to.String())
		ctx.SetStatusCode(fasthttp.StatusSeeOther)
		return
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, page); err != nil {
		ctx.SetStatusCode(fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(out.Bytes())
}

// open reports that the page still takes a decision.
func (c *charge) open() bool {
	return c.Status == openURL || c.Hosted && c.PaidAt.IsZero()
}

// decide does what the payer chose; opening an initialized page is a beginning.
func (c *change) decide(row *charge, decision string) {
	if !row.open() {
		return
	}
	var st step
	switch {
	case decision == "pay":
		st = step{To: success}
	case decision == "decline":
		st = step{To: failed, Message: "Insufficient funds", Gateway: "Declined"}
	case decision == "cancel":
		st = step{To: abandoned, Gateway: notCompleted}
	case row.Hosted && row.Status != ongoing:
		st = step{To: ongoing, Gateway: notCompleted}
	default:
		return
	}
	row.Steps = nil
	c.advance(row, st)
	c.saveCharge(row)
}
