package fedapay

import (
	"bytes"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// pagePath begins the hosted page's address; the transaction's token ends it.
const pagePath = "/sandbox/pay/"

// The page is small on purpose: what a payer decides, and nothing else.
var pageTemplate = template.Must(template.New("pay").Parse(`<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sandbox FedaPay</title></head>
<body style="font-family:sans-serif;max-width:24rem;margin:4rem auto">
<p>Sandbox FedaPay, {{.Domain}} : aucun argent réel.</p>
<h1>{{.Francs}} FCFA</h1>
<p>{{.Text}} · {{.Reference}} · <b>{{.Status}}</b></p>
{{if .Open}}<form method="post">
<p><select name="mode">{{range .Modes}}<option>{{.}}</option>{{end}}</select></p>
<button name="do" value="pay">Payer</button>
<button name="do" value="decline">Refuser</button>
<button name="do" value="cancel">Annuler</button>
</form>{{end}}
</body></html>`))

// page is what the template shows.
type page struct {
	Domain, Text, Reference, Status string

	Francs int64
	Modes  []string
	Open   bool
}

// servePage shows the hosted page and takes the payer's decision. Declined and
// canceled are decisions too, and not the last ones: until the link is over it
// can be opened again and paid.
func (s *Server) servePage(ctx *fasthttp.RequestCtx, r *request) {
	var shown page
	var back string
	decision := ""
	if r.Method == fasthttp.MethodPost {
		decision = r.Form.Get("do")
	}
	a := s.update(func(c *change) answer {
		row, found := c.transactions.Find("token:" + strings.TrimPrefix(r.Path, pagePath))
		if !found {
			return errNotFound
		}
		if decision != "" && c.payable(row, c.now) {
			if c.decide(row, decision, r.Form.Get("mode")) {
				back = returnTo(row)
			} else {
				return errState
			}
		}
		_, debited, _ := s.feesOf(row.Amount)
		shown = page{
			Domain: row.Domain, Text: row.Text, Reference: row.Reference, Status: row.Status, Francs: debited,
			Modes: c.hostedModes(row.Domain), Open: c.payable(row, c.now),
		}
		return answer{Code: fasthttp.StatusOK}
	})
	if a.Code != fasthttp.StatusOK {
		ctx.SetStatusCode(a.Code)
		return
	}
	ctx.Response.Header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	if back != "" {
		ctx.Response.Header.Set("Location", back)
		ctx.SetStatusCode(fasthttp.StatusSeeOther)
		return
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, shown); err != nil {
		ctx.SetStatusCode(fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(out.Bytes())
}

// decide does what the payer chose; false for a choice or a mode the page does
// not offer. It ends a prompt that was open on the phone.
func (c *change) decide(row *transaction, decision, mode string) bool {
	offered := c.hostedModes(row.Domain)
	mode = or(mode, offered[0])
	to := map[string]string{"pay": approved, "decline": declined, "cancel": canceled}[decision]
	if to == "" || !slices.Contains(offered, mode) {
		return false
	}
	row.Mode, row.Steps = mode, []step{c.expiry(row)}
	st := step{At: c.now, To: to}
	if to != approved {
		st.Error = apiError
	}
	c.advance(row, st)
	c.saveTransaction(row)
	return true
}

// returnTo is where the payer's browser goes: the callback with the id and the
// status, which anybody could have written there.
func returnTo(row *transaction) string {
	if row.Callback == "" {
		return ""
	}
	to, err := url.Parse(row.Callback)
	if err != nil { // it was checked when it came
		return ""
	}
	query := to.Query()
	query.Set("id", decimal(row.ID))
	query.Set("status", row.Status)
	to.RawQuery = query.Encode()
	return to.String()
}
