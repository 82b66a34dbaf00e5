package paystack

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// A transfer's reference: 16 to 50 of these (Paystack docs, Transfer). Its
// amount is a JSON integer, nothing else.
var (
	transferReference = regexp.MustCompile(`^[a-z0-9_-]+$`)
	jsonInteger       = regexp.MustCompile(`^[0-9]{1,15}$`)
)

const (
	transferReferenceMin = 16
	transferReferenceMax = 50
)

// createTransfer is POST /transfer. Amount and fee leave the balance at once
// (Paystack docs, How Transfers Work).
func (s *Server) createTransfer(r *request) answer {
	var body struct {
		Source    string          `json:"source"`
		Amount    json.RawMessage `json:"amount"`
		Currency  string          `json:"currency"`
		Recipient json.RawMessage `json:"recipient"`
		Reference string          `json:"reference"`
		Reason    string          `json:"reason"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		return errBody
	}
	amount, err := strconv.ParseInt(string(body.Amount), 10, 64)
	length := len(body.Reference)
	switch {
	case body.Source != "balance":
		return invalidParams("Source is invalid: transfers are made from the balance")
	case !jsonInteger.Match(body.Amount) || err != nil || amount < subunits:
		return errTransferAmount
	case body.Currency != currency: // left out it means NGN, which we have none of
		return errCurrency
	case length > 0 && !transferReference.MatchString(body.Reference):
		return errReferenceAlphabet
	case length > 0 && (length < transferReferenceMin || length > transferReferenceMax):
		return invalidParams("Your reference is to have 16 to 50 characters")
	}
	return s.update(func(c *change) answer {
		return c.transferTo(&transfer{
			Domain: r.domain, Reference: body.Reference, Amount: amount - amount%subunits, Reason: body.Reason,
			Fee: s.cfg.Guesses.TransferFee,
		}, loose(body.Recipient))
	})
}

// transferTo books a transfer that is well formed.
func (c *change) transferTo(row *transfer, payee string) answer {
	to, known := c.recipientFor(row.Domain, payee)
	if !known {
		return errRecipient
	}
	if _, used := c.transfers.find("ref:" + row.Domain + ":" + row.Reference); used {
		return duplicateTransfer(c.cfg.Guesses.DuplicateCode)
	}
	row.Outcome = sandbox.OutcomeOf(to.Account)
	switch {
	case row.Outcome == sandbox.TransferRefused:
		return errTransferWallet
	case c.accounts[row.Domain].Balance() < row.Amount+row.Fee:
		return errBalance
	case len(c.transfers.rows) >= rowsMax:
		return errFull
	}
	row.ID, row.CreatedAt = c.id(), c.now
	row.Code = "TRF_" + c.code("transfer", row.ID)
	row.Reference = or(row.Reference, strings.ToLower(row.Code))
	row.Recipient, row.Wallet, row.Status = to.Code, to.Account, pending
	if row.Outcome == sandbox.NotFoundAtFirst {
		row.HiddenTo = c.now.Add(c.cfg.Timings.Hidden)
	}
	if row.Outcome == sandbox.TransferWantsOTP {
		row.Status = wantsOTP
	}
	c.move(row.Domain, sandbox.Transfer, row.Reference, -row.Amount)
	c.move(row.Domain, sandbox.TransferFee, row.Reference, -row.Fee)
	row.Steps = c.transferCourse(row)
	c.walk(&row.Steps, func(st step) { c.advanceTransfer(row, st) })
	c.saveTransfer(row)
	if row.Status == wantsOTP {
		return ok("Transfer requires OTP to continue", queuedForOTP(row, to))
	}
	return ok("Transfer has been queued", queued(row, to))
}

// misses are the outcomes whose money never reaches the wallet.
var misses = map[sandbox.Outcome]string{
	sandbox.TransferFails:    failed,
	sandbox.TransferReversed: reversed,
	sandbox.TransferRejected: rejected,
	sandbox.TransferBlocked:  blocked,
}

// transferCourse is what will happen to a transfer by itself.
func (s *Server) transferCourse(row *transfer) []step {
	t := s.cfg.Timings
	sent := row.CreatedAt.Add(t.TransferSent)
	miss, missed := misses[row.Outcome]
	switch {
	case missed:
		return []step{{At: sent, To: miss}}
	case row.Outcome == sandbox.TransferReversesOut:
		return []step{{At: sent, To: success}, {At: sent.Add(t.TransferTurns), To: reversed}}
	case row.Outcome == sandbox.TransferWantsOTP:
		return []step{{At: row.CreatedAt.Add(t.TransferOTP), To: abandoned}}
	case row.Outcome == sandbox.TransferPendsLong:
		return []step{{At: row.CreatedAt.Add(t.TransferLong), To: success}}
	case row.Outcome == sandbox.TransferAtOnce, s.cfg.Guesses.TransferAtOnce:
		return []step{{At: row.CreatedAt, To: success}}
	default:
		return []step{{At: sent, To: success}}
	}
}

func (s *Server) planTransfer(row *transfer) {
	if len(row.Steps) == 0 || row.Steps[0].At.Equal(row.noted) {
		return
	}
	row.noted = row.Steps[0].At
	id := idKey(row.Domain, row.ID)
	s.agenda.At(row.Steps[0].At, func() {
		s.update(func(c *change) answer {
			row, _ := c.transfers.find(id)
			if moved := c.walk(&row.Steps, func(st step) { c.advanceTransfer(row, st) }); moved {
				c.saveTransfer(row)
			}
			return answer{}
		})
	})
}

// advanceTransfer takes one step. Whatever does not reach the wallet comes back
// to the balance. Only success, failed and reversed have an event.
func (c *change) advanceTransfer(row *transfer, st step) {
	if !slices.Contains(transferMoves[row.Status], st.To) {
		return
	}
	row.Status, row.UpdatedAt = st.To, c.now
	if st.To == success {
		row.SentAt = c.now
	} else {
		c.move(row.Domain, sandbox.TransferReturn, row.Reference, row.Amount)
		if st.To != reversed || !c.cfg.Guesses.TransferFeeKept {
			c.move(row.Domain, sandbox.TransferFeeReturn, row.Reference, row.Fee)
		}
	}
	to, _ := c.recipientFor(row.Domain, row.Recipient)
	switch st.To {
	case success:
		c.notify(row.Domain, transferSuccess, row.Reference, row.Outcome, succeededTransferEvent(row, to))
	case failed:
		c.notify(row.Domain, transferFailed, row.Reference, row.Outcome, turnedTransferEvent(row, to))
	case reversed:
		c.notify(row.Domain, transferReversed, row.Reference, row.Outcome, turnedTransferEvent(row, to))
	}
}

// transferCore is what every shape of a transfer has.
type transferCore struct {
	Domain    string `json:"domain"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Source    string `json:"source"`
	Reason    string `json:"reason"`
	Status    string `json:"status"`
	Code      string `json:"transfer_code"`
	ID        uint64 `json:"id"`
	Reference string `json:"reference"`
}

func transferCoreOf(row *transfer) transferCore {
	return transferCore{
		Domain: row.Domain, Amount: row.Amount, Currency: currency, Source: "balance", Reason: row.Reason,
		Status: row.Status, Code: row.Code, ID: row.ID, Reference: row.Reference,
	}
}

// otpTransfer answers POST /transfer while an OTP is wanted.
type otpTransfer struct {
	transferCore
	Integration int    `json:"integration"`
	Recipient   uint64 `json:"recipient"`
	Created     stamp  `json:"createdAt"`
	Updated     stamp  `json:"updatedAt"`
}

func queuedForOTP(row *transfer, to *recipient) otpTransfer {
	return otpTransfer{
		transferCore: transferCoreOf(row), Integration: integrationID, Recipient: to.ID,
		Created: stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
	}
}

// queuedTransfer answers POST /transfer: the recipient is a number.
type queuedTransfer struct {
	otpTransfer
	Sessions      []struct{} `json:"transfersessionid"`
	Trials        []struct{} `json:"transfertrials"`
	SourceDetails any        `json:"source_details"`
	Failures      any        `json:"failures"`
	Titan         any        `json:"titan_code"`
	Transferred   any        `json:"transferred_at"`
	Request       uint64     `json:"request"`
}

func queued(row *transfer, to *recipient) queuedTransfer {
	return queuedTransfer{
		otpTransfer: queuedForOTP(row, to), Sessions: []struct{}{}, Trials: []struct{}{}, Request: row.ID,
	}
}

// session is who carried a transfer: nobody we name.
type session struct {
	Provider any `json:"provider"`
	ID       any `json:"id"`
}

// payeeCore is what every recipient inside a transfer has.
type payeeCore struct {
	Active      bool            `json:"active"`
	Currency    string          `json:"currency"`
	Description text            `json:"description"`
	Domain      string          `json:"domain"`
	Email       any             `json:"email"`
	ID          uint64          `json:"id"`
	Integration int             `json:"integration"`
	Metadata    json.RawMessage `json:"metadata"`
	Name        string          `json:"name"`
	Code        string          `json:"recipient_code"`
	Type        string          `json:"type"`
	Deleted     bool            `json:"is_deleted"`
	Details     fullDetails     `json:"details"`
}

func payeeCoreOf(to *recipient) payeeCore {
	return payeeCore{
		Active: true, Currency: currency, Domain: to.Domain, ID: to.ID, Integration: integrationID,
		Metadata: metadataOrNull(to.Metadata), Name: to.Name, Code: to.Code, Type: channelMobileMoney,
		Details: fullDetails{details: detailsOf(to)},
	}
}

// fetchedPayee is the recipient in answers.
type fetchedPayee struct {
	payeeCore
	Created     stamp `json:"createdAt"`
	Updated     stamp `json:"updatedAt"`
	DeletedTwin bool  `json:"isDeleted"`
}

// fetchedTransfer answers verify and GET /transfer/:id_or_code.
type fetchedTransfer struct {
	transferCore
	Created       stamp        `json:"createdAt"`
	Updated       stamp        `json:"updatedAt"`
	Failures      any          `json:"failures"`
	Integration   int          `json:"integration"`
	SourceDetails any          `json:"source_details"`
	Titan         any          `json:"titan_code"`
	Request       uint64       `json:"request"`
	Transferred   stamp        `json:"transferred_at"`
	Recipient     fetchedPayee `json:"recipient"`
	Session       session      `json:"session"`
	Fee           int64        `json:"fee_charged"`
	FeesBreakdown any          `json:"fees_breakdown"`
	Gateway       any          `json:"gateway_response"`
}

func (s *Server) fetched(row *transfer) answer {
	to, _ := s.recipientFor(row.Domain, row.Recipient)
	return ok("Transfer retrieved", fetchedTransfer{
		transferCore: transferCoreOf(row), Created: stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
		Integration: integrationID, Request: row.ID, Transferred: stamp(row.SentAt), Fee: row.Fee,
		Recipient: fetchedPayee{payeeCore: payeeCoreOf(to), Created: stamp(to.CreatedAt), Updated: stamp(to.CreatedAt)},
	})
}

// verifyTransfer is GET /transfer/verify/:reference. Not found may mean not yet
// (Paystack docs, How Transfers Work).
func (s *Server) verifyTransfer(r *request) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.transfers.find("ref:" + r.domain + ":" + r.arg)
		if !found || now.Before(row.HiddenTo) {
			return errTransferNotFound
		}
		return s.fetched(row)
	})
}

// fetchTransfer is GET /transfer/:id_or_code.
func (s *Server) fetchTransfer(r *request) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.transfers.find("code:" + r.domain + ":" + r.arg)
		if !found {
			row, found = s.transfers.find("id:" + r.domain + ":" + r.arg)
		}
		if !found || now.Before(row.HiddenTo) {
			return errTransferNotFound
		}
		return s.fetched(row)
	})
}

// listedTransfer is one of GET /transfer. Paystack's sample has no reference;
// ours has, as a list without it reconciles nothing.
type listedTransfer struct {
	transferCore
	Integration   int         `json:"integration"`
	Recipient     listedPayee `json:"recipient"`
	SourceDetails any         `json:"source_details"`
	Failures      any         `json:"failures"`
	Created       stamp       `json:"createdAt"`
	Updated       stamp       `json:"updatedAt"`
}

type listedPayee struct {
	Domain      string          `json:"domain"`
	Type        string          `json:"type"`
	Currency    string          `json:"currency"`
	Name        string          `json:"name"`
	Details     details         `json:"details"`
	Description text            `json:"description"`
	Metadata    json.RawMessage `json:"metadata"`
	Code        string          `json:"recipient_code"`
	Active      bool            `json:"active"`
	ID          uint64          `json:"id"`
	Integration int             `json:"integration"`
	Created     stamp           `json:"createdAt"`
	Updated     stamp           `json:"updatedAt"`
}

// listTransfers is GET /transfer, newest first.
func (s *Server) listTransfers(r *request) answer {
	return s.read(func(now time.Time) answer {
		p, refused := pageOf(r)
		if refused != nil {
			return *refused
		}
		rows, meta := pick(p, s.transfers.rows, func(row *transfer) (uint64, time.Time, bool) {
			to, _ := s.recipientFor(row.Domain, row.Recipient)
			return row.ID, row.CreatedAt, row.Domain == r.domain && !now.Before(row.HiddenTo) &&
				fits(r.query.Get("status"), row.Status) &&
				(fits(r.query.Get("recipient"), row.Recipient) || r.query.Get("recipient") == strconv.FormatUint(to.ID, 10))
		})
		listed := make([]listedTransfer, len(rows))
		for i, row := range rows {
			to, _ := s.recipientFor(row.Domain, row.Recipient)
			listed[i] = listedTransfer{
				transferCore: transferCoreOf(row), Integration: integrationID,
				Created: stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
				Recipient: listedPayee{
					Domain: to.Domain, Type: channelMobileMoney, Currency: currency, Name: to.Name, Details: detailsOf(to),
					Metadata: metadataOrNull(to.Metadata), Code: to.Code, Active: true, ID: to.ID, Integration: integrationID,
					Created: stamp(to.CreatedAt), Updated: stamp(to.CreatedAt),
				},
			}
		}
		return list("Transfers retrieved", listed, meta)
	})
}
