package fedapay

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// The shapes below have exactly the keys of FedaPay's samples; the tests hold
// them against the files.

// accountID is the merchant's number, as every object carries it.
const accountID = 8202

// currencyID is XOF's, in FedaPay's sandbox. Clients resolve it, they do not
// know it.
const currencyID = 1

// stamp writes a time as FedaPay does, null for none.
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

// some is n, or null when it is not known yet.
func some[N any](known bool, n N) *N {
	if !known {
		return nil
	}
	return &n
}

// paidCustomer is who paid, inside FedaPay's own metadata.
type paidCustomer struct {
	First string `json:"firstname"`
	Last  string `json:"lastname"`
	Email text   `json:"email"`
}

// metadata is FedaPay's, not the merchant's: that is custom_metadata.
type metadata struct {
	ExpireJob   string        `json:"expire_schedule_jobid"`
	PaidBy      *paidCustomer `json:"paid_customer,omitempty"`
	TransferJob string        `json:"transfer_schedule_jobid,omitempty"`
}

// transactionShape is a transaction in answers.
type transactionShape struct {
	Klass         string          `json:"klass"`
	ID            uint64          `json:"id"`
	Reference     string          `json:"reference"`
	Amount        int64           `json:"amount"`
	Description   text            `json:"description"`
	CallbackURL   text            `json:"callback_url"`
	Status        string          `json:"status"`
	CustomerID    uint64          `json:"customer_id"`
	CurrencyID    int             `json:"currency_id"`
	Mode          text            `json:"mode"`
	Operation     string          `json:"operation"`
	Metadata      metadata        `json:"metadata"`
	Commission    text            `json:"commission"`
	Fees          *int64          `json:"fees"`
	Fixed         *int64          `json:"fixed_commission"`
	Transferred   *int64          `json:"amount_transferred"`
	CreatedAt     stamp           `json:"created_at"`
	UpdatedAt     stamp           `json:"updated_at"`
	ApprovedAt    stamp           `json:"approved_at"`
	CanceledAt    stamp           `json:"canceled_at"`
	DeclinedAt    stamp           `json:"declined_at"`
	RefundedAt    stamp           `json:"refunded_at"`
	TransferredAt stamp           `json:"transferred_at"`
	DeletedAt     stamp           `json:"deleted_at"`
	LastError     text            `json:"last_error_code"`
	Custom        json.RawMessage `json:"custom_metadata"`
	Debited       *int64          `json:"amount_debited"`
	ReceiptURL    text            `json:"receipt_url"`
	MethodID      *uint64         `json:"payment_method_id"`
	SubAccounts   any             `json:"sub_accounts_commissions"`
	Key           string          `json:"transaction_key"`
	Merchant      text            `json:"merchant_reference"`
	AccountID     int             `json:"account_id"`
	BalanceID     *int            `json:"balance_id"`
	ExpiredAt     *stamp          `json:"expired_at,omitempty"`
}

func (s *Server) transactionShapeOf(t *transaction) transactionShape {
	paid := t.paid()
	shape := transactionShape{
		Klass: "v1/transaction", ID: t.ID, Reference: t.Reference, Amount: t.Amount, Description: text(t.Text),
		CallbackURL: text(t.Callback), Status: t.Status, CustomerID: t.Customer, CurrencyID: currencyID, Mode: text(t.Mode),
		Operation: "payment", Metadata: metadata{ExpireJob: s.code("expire", t.ID), PaidBy: t.PaidBy},
		Fees: some(paid, t.Fees), Fixed: some(paid, int64(0)), Transferred: some(paid, t.Net), Debited: some(paid, t.Debited),
		CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt), ApprovedAt: stamp(t.ApprovedAt),
		CanceledAt: stamp(t.CanceledAt), DeclinedAt: stamp(t.DeclinedAt), RefundedAt: stamp(t.RefundedAt),
		TransferredAt: stamp(t.TransferredAt), DeletedAt: stamp(t.DeletedAt), LastError: text(t.Error), Custom: orNull(t.Custom),
		Key: t.Key, Merchant: text(t.Merchant), AccountID: accountID, MethodID: some(paid, t.Method),
		BalanceID: some(paid, balanceID(t.Mode)), ExpiredAt: some(t.Status == expired, stamp(t.ExpiredAt)),
	}
	if paid {
		shape.Commission = text(s.commission())
	}
	if !t.TransferredAt.IsZero() {
		shape.Metadata.TransferJob = s.code("transfer", t.ID)
	}
	if !t.ReceiptAt.IsZero() {
		shape.ReceiptURL = text(s.receiptURL(t))
	}
	return shape
}

// createdShape is a transaction as its create answers: with a link, unless the
// Guesses leave it out.
type createdShape struct {
	transactionShape
	Token string `json:"payment_token,omitempty"`
	URL   string `json:"payment_url,omitempty"`
}

// fullShape is a transaction in webhooks: its parts are objects as well.
type fullShape struct {
	transactionShape
	Customer customerShape `json:"customer"`
	Currency currencyShape `json:"currency"`
	Method   *methodShape  `json:"payment_method"`
	Balance  *balanceShape `json:"balance"`
	Refunds  []refundShape `json:"refunds"`
}

func (s *Server) fullShapeOf(t *transaction) fullShape {
	payer, _ := s.customers.Find(idKey(t.Domain, t.Customer))
	full := fullShape{
		transactionShape: s.transactionShapeOf(t), Customer: customerShapeOf(payer), Currency: s.currency(),
		Refunds: s.refundShapesOf(t),
	}
	if t.paid() {
		full.Method = some(true, methodShapeOf(t))
		full.Balance = some(true, s.balanceShapeOf(t.Domain, t.Mode))
	}
	return full
}

// expanded is a transaction with those of its parts that ?include= names. The
// ids of the parts stay, as they do in webhooks.
func (s *Server) expanded(t *transaction, include string) any {
	if include == "" {
		return s.transactionShapeOf(t)
	}
	var plain, full map[string]json.RawMessage
	// Both are objects we have just written.
	_ = json.Unmarshal(encode(s.transactionShapeOf(t)), &plain)
	_ = json.Unmarshal(encode(s.fullShapeOf(t)), &full)
	names := strings.Split(include, ",")
	maps.DeleteFunc(full, func(key string, _ json.RawMessage) bool {
		_, always := plain[key]
		return !always && !slices.Contains(names, key)
	})
	return full
}

// methodShape is how a transaction was paid. A card's is a guess.
type methodShape struct {
	Klass     string `json:"klass"`
	ID        uint64 `json:"id"`
	Brand     string `json:"brand"`
	Country   string `json:"country"`
	Number    text   `json:"number"`
	DeletedAt stamp  `json:"deleted_at"`
	CreatedAt stamp  `json:"created_at"`
	UpdatedAt stamp  `json:"updated_at"`
	Method    string `json:"method"`
}

func methodShapeOf(t *transaction) methodShape {
	shape := methodShape{
		Klass: "v1/payment_method", ID: t.Method, Brand: t.Mode, Country: strings.ToUpper(or(t.Country, "ci")), Number: text(t.Phone),
		CreatedAt: stamp(t.ApprovedAt), UpdatedAt: stamp(t.ApprovedAt), Method: "phone",
	}
	if t.Mode == card {
		shape.Brand, shape.Number, shape.Method = "visa", "", "card"
	}
	return shape
}

// refundShape is one of a transaction's refunds. No sample has one: its keys are
// a guess.
type refundShape struct {
	Klass     string `json:"klass"`
	ID        uint64 `json:"id"`
	Amount    int64  `json:"amount"`
	CreatedAt stamp  `json:"created_at"`
	UpdatedAt stamp  `json:"updated_at"`
}

func (s *Server) refundShapesOf(t *transaction) []refundShape {
	shapes := []refundShape{}
	if t.Refunded == 0 { // most have none: don't look
		return shapes
	}
	for _, row := range s.refunds.Rows {
		if row.Domain == t.Domain && row.Transaction == t.ID {
			shapes = append(shapes, refundShape{"v1/refund", row.ID, row.Amount, stamp(row.CreatedAt), stamp(row.CreatedAt)})
		}
	}
	return shapes
}

// accountOf is the merchant as webhooks carry it: with all its balances and its
// owner's e-mail. Clients are not to keep it.
func (s *Server) accountOf(domain string) map[string]any {
	made := stamp(time.Date(2026, 1, 27, 17, 22, 46, 777_000_000, time.UTC))
	account := map[string]any{
		"klass": "v1/account", "id": accountID, "name": "Sandbox Merchant", "timezone": "UTC", "country": "CI",
		"created_at": made, "updated_at": made, "verified": domain == domainLive, "reference": "acc_0000000000",
		"blocked": false, "submitted": false, "has_balance_issue": false, "last_balance_issue_checked_at": made,
		"user_accounts": []any{map[string]any{
			"klass": "v1/user_account", "id": 8237, "account_id": accountID, "user_id": 7881, "role_id": 1,
		}},
		"users": []any{map[string]any{
			"klass": "v1/user", "id": 7881, "email": "owner@example.com", "confirmed_at": made, "reset_sent_at": nil,
			"admin": false, "admin_role": "user", "created_at": made, "updated_at": made, "firstname": "Owner",
			"lastname": "Example", "locale": "fr", "two_fa_enabled": false,
		}},
		"api_keys": []any{map[string]any{
			"klass": "v1/api_key", "id": 8807, "created_at": made, "updated_at": made, "public_key": "pk_" + domain + "_EXAMPLE",
		}},
		"balances": s.balancesOf(domain), "currencies": []currencyShape{s.currency()},
		"bank_accounts": []any{}, "mobile_accounts": []any{}, "card_accounts": []any{},
	}
	for _, unknown := range []string{
		"business_type", "business_identity_type", "business_identity_number", "business_vat_number",
		"business_registration_number", "business_category", "business_website", "business_address", "business_name",
		"business_phone", "business_email", "business_owner", "business_company_capital", "business_description",
		"reject_reason", "prospect_code", "deal_closer_code", "manager_code", "business_identity_id", "business_vat_id",
		"business_registration_id", "business_owner_signature_id", "business_identity", "business_vat",
		"business_registration", "business_owner_signature",
	} {
		account[unknown] = nil
	}
	return account
}

func orNull(m json.RawMessage) json.RawMessage {
	if len(m) == 0 {
		return json.RawMessage("null")
	}
	return m
}
