package paystack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Channels of a transaction.
const (
	channelCard        = "card"
	channelMobileMoney = "mobile_money"
)

// notCompleted is what verify says of a charge that is still open.
const notCompleted = "The transaction was not completed"

// A transaction's reference has no documented length; nobody sends 200
// characters on purpose.
const referenceBytesMax = 200

var (
	// Paystack docs, Transaction: alphanumerics and - . =
	transactionReference = regexp.MustCompile(`^[A-Za-z0-9.=-]+$`)
	// Ten national digits since 2021, the leading 0 among them; +225 before
	// them is a guess.
	nationalPhone      = regexp.MustCompile(`^0[0-9]{9}$`)
	internationalPhone = regexp.MustCompile(`^\+2250[0-9]{9}$`)
)

// chargeRequest is the body of POST /charge and /transaction/initialize, as far
// as it matters here. Amount may be a string or a number.
type chargeRequest struct {
	Email       string          `json:"email"`
	Amount      json.RawMessage `json:"amount"`
	Currency    string          `json:"currency"`
	Reference   string          `json:"reference"`
	Metadata    json.RawMessage `json:"metadata"`
	Callback    string          `json:"callback_url"`
	Channels    []string        `json:"channels"`
	MobileMoney *struct {
		Phone    string `json:"phone"`
		Provider string `json:"provider"`
	} `json:"mobile_money"`
}

// createCharge is POST /charge, for mobile money. Card data is refused: it
// needs an attestation nobody pretends to have.
func (s *Server) createCharge(r *request) answer {
	var body chargeRequest
	if json.Unmarshal(r.body, &body) != nil {
		return errBody
	}
	if body.Email == "" {
		return errChargeEmail
	}
	row, refused := s.newCharge(r, body)
	if refused != nil {
		return *refused
	}
	if body.MobileMoney == nil {
		return missingParams("mobile_money is required: this sandbox charges mobile money only")
	}
	provider, phone := strings.ToLower(body.MobileMoney.Provider), body.MobileMoney.Phone
	if _, taken := bankCodes[provider]; !taken {
		return invalidParams("Mobile money provider is not supported: use one of orange, mtn, wave")
	}
	if internationalPhone.MatchString(phone) && !s.cfg.Guesses.NoInternationalForm {
		phone = strings.TrimPrefix(phone, "+225")
	}
	if !nationalPhone.MatchString(phone) {
		return invalidParams("Mobile money phone is invalid")
	}
	row.Channel, row.Provider, row.Phone = channelMobileMoney, provider, phone
	row.Outcome = sandbox.OutcomeOf(phone)
	return s.update(func(c *change) answer {
		if refused := c.admit(row); refused != nil {
			return *refused
		}
		row.Status = s.flowOf(row)
		if row.Outcome == sandbox.NotFoundAtFirst {
			row.HiddenTo = c.now.Add(s.cfg.Timings.Hidden)
		}
		if row.Status == success {
			row.Status = pending
			c.capture(row)
		} else {
			row.Steps = s.courseOf(row, c.now)
		}
		c.saveCharge(row)
		if row.Status == success {
			return ok("Charge attempted", s.charged(row))
		}
		return ok("Charge attempted", s.prompt(row, r.base(s)))
	})
}

// newCharge checks what charge and initialize have in common.
func (s *Server) newCharge(r *request, body chargeRequest) (*charge, *answer) {
	no := func(a answer) (*charge, *answer) { return nil, &a }
	if address, err := mail.ParseAddress(body.Email); err != nil || address.Address != body.Email {
		return no(invalidParams("Invalid Email Address Passed"))
	}
	asked, valid := amountOf(body.Amount)
	switch {
	case len(body.Amount) == 0:
		return no(missingParams("Amount is required"))
	case !valid || asked < subunits:
		return no(invalidParams("Invalid Amount Sent"))
	case asked > s.cfg.Guesses.AmountMax:
		return no(errAmountLimit)
	case body.Currency != "" && body.Currency != currency:
		return no(errCurrency)
	case len(body.Reference) > referenceBytesMax,
		body.Reference != "" && !transactionReference.MatchString(body.Reference):
		return no(errReferenceAlphabet)
	}
	return &charge{
		Domain: r.domain, Reference: body.Reference, Email: body.Email,
		Requested: asked, Amount: asked - asked%subunits, // "any fractional part is ignored"
		Metadata: metadataOf(body.Metadata), IP: r.ip, Gateway: notCompleted,
	}, nil
}

// admit gives a new charge its place in the books, or refuses a reference that
// was used before, whatever became of it then.
func (c *change) admit(row *charge) *answer {
	if _, used := c.charges.find("ref:" + row.Domain + ":" + row.Reference); used {
		return &errDuplicateCharge
	}
	if len(c.charges.rows) >= rowsMax {
		return &errFull
	}
	row.ID, row.CreatedAt = c.id(), c.now
	row.Code = c.code("access", row.ID)
	row.Reference = or(row.Reference, "T"+strconv.FormatUint(row.ID, 10))
	return nil
}

// flows are the outcomes that answer alike whatever the operator's flow.
var flows = map[sandbox.Outcome]string{
	sandbox.SucceedsAtOnce:    success,
	sandbox.AnswersPending:    pending,
	sandbox.AnswersOpenURL:    openURL,
	sandbox.AnswersPayOffline: payOffline,
	sandbox.AnswersSendOTP:    sendOTP,
	sandbox.PendingAfterOTP:   sendOTP,
	sandbox.OpenURLAfterOTP:   sendOTP,
}

// flowOf is the first data.status of a charge: by number, else by operator.
func (s *Server) flowOf(row *charge) string {
	return or(flows[row.Outcome], s.cfg.Flows[row.Provider])
}

// declines are the outcomes that fail, with what is said of them. The wordings
// for Ivorian wallets are not known; the first is Paystack's for others.
var declines = map[sandbox.Outcome]string{
	sandbox.NoFunds:         "Insufficient funds",
	sandbox.WrongPIN:        "Incorrect PIN",
	sandbox.PayerRefuses:    "Transaction declined by customer",
	sandbox.OperatorDown:    "Operator is currently unavailable",
	sandbox.FailedPaidLater: "Payment could not be completed",
	sandbox.DownPaidLater:   "Operator is currently unavailable",
}

// courseOf is what will happen to a charge by itself from now on.
func (s *Server) courseOf(row *charge, from time.Time) []step {
	t := s.cfg.Timings
	approved, closes, late := from.Add(t.Approve), row.CreatedAt.Add(t.Window), row.CreatedAt.Add(t.LateSuccess)
	var course []step
	said, declined := declines[row.Outcome]
	switch {
	case row.Outcome == sandbox.EndsAsTimeout:
		course = []step{{At: closes, To: timeout, Message: "Transaction timed out", Gateway: "Timeout"}}
	case row.Outcome == sandbox.NeverApproves, row.Outcome == sandbox.AbandonedPaidLater, row.Status == sendOTP:
		course = []step{{At: closes, To: abandoned, Gateway: notCompleted}}
	case declined:
		course = []step{{At: approved, To: failed, Message: said, Gateway: "Declined"}}
	case row.Outcome == sandbox.ApprovesSlowly:
		course = []step{{At: from.Add(t.ApproveSlow), To: success}}
	default:
		course = []step{{At: approved, To: success}}
	}
	if row.Outcome.PaidLate() {
		course = append(course, step{At: late, To: success})
	}
	return course
}

// planCharge notes when the next step of a charge is due.
func (s *Server) planCharge(row *charge) {
	if len(row.Steps) == 0 || row.Steps[0].At.Equal(row.noted) {
		return
	}
	row.noted = row.Steps[0].At
	id := idKey(row.Domain, row.ID)
	s.agenda.At(row.Steps[0].At, func() {
		s.update(func(c *change) answer {
			row, _ := c.charges.find(id)
			if moved := c.walk(&row.Steps, func(st step) { c.advance(row, st) }); moved {
				c.saveCharge(row)
			}
			return answer{}
		})
	})
}

// walk takes the steps that are due; false if none is, because an earlier note
// in the agenda has seen to it.
func (c *change) walk(steps *[]step, take func(step)) (moved bool) {
	for len(*steps) > 0 && !(*steps)[0].At.After(c.now) {
		st := (*steps)[0]
		*steps = (*steps)[1:]
		take(st)
		moved = true
	}
	return moved
}

// advance takes one step, if the row's status allows it.
func (c *change) advance(row *charge, st step) {
	if !slices.Contains(chargeMoves[row.Status], st.To) {
		return
	}
	if st.To == success {
		c.capture(row)
		return
	}
	row.Status, row.Message, row.Gateway = st.To, st.Message, st.Gateway
}

// capture takes the payer's money: status, account and webhook in one change.
// It is the only place that does, and only once for a charge.
func (c *change) capture(row *charge) {
	share := int64(feeMobileMoney)
	row.Message, row.Gateway = "madePayment", "Approved"
	if row.Channel == channelCard {
		share = feeCard
		row.Message, row.Gateway = "", "Successful"
	}
	row.Status, row.PaidAt, row.Steps = success, c.now, nil
	row.Fees = row.Amount * share / feeWhole
	c.move(row.Domain, sandbox.Capture, row.Reference, row.Amount)
	c.move(row.Domain, sandbox.CaptureFee, row.Reference, -row.Fees)
	c.notify(row.Domain, chargeSuccess, row.Reference, row.Outcome, c.chargeEvent(row))
}

// submitOTP is POST /charge/submit_otp. A wrong code is not a failed payment:
// the payer may type another, after a wait when there were too many.
func (s *Server) submitOTP(r *request) answer {
	var body struct {
		OTP       json.RawMessage `json:"otp"`
		Reference string          `json:"reference"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		return errBody
	}
	otp := loose(body.OTP)
	return s.update(func(c *change) answer {
		row, found := c.visible(r.domain, body.Reference)
		switch {
		case !found:
			return errChargeReference
		case otp == "":
			return missingParams("OTP is required")
		case s.flowOf(row) != sendOTP:
			return invalidParams("This charge is not waiting for an OTP")
		case row.Status != sendOTP:
			return s.submitted(row, r)
		case c.now.Before(row.LockedTo):
			return s.tooManyOTPs()
		case otp != sandbox.OTP:
			return c.wrongOTP(row)
		}
		c.rightOTP(row)
		c.saveCharge(row)
		return s.submitted(row, r)
	})
}

func (s *Server) submitted(row *charge, r *request) answer {
	if row.PaidAt.IsZero() {
		return ok("Charge attempted", s.prompt(row, r.base(s)))
	}
	return ok("Charge attempted", submittedTransaction{
		transactionCore: s.coreOf(row), Date: stamp(row.CreatedAt),
	})
}

// wrongOTP counts a wrong code; after so many in a row a wait is imposed.
func (c *change) wrongOTP(row *charge) answer {
	row.WrongOTPs++
	if row.WrongOTPs%c.cfg.Guesses.OTPTriesMax == 0 {
		row.LockedTo = c.now.Add(c.cfg.Timings.OTPLock)
	}
	c.saveCharge(row)
	switch {
	case c.now.Before(row.LockedTo):
		return c.tooManyOTPs()
	case c.cfg.Guesses.WrongOTPFails:
		return ok("Charge attempted", promptedCharge{Reference: row.Reference, Status: failed, Message: "Incorrect OTP"})
	default:
		return refuse(400, "Incorrect OTP, please try again")
	}
}

func (s *Server) tooManyOTPs() answer {
	minutes := max(1, int(s.cfg.Timings.OTPLock/time.Minute))
	return refuse(400, fmt.Sprintf("Too many incorrect OTP entries, please try again in %d minutes", minutes))
}

// rightOTP lets the charge go on as its number wants.
func (c *change) rightOTP(row *charge) {
	row.WrongOTPs = 0
	_, declined := declines[row.Outcome]
	switch {
	case row.Outcome == sandbox.OpenURLAfterOTP:
		row.Status = openURL
	case declined, row.Outcome == sandbox.EndsAsTimeout, row.Outcome == sandbox.NeverApproves,
		row.Outcome == sandbox.AbandonedPaidLater, row.Outcome == sandbox.ApprovesSlowly,
		row.Outcome == sandbox.PendingAfterOTP, c.cfg.Guesses.AfterOTP == pending:
		row.Status = pending
	default:
		c.capture(row)
		return
	}
	row.Steps = c.courseOf(row, c.now)
	if declined { // an operator that asked for a code answers it at once
		first := row.Steps[0]
		row.Steps = row.Steps[1:]
		c.advance(row, first)
	}
}

// submitOther is submit_pin, submit_phone, submit_birthday and submit_address:
// no mobile money charge of Côte d'Ivoire asks for any of them.
func (s *Server) submitOther(r *request) answer {
	var body struct {
		Reference string `json:"reference"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		return errBody
	}
	return s.read(func(now time.Time) answer {
		if _, found := s.visibleAt(r.domain, body.Reference, now); !found {
			return errChargeReference
		}
		return invalidParams("This charge is not waiting for that")
	})
}

// checkCharge is GET /charge/:reference.
func (s *Server) checkCharge(r *request) answer {
	return s.read(func(now time.Time) answer {
		row, found := s.visibleAt(r.domain, r.arg, now)
		switch {
		case !found:
			return errChargeReference
		case !row.PaidAt.IsZero():
			return ok("Charge attempted", s.checked(row))
		case row.Status == pending, row.Status == failed:
			return ok("Reference check successful", s.prompt(row, r.base(s)))
		default:
			return ok("Charge attempted", s.prompt(row, r.base(s)))
		}
	})
}

// visibleAt finds a charge that Paystack admits to knowing.
func (s *Server) visibleAt(domain, reference string, now time.Time) (*charge, bool) {
	row, found := s.charges.find("ref:" + domain + ":" + reference)
	if !found || now.Before(row.HiddenTo) {
		return nil, false
	}
	return row, true
}

func (c *change) visible(domain, reference string) (*charge, bool) {
	return c.visibleAt(domain, reference, c.now)
}

// prompt is the answer of a charge that is not paid.
func (s *Server) prompt(row *charge, base string) promptedCharge {
	p := promptedCharge{Reference: row.Reference, Status: row.Status}
	switch row.Status {
	case sendOTP:
		p.Text = s.cfg.Guesses.OTPText
	case payOffline:
		p.Text = s.cfg.Guesses.OfflineText
	case openURL:
		p.URL = base + pagePath + row.Code
	case failed, timeout, abandoned:
		p.Message = or(row.Message, row.Gateway)
	}
	return p
}

func (s *Server) charged(row *charge) chargedTransaction {
	who := s.customerOf(row.Email)
	return chargedTransaction{
		Amount: row.Amount, Channel: row.Channel, CreatedAt: stamp(row.CreatedAt), Currency: currency, Domain: row.Domain,
		Fees: row.Fees, Gateway: row.Gateway, ID: row.ID, IP: row.IP, Message: text(row.Message), PaidAt: stamp(row.PaidAt),
		Reference: row.Reference, Status: row.Status, Date: stamp(row.CreatedAt),
		Authorization: s.briefAuthorizationOf(row),
		Customer:      briefCustomer{Code: who.Code, Email: who.Email, ID: who.ID, Risk: who.Risk},
	}
}

func (s *Server) checked(row *charge) checkedTransaction {
	return checkedTransaction{
		Amount: row.Amount, Currency: currency, Date: stamp(row.CreatedAt), Status: row.Status, Reference: row.Reference,
		Domain: row.Domain, Metadata: row.Metadata, Gateway: row.Gateway, Message: text(row.Message), Channel: row.Channel,
		IP: row.IP, Log: logOf(row), Fees: row.Fees, Authorization: s.authorizationOf(row), Customer: s.customerOf(row.Email),
	}
}

// amountOf reads subunits from a string of digits or a whole number.
func amountOf(field json.RawMessage) (int64, bool) {
	amount, err := strconv.ParseInt(loose(field), 10, 64)
	return amount, err == nil
}

// metadataOf is what verify and webhooks will show: the object sent, the object
// inside a string, or "" for nothing at all.
func metadataOf(field json.RawMessage) json.RawMessage {
	if len(field) == 0 || string(field) == "null" {
		return json.RawMessage(`""`)
	}
	var inner string
	if json.Unmarshal(field, &inner) == nil && strings.HasPrefix(inner, "{") && json.Valid([]byte(inner)) {
		return json.RawMessage(inner)
	}
	return bytes.Clone(field)
}

// base is where a payer's browser reaches us.
func (r *request) base(s *Server) string {
	return or(strings.TrimSuffix(s.cfg.PublicURL, "/"), "http://"+r.host)
}
