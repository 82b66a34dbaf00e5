package fedapay

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Bounds of a request. The lengths are ours: none is documented, and nobody
// sends more on purpose.
const (
	merchantBytesMax    = 200
	descriptionBytesMax = 1000
)

// An amount is a whole number of francs; digits in quotes are none.
var jsonInteger = regexp.MustCompile(`^[0-9]{1,15}$`)

// transactionBody is the body of POST and PUT /v1/transactions, as far as it
// matters here. The mode a sample of the documentation has is not looked at.
type transactionBody struct {
	Description string          `json:"description"`
	Amount      json.RawMessage `json:"amount"`
	Currency    currencyBody    `json:"currency"`
	Callback    string          `json:"callback_url"`
	Merchant    string          `json:"merchant_reference"`
	Custom      json.RawMessage `json:"custom_metadata"`
	Customer    *customerBody   `json:"customer"`
}

// currencyBody names XOF by its letters or by its number.
type currencyBody struct {
	ISO json.RawMessage `json:"iso"`
}

func (c currencyBody) ours() bool {
	iso := strings.Trim(string(c.ISO), `"`)
	return iso == currency || iso == strconv.Itoa(currencyCode)
}

// createTransaction is POST /v1/transactions.
func (s *Server) createTransaction(r *request) answer {
	var body transactionBody
	if json.Unmarshal(r.Body, &body) != nil {
		return s.invalid("body", "is invalid")
	}
	amount, err := strconv.ParseInt(string(body.Amount), 10, 64)
	g := s.cfg.Guesses
	switch {
	case body.Description == "":
		return s.invalid("description", "field required")
	case !jsonInteger.Match(body.Amount) || err != nil || amount < g.AmountMin || amount > g.AmountMax:
		return s.invalid("amount", "is invalid")
	case !body.Currency.ours():
		return s.invalid("currency", "is invalid")
	}
	if refused := s.checkTransaction(body); refused != nil {
		return *refused
	}
	return s.update(func(c *change) answer {
		row := &transaction{Domain: r.Domain, Amount: amount, Merchant: body.Merchant, Status: pending}
		row.describe(body)
		if refused := c.admit(row, body.Customer); refused != nil {
			return *refused
		}
		c.saveTransaction(row)
		c.notifyTransaction(row, transactionCreated)
		created := createdShape{transactionShape: s.transactionShapeOf(row)}
		if !g.NoTokenOnCreate {
			created.Token, created.URL = row.Tokens[0], s.pageURL(r, row.Tokens[0])
		}
		a := wrapped("v1/transaction", created)
		a.Code = g.CreatedCode
		return a
	})
}

// checkTransaction checks what create and update have in common.
func (s *Server) checkTransaction(body transactionBody) *answer {
	no := func(field string) *answer { a := s.invalid(field, "is invalid"); return &a }
	switch {
	case body.Callback != "" && !webAddress(body.Callback):
		return no("callback_url")
	case len(body.Description) > descriptionBytesMax:
		return no("description")
	case len(body.Merchant) > merchantBytesMax:
		return no("merchant_reference")
	case len(body.Custom) > 0 && body.Custom[0] != '{' && string(body.Custom) != "null":
		return no("custom_metadata")
	}
	return nil
}

// describe takes over what can be said of a transaction at any time.
func (t *transaction) describe(body transactionBody) {
	t.Text, t.Callback = or(body.Description, t.Text), or(body.Callback, t.Callback)
	if len(body.Custom) > 0 {
		t.Custom = bytes.Clone(body.Custom)
	}
}

// admit gives a new transaction its place in the books, or refuses a
// merchant_reference that was used before, whatever became of it then.
func (c *change) admit(row *transaction, payer *customerBody) *answer {
	if _, used := c.transactions.Find(merchantKey(row.Domain, row.Merchant)); used {
		a := c.duplicate()
		return &a
	}
	if len(c.transactions.Rows) >= rowsMax {
		return &errFull
	}
	who, refused := c.customerFor(row.Domain, payer)
	if refused != nil {
		return refused
	}
	row.ID, row.CreatedAt, row.Customer = c.id(transactionKind), c.now, who.ID
	row.Reference = "trx_" + c.code("reference", row.ID) + "_" + decimal(c.now.UnixMilli())
	row.Key = decimal(c.now.UnixMicro() + int64(row.ID))
	row.Tokens = []string{c.newToken(row)}
	row.Outcome = sandbox.OutcomeOf(who.Phone)
	if row.Outcome == sandbox.NotFoundAtFirst {
		row.HiddenTo = c.now.Add(c.cfg.Timings.Hidden)
	}
	if row.Outcome == sandbox.AnswersOpenURL {
		row.Steps = []step{{At: c.now.Add(c.cfg.Timings.Approve), To: approved}}
	}
	row.Steps = append(row.Steps, c.expiry(row))
	return nil
}

// expiry is the end of a transaction that nobody has paid.
func (s *Server) expiry(row *transaction) step {
	return step{At: row.CreatedAt.Add(s.cfg.Timings.Expiry), To: expired}
}

// newToken makes the next token of a transaction: both names are hashes of the
// seed, so they are no secrets.
func (s *Server) newToken(row *transaction) string {
	return s.code("token", row.ID) + s.code(row.Domain+decimal(len(row.Tokens)), row.ID)
}

// planTransaction notes when the next step of a transaction is due.
func (s *Server) planTransaction(row *transaction) {
	if len(row.Steps) == 0 || row.Steps[0].At.Equal(row.noted) {
		return
	}
	row.noted = row.Steps[0].At
	id := idKey(row.Domain, row.ID)
	s.agenda.At(row.Steps[0].At, func() {
		s.update(func(c *change) answer {
			row, _ := c.transactions.Find(id)
			if c.walk(&row.Steps, func(st step) { c.advance(row, st) }) {
				c.saveTransaction(row)
			}
			return answer{}
		})
	})
}

// transactionAt finds a transaction that FedaPay admits to knowing.
func (s *Server) transactionAt(key string, now time.Time) (*transaction, bool) {
	row, found := s.transactions.Find(key)
	hidden := found && (now.Before(row.HiddenTo) || s.cfg.Guesses.DeletedIsGone && !row.DeletedAt.IsZero())
	return row, found && !hidden
}

func (s *Server) showTransaction(r *request, key string) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.transactionAt(key, now)
		if !found {
			return errNotFound
		}
		return wrapped("v1/transaction", s.expanded(row, r.Query.Get("include")))
	})
}

// fetchTransaction is GET /v1/transactions/{id}.
func (s *Server) fetchTransaction(r *request) answer {
	return s.showTransaction(r, "id:"+r.Domain+":"+r.Arg)
}

// findTransaction is GET /v1/transactions/merchant/{merchant_reference}.
func (s *Server) findTransaction(r *request) answer {
	return s.showTransaction(r, merchantKey(r.Domain, r.Arg))
}

// listTransactions is GET /v1/transactions and /v1/transactions/search, newest
// first. What search looks at is a guess; * is everything.
func (s *Server) listTransactions(r *request) answer {
	wanted := strings.Trim(r.Query.Get("search"), "*")
	return s.read(func(now time.Time) answer {
		return list(r, "v1/transactions", s.transactions.Rows, func(row *transaction) bool {
			_, known := s.transactionAt(idKey(row.Domain, row.ID), now)
			return known && row.Domain == r.Domain &&
				(wanted == "" || strings.Contains(row.Merchant+"\n"+row.Reference+"\n"+row.Text+"\n"+decimal(row.ID), wanted))
		}, s.transactionShapeOf)
	})
}

// updateTransaction is PUT /v1/transactions/{id}: of one not paid yet, all but
// the money and the merchant_reference.
func (s *Server) updateTransaction(r *request) answer {
	var body transactionBody
	if json.Unmarshal(r.Body, &body) != nil {
		return s.invalid("body", "is invalid")
	}
	if refused := s.checkTransaction(body); refused != nil {
		return *refused
	}
	return s.update(func(c *change) answer {
		row, found := c.transactionAt("id:"+r.Domain+":"+r.Arg, c.now)
		switch {
		case !found:
			return errNotFound
		case !c.payable(row, c.now):
			return errState
		}
		row.describe(body)
		c.saveTransaction(row)
		c.notifyTransaction(row, transactionUpdated)
		return wrapped("v1/transaction", s.transactionShapeOf(row))
	})
}

// deleteTransaction is DELETE /v1/transactions/{id}: its link is over. What
// becomes of a prompt that is on the handset already is one of the Guesses.
func (s *Server) deleteTransaction(r *request) answer {
	return s.update(func(c *change) answer {
		row, found := c.transactionAt("id:"+r.Domain+":"+r.Arg, c.now)
		switch {
		case !found:
			return errNotFound
		case !c.payable(row, c.now), row.Status != pending && c.cfg.Guesses.DeletePendingOnly:
			return errState
		}
		row.DeletedAt = c.now
		if !row.Prompted || !c.cfg.Guesses.DeletedIsPaid {
			row.Steps = nil
		}
		c.saveTransaction(row)
		if c.cfg.Guesses.MoreEvents {
			c.notifyTransaction(row, transactionDeleted)
		}
		return s.deleted()
	})
}

// createToken is POST /v1/transactions/{id}/token: the link, in no envelope.
func (s *Server) createToken(r *request) answer {
	return s.update(func(c *change) answer {
		row, found := c.transactionAt("id:"+r.Domain+":"+r.Arg, c.now)
		switch {
		case !found:
			return errNotFound
		case !c.payable(row, c.now):
			return errState
		}
		if c.cfg.Guesses.NewTokens {
			row.Tokens = append(row.Tokens, c.newToken(row))
			c.saveTransaction(row)
		}
		token := row.Tokens[len(row.Tokens)-1]
		return answer{Code: 200, Body: struct {
			Token string `json:"token"`
			URL   string `json:"url"`
		}{token, s.pageURL(r, token)}}
	})
}

func (s *Server) pageURL(r *request, token string) string {
	return r.Base(s.cfg.PublicURL) + pagePath + token
}

// createReceipt is POST /v1/transactions/{id}/receipt_url. The receipt itself
// is not served.
func (s *Server) createReceipt(r *request) answer {
	return s.update(func(c *change) answer {
		row, found := c.transactionAt("id:"+r.Domain+":"+r.Arg, c.now)
		switch {
		case !found:
			return errNotFound
		case !row.paid():
			return errState
		}
		row.ReceiptAt = c.now
		c.saveTransaction(row)
		return answer{Code: 200, Body: struct {
			URL string `json:"url"`
		}{s.receiptURL(row)}}
	})
}

func (s *Server) receiptURL(row *transaction) string {
	return "https://receipt.example/" + s.code("receipt", row.ID)
}

// quoteFees is GET /v1/transactions/fees: what the payer of a token would be
// debited, in no envelope. The commission is a number here, a string elsewhere.
func (s *Server) quoteFees(r *request) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.transactionAt("token:"+r.Query.Get("token"), now)
		if !found || row.Domain != r.Domain {
			return errNotFound
		}
		fees, debited, net := s.feesOf(row.Amount)
		return answer{Code: 200, Body: struct {
			Debited    int64       `json:"amount_debited"`
			Net        int64       `json:"amount_transferred"`
			OnMerchant bool        `json:"apply_fees_to_merchant"`
			Commission json.Number `json:"commission"`
			Fees       int64       `json:"fees"`
			Fixed      int64       `json:"fixed_commission"`
			Message    string      `json:"message"`
		}{
			debited, net, s.cfg.Guesses.FeesOnMerchant, json.Number(s.commission()), fees, 0,
			"{fees} de frais supplémentaires sont appliqués sur votre paiement.",
		}}
	})
}

// webAddress reports that a browser may be sent there.
func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
