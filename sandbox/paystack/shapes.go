package paystack

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// The shapes below have exactly the keys of Paystack's samples; the tests hold
// them against the files. Each of its answers has keys of its own, hence the
// many types.

// integrationID is the merchant's number, as every object carries it.
const integrationID = 463433

// merchantEmail signs refunds.
const merchantEmail = "merchant@example.com"

// empty is {}, as Paystack writes what is not there.
type empty struct{}

// stamp writes a time as Paystack does, null for none.
type stamp time.Time

// MarshalJSON implements json.Marshaler.
func (s stamp) MarshalJSON() ([]byte, error) {
	if time.Time(s).IsZero() {
		return []byte("null"), nil
	}
	return []byte(time.Time(s).UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// text writes an empty string as null.
type text string

// MarshalJSON implements json.Marshaler.
func (t text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// transactionCore is what verify, fetch, list and submit_otp have in common.
type transactionCore struct {
	ID            uint64          `json:"id"`
	Domain        string          `json:"domain"`
	Status        string          `json:"status"`
	Reference     string          `json:"reference"`
	Amount        int64           `json:"amount"`
	Message       text            `json:"message"`
	Gateway       string          `json:"gateway_response"`
	PaidAt        stamp           `json:"paid_at"`
	CreatedAt     stamp           `json:"created_at"`
	Channel       string          `json:"channel"`
	Currency      string          `json:"currency"`
	IP            string          `json:"ip_address"`
	Metadata      json.RawMessage `json:"metadata"`
	Log           any             `json:"log"`
	Fees          *int64          `json:"fees"`
	FeesSplit     any             `json:"fees_split"`
	Authorization any             `json:"authorization"`
	Customer      any             `json:"customer"`
	Plan          any             `json:"plan"`
	Split         empty           `json:"split"`
	Subaccount    empty           `json:"subaccount"`
	OrderID       any             `json:"order_id"`
	PaidAtTwin    stamp           `json:"paidAt"`
	CreatedAtTwin stamp           `json:"createdAt"`
	Requested     int64           `json:"requested_amount"`
	POS           any             `json:"pos_transaction_data"`
	Source        any             `json:"source"`
}

// verifiedTransaction answers GET /transaction/verify/:reference.
type verifiedTransaction struct {
	transactionCore
	Receipt       any   `json:"receipt_number"`
	FeesBreakdown any   `json:"fees_breakdown"`
	Connect       any   `json:"connect"`
	Date          stamp `json:"transaction_date"`
	PlanObject    empty `json:"plan_object"`
}

// fetchedTransaction answers GET /transaction/:id.
type fetchedTransaction struct {
	transactionCore
	Receipt       any `json:"receipt_number"`
	Helpdesk      any `json:"helpdesk_link"`
	FeesBreakdown any `json:"fees_breakdown"`
	Connect       any `json:"connect"`
}

// listedTransaction is one of GET /transaction.
type listedTransaction struct {
	transactionCore
	Connect any `json:"connect"`
}

// submittedTransaction answers POST /charge/submit_otp when it succeeds.
type submittedTransaction struct {
	transactionCore
	FeesBreakdown any   `json:"fees_breakdown"`
	Date          stamp `json:"transaction_date"`
	PlanObject    empty `json:"plan_object"`
}

// chargedTransaction answers POST /charge when it succeeds at once.
type chargedTransaction struct {
	Amount        int64  `json:"amount"`
	Channel       string `json:"channel"`
	CreatedAt     stamp  `json:"created_at"`
	Currency      string `json:"currency"`
	Domain        string `json:"domain"`
	Fees          int64  `json:"fees"`
	Gateway       string `json:"gateway_response"`
	ID            uint64 `json:"id"`
	IP            string `json:"ip_address"`
	Message       text   `json:"message"`
	PaidAt        stamp  `json:"paid_at"`
	Reference     string `json:"reference"`
	Status        string `json:"status"`
	Date          stamp  `json:"transaction_date"`
	Authorization any    `json:"authorization"`
	Customer      any    `json:"customer"`
}

// checkedTransaction answers GET /charge/:reference of a success. It has no id.
type checkedTransaction struct {
	Amount        int64           `json:"amount"`
	Currency      string          `json:"currency"`
	Date          stamp           `json:"transaction_date"`
	Status        string          `json:"status"`
	Reference     string          `json:"reference"`
	Domain        string          `json:"domain"`
	Metadata      json.RawMessage `json:"metadata"`
	Gateway       string          `json:"gateway_response"`
	Message       text            `json:"message"`
	Channel       string          `json:"channel"`
	IP            string          `json:"ip_address"`
	Log           any             `json:"log"`
	Fees          int64           `json:"fees"`
	Authorization any             `json:"authorization"`
	Customer      any             `json:"customer"`
	Plan          any             `json:"plan"`
}

// promptedCharge answers a charge that is not over, or that failed.
type promptedCharge struct {
	Reference string `json:"reference"`
	Status    string `json:"status"`
	Message   string `json:"message,omitempty"`
	Text      string `json:"display_text,omitempty"`
	URL       string `json:"url,omitempty"`
}

// authorization is how the payer paid.
type authorization struct {
	Code        string `json:"authorization_code"`
	Bin         string `json:"bin"`
	Last4       string `json:"last4"`
	ExpMonth    string `json:"exp_month"`
	ExpYear     string `json:"exp_year"`
	Channel     string `json:"channel"`
	CardType    string `json:"card_type"`
	Bank        string `json:"bank"`
	Country     string `json:"country_code"`
	Brand       string `json:"brand"`
	Reusable    bool   `json:"reusable"`
	Signature   text   `json:"signature"`
	AccountName text   `json:"account_name"`
}

// briefAuthorization is that of POST /charge: fewer keys, and numbers where
// the others have strings.
type briefAuthorization struct {
	Code        string `json:"authorization_code"`
	Bank        string `json:"bank"`
	Bin         string `json:"bin"`
	Brand       string `json:"brand"`
	Channel     string `json:"channel"`
	Country     string `json:"country_code"`
	ExpMonth    int    `json:"exp_month"`
	ExpYear     int    `json:"exp_year"`
	Last4       string `json:"last4"`
	Reusable    bool   `json:"reusable"`
	AccountName text   `json:"account_name"`
}

// customer is who paid, as lists and webhooks show it.
type customer struct {
	ID       uint64 `json:"id"`
	First    text   `json:"first_name"`
	Last     text   `json:"last_name"`
	Email    string `json:"email"`
	Code     string `json:"customer_code"`
	Phone    text   `json:"phone"`
	Metadata any    `json:"metadata"`
	Risk     string `json:"risk_action"`
}

// fullCustomer is the same as verify shows it.
type fullCustomer struct {
	customer
	International any `json:"international_format_phone"`
}

// briefCustomer is the same as POST /charge shows it.
type briefCustomer struct {
	Code  string `json:"customer_code"`
	Email string `json:"email"`
	ID    uint64 `json:"id"`
	Risk  string `json:"risk_action"`
}

// cardLog is the log of a hosted page; mobile money has none.
type cardLog struct {
	Start    int64      `json:"start_time"`
	Spent    int64      `json:"time_spent"`
	Attempts int        `json:"attempts"`
	Errors   int        `json:"errors"`
	Success  bool       `json:"success"`
	Mobile   bool       `json:"mobile"`
	Input    []struct{} `json:"input"`
	History  []logLine  `json:"history"`
}

type logLine struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Time    int64  `json:"time"`
}

// customerOf makes the customer of an e-mail address: the same one each time,
// without a table of them.
func (s *Server) customerOf(email string) customer {
	h := fnv.New32a()
	h.Write([]byte(strings.ToLower(email)))
	id := uint64(h.Sum32())
	return customer{ID: id, Email: email, Code: "CUS_" + s.code("customer", id), Risk: "default"}
}

// authorizationOf is how a captured charge was paid.
func (s *Server) authorizationOf(row *charge) authorization {
	a := authorization{Code: "AUTH_" + s.code("authorization", row.ID)[:10], Channel: row.Channel, Country: "CI"}
	if row.Channel == channelCard {
		a.Bin, a.Last4, a.ExpMonth, a.ExpYear = "408408", "4081", "12", "2030"
		a.CardType, a.Bank, a.Brand, a.Reusable = "visa ", "TEST BANK", "visa", true
		a.Signature = text("SIG_" + s.code("signature", row.ID))
		return a
	}
	// Bank and brand of Ivorian wallets are guesses after the Ghanaian sample.
	const shownFirst, shownLast = 3, 3
	a.Bin, a.Last4 = row.Phone[:shownFirst]+"XXX", "X"+row.Phone[len(row.Phone)-shownLast:]
	a.ExpMonth, a.ExpYear = "12", "9999"
	a.Bank, a.Brand = walletNames[row.Provider], capital(strings.ToLower(walletNames[row.Provider]))
	return a
}

func (s *Server) briefAuthorizationOf(row *charge) briefAuthorization {
	a := s.authorizationOf(row)
	month, _ := strconv.Atoi(a.ExpMonth)
	year, _ := strconv.Atoi(a.ExpYear)
	return briefAuthorization{
		Code: a.Code, Bank: a.Bank, Bin: a.Bin, Brand: a.Brand, Channel: a.Channel, Country: a.Country,
		ExpMonth: month, ExpYear: year, Last4: a.Last4, Reusable: a.Reusable,
	}
}

var walletNames = map[string]string{"orange": "Orange Money", "mtn": "MTN Mobile Money", "wave": "Wave"}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// coreOf fills in what the transaction shapes share.
func (s *Server) coreOf(row *charge) transactionCore {
	core := transactionCore{
		ID: row.ID, Domain: row.Domain, Status: s.verifyStatus(row), Reference: row.Reference, Amount: row.Amount,
		Message: text(row.Message), Gateway: row.Gateway, PaidAt: stamp(row.PaidAt), CreatedAt: stamp(row.CreatedAt),
		Channel: row.Channel, Currency: currency, IP: row.IP, Metadata: row.Metadata,
		Authorization: empty{}, Customer: fullCustomer{customer: s.customerOf(row.Email)},
		PaidAtTwin: stamp(row.PaidAt), CreatedAtTwin: stamp(row.CreatedAt), Requested: row.Requested,
	}
	if !row.PaidAt.IsZero() {
		fees := row.Fees
		core.Fees = &fees
		core.Authorization = s.authorizationOf(row)
		core.Log = logOf(row)
	}
	return core
}

// logOf is what the hosted page did for a card; mobile money has no log.
func logOf(row *charge) any {
	if row.Channel != channelCard {
		return nil
	}
	spent := int64(row.PaidAt.Sub(row.CreatedAt) / time.Second)
	return cardLog{
		Start: row.CreatedAt.Unix(), Spent: spent, Attempts: 1, Success: true, Input: []struct{}{},
		History: []logLine{
			{"action", "Attempted to pay with card", spent},
			{"success", "Successfully paid with card", spent},
		},
	}
}
